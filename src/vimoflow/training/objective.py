"""The training objective over a global batch that is seen in pieces (thesis 3.4 iii).

Every term is a mean over all valid frames of the global batch, not of each clip, micro-batch or
process: the counts come first, then each piece adds its share of the sum.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from vimoflow.training.losses import PAIR_TERMS, TERMS, FrameLosses, LossWeights, pairwise


@dataclass(frozen=True)
class Counts:
    """What the means of a global batch are divided by.

    Attributes:
        frames: valid frames.
        pairs: valid frames whose next frame is valid.
        weight: sum of the timestep weights over valid frames.
    """

    frames: Float[Tensor, ""]
    pairs: Float[Tensor, ""]
    weight: Float[Tensor, ""]

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.frames + other.frames, self.pairs + other.pairs, self.weight + other.weight
        )


def count(weights: Float[Tensor, "batch frames"], valid: Bool[Tensor, "batch frames"]) -> Counts:
    """Counts of one piece, float64."""
    mask = valid.double()
    _, pairs = pairwise(mask, valid)
    return Counts(mask.sum(), pairs.double().sum(), (weights * mask).sum())


def share_of_objective(
    losses: FrameLosses,
    factors: LossWeights,
    weights: Float[Tensor, "batch frames"],
    valid: Bool[Tensor, "batch frames"],
    counts: Counts,
) -> Float[Tensor, ""]:
    """One piece's part of the objective; the parts of all pieces add up to it.

    Args:
        losses: of the piece's frames.
        factors: on the terms; the simple loss has 1.
        weights: by timestep; a term over two frames takes the smaller weight.
        valid: frames that count.
        counts: of the whole global batch.
    """
    pair_weights, pairs = pairwise(weights, valid)
    of_frames = (weights * valid) / counts.frames.clamp(min=1).to(weights)
    of_pairs = (pair_weights * pairs) / counts.pairs.clamp(min=1).to(weights)
    total = torch.zeros((), device=weights.device)
    for name in TERMS:
        factor = 1.0 if name == "simple" else getattr(factors, name)
        if factor > 0:
            scale = of_pairs if name in PAIR_TERMS else of_frames
            total = total + factor * (getattr(losses, name) * scale).sum()
    return total
