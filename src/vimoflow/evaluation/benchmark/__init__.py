"""Benchmarks: which clips, what is compared with the truth on them, and the scores."""
