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
        """As few windows as cover the sequence with at least ``overlap`` shared frames.

        Only the last one's place depends on the length of the sequence.
        """
        if frames <= length:
            return cls(frames, frames, (0,))
        hop = length - overlap
        last = frames - length
        return cls(frames, length, (*range(0, last, hop), last))

    def moved(self, by: int) -> WindowPlan:
        """The same cover with all windows but the first and the last ``by`` frames later.

        ``by`` is at most the hop; a window is added where one is missing at the start.
        """
        inner = [start + by for start in self.starts[:-1] if start + by < self.starts[-1]]
        return WindowPlan(self.frames, self.length, (0, *inner, self.starts[-1]))

    def part(self, windows: range) -> WindowPlan:
        """Some neighbouring windows by themselves, in frames from the first one's start."""
        starts = tuple(self.starts[w] - self.starts[windows.start] for w in windows)
        return WindowPlan(starts[-1] + self.length, self.length, starts)

    def span(self, windows: range) -> slice:
        """The sequence's frames that those windows cover."""
        return slice(self.starts[windows.start], self.starts[windows.stop - 1] + self.length)

    @property
    def reach(self) -> int:
        """How many neighbours to either side a window shares frames with, at most."""
        ends = [sum(s < start + self.length for s in self.starts) for start in self.starts]
        return max(end - 1 - i for i, end in enumerate(ends))

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
