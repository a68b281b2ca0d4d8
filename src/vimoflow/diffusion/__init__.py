"""Diffusion on sequences of feature vectors: schedules, weights, samplers, denoisers."""
