"""Readers of the public corpora that the shipped weights were trained on."""
