"""Metrics, paired with the truth and of whole sets, and how certain they are."""
