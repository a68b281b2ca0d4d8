"""Windows of features to one sequence and back: each has its origin under its own first root."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from vimoflow.diffusion.windows import WindowPlan
from vimoflow.geometry.rotations import matrix_to_sixd, sixd_to_matrix
from vimoflow.motion.features import LAYOUT

GROUND = slice(LAYOUT.root.start, LAYOUT.root.start + 3, 2)  # x and z of the root


def merge_windows(
    features: Float[Tensor, "batch w l 151"], plan: WindowPlan
) -> Float[Tensor, "batch frames 151"]:
    """One sequence from windows whose origins lie under their own first root.

    Each window is moved on the ground to where its overlap with the one before agrees in the mean.
    """
    ground = features[..., GROUND]
    offsets = [torch.zeros_like(ground[:, 0, 0])]
    for i in range(1, len(plan.starts)):
        shared = plan.starts[i - 1] + plan.length - plan.starts[i]
        gap = ground[:, i - 1, plan.length - shared :] - ground[:, i, :shared]
        offsets.append(offsets[-1] + gap.mean(dim=1))
    moved = features.clone()
    moved[..., GROUND] += torch.stack(offsets, dim=1)[:, :, None]
    return plan.merge(moved)


def split_windows(
    features: Float[Tensor, "batch frames 151"], plan: WindowPlan
) -> Float[Tensor, "batch w l 151"]:
    """The inverse: windows with their origin under their own first root."""
    windows = plan.split(features)
    ground = windows[..., GROUND]
    windows[..., GROUND] = ground - ground[:, :, :1]
    return windows


class Joined:
    """One sequence that grows piece by piece; only the sequence itself is kept.

    A piece is moved on the ground to where its overlap with what is there agrees in the mean, and
    the overlap is cross-faded.
    """

    def __init__(self, batch: int, frames: int) -> None:
        self.features = torch.zeros(batch, frames, LAYOUT.size)
        self.end = 0

    def append(self, first: int, piece: Float[Tensor, "batch l 151"]) -> None:
        """Add a piece that begins at frame ``first``, at or before the end of what is there."""
        shared = self.end - first
        if shared > 0:
            piece = piece.clone()
            there, ours = self.features[:, first : self.end], piece[:, :shared]
            gap = (there[..., GROUND] - ours[..., GROUND]).mean(dim=1, keepdim=True)
            piece[..., GROUND] += gap
            weight = torch.arange(1, shared + 1).to(piece)[:, None] / (shared + 1)
            piece[:, :shared] = torch.lerp(there.to(piece), piece[:, :shared], weight)
        self.end = first + piece.shape[1]
        self.features[:, first : self.end] = piece


def orthonormal(features: Float[Tensor, "*batch 151"]) -> Float[Tensor, "*batch 151"]:
    """Features whose 6D channels are proper rotations again."""
    sixd = features[..., LAYOUT.rotations].unflatten(-1, (-1, 6))
    clean = features.clone()
    clean[..., LAYOUT.rotations] = matrix_to_sixd(sixd_to_matrix(sixd)).flatten(-2)
    return clean
