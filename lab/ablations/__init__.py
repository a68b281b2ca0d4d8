"""Ablations: many short trainings, evaluated alike and put into one table."""
