"""Normalisation statistics of the training windows."""

from __future__ import annotations

import torch

from vimoflow.diffusion.checkpoint import Normalization
from vimoflow.training.material import Material

_MIN_STD = 0.1  # channels that hardly move (wrists, toes) must not have their noise blown up


def measure_normalization(material: Material, seed: int, batches: int = 20) -> Normalization:
    """Mean and standard deviation of the features as training sees them: augmented, canonical."""
    generator = torch.Generator().manual_seed(seed)
    rows = []
    for _ in range(batches):
        batch = material.draw(64, 150, generator)
        rows.append(batch.features[batch.valid])
    features = torch.cat(rows).double()
    return Normalization(features.mean(0).float(), features.std(0).clamp(min=_MIN_STD).float())
