"""Noise that belongs to absolute frames, so that windows which overlap share it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from vimoflow.motion.features import LAYOUT

# Whole sixteens: torch draws the odd rest differently, so that the last frames' noise would depend
# on how many frames there are.
_STRETCH = 1600  # frames drawn at once: what any one frame needs does not grow with its place
_PRIME = 2**61 - 1


@dataclass(frozen=True)
class FrameNoise:
    """Standard normal noise of a row, a denoising step and an absolute frame.

    Attributes:
        seed: of everything.
        batch: rows; each draws its own, whatever the size of the batch.
        device: where the noise is wanted.
    """

    seed: int
    batch: int
    device: torch.device

    def __call__(self, step: int, first: int, end: int) -> Float[Tensor, "batch frames 151"]:
        """Noise of frames ``first`` to ``end - 1`` at a step; -1: what sampling starts from."""
        rows = [
            torch.cat(
                [
                    self._stretch(row, step, number, end)[max(0, first - number * _STRETCH) :]
                    for number in range(first // _STRETCH, -(-end // _STRETCH))
                ]
            )
            for row in range(self.batch)
        ]
        return torch.stack(rows).to(self.device)

    def _stretch(self, row: int, step: int, number: int, end: int) -> Tensor:
        """Noise of one stretch up to frame ``end``."""
        seed = ((self.seed * 100_003 + row) * 2_003 + step + 1 + number * _PRIME) % 2**63
        frames = min(end - number * _STRETCH, _STRETCH)
        generator = torch.Generator().manual_seed(seed)
        return torch.randn(-(-frames // 16) * 16, LAYOUT.size, generator=generator)[:frames]
