"""Metrics of whole sets of clips: distributions beside the truth's, and the samples' diversity."""
