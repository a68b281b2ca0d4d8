"""Overlapping windows over a long sequence, and how to blend them back."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor


@dataclass(frozen=True)
class WindowPlan:
    """Windows of equal length that cover ``frames`` frames.

    Attributes:
        frames: length of the whole sequence.
        length: frames a window, at most ``frames``.
        starts: first frame of each window.
    """

    frames: int
    length: int
    starts: tuple[int, ...]

    @classmethod
    def cover(cls, frames: int, length: int = 150, overlap: int = 50) -> WindowPlan:
        """As few windows as cover the sequence with at least ``overlap`` shared frames."""
        if frames <= length:
            return cls(frames, frames, (0,))
        hop = length - overlap
        count = -(-(frames - length) // hop) + 1
        last = frames - length
        return cls(frames, length, tuple(round(i * last / (count - 1)) for i in range(count)))

    @property
    def index(self) -> Int[Tensor, "windows length"]:
        """The sequence's frame at each place of each window."""
        return torch.tensor(self.starts)[:, None] + torch.arange(self.length)

    def split(self, x: Shaped[Tensor, "batch frames *rest"]) -> Shaped[Tensor, "batch w l *rest"]:
        """The windows of a sequence."""
        return x[:, self.index.to(x.device)]

    def merge(self, x: Float[Tensor, "batch w l *rest"]) -> Float[Tensor, "batch frames *rest"]:
        """Back to one sequence; overlaps are cross-faded."""
        weights = self._fade().to(x)
        index = self.index.to(x.device).flatten()
        total = torch.zeros(self.frames, dtype=x.dtype, device=x.device)
        total.index_add_(0, index, weights.flatten())
        shape = (1, *weights.shape, *([1] * (x.ndim - 3)))
        out = torch.zeros(x.shape[0], self.frames, *x.shape[3:], dtype=x.dtype, device=x.device)
        out.index_add_(1, index, (x * weights.reshape(shape)).flatten(1, 2))
        return out / total.reshape(1, -1, *([1] * (x.ndim - 3)))

    def _fade(self) -> Tensor:
        """(windows, length) weights that rise and fall linearly over the overlaps."""
        weights = torch.ones(len(self.starts), self.length)
        for i in range(1, len(self.starts)):
            shared = self.starts[i - 1] + self.length - self.starts[i]
            ramp = torch.arange(1, shared + 1) / (shared + 1)
            weights[i, :shared] *= ramp
            weights[i - 1, self.length - shared :] *= ramp.flip(0)
        return weights
