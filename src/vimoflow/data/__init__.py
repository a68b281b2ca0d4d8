"""Corpora in, training batches out."""
