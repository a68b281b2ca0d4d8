"""Windows that denoise together, over any length in bounded memory.

At every step a window needs its neighbours' estimates, so all windows seem to have to take a step
before any takes the next. But what a window is after n steps depends only on those at most n
neighbours away: a block of windows can run through all its steps if at every step it moves by as
many windows to the left as neighbours reach (time skewing, as stencil codes do it). The result is
the same as with all windows at once; memory holds one block and its staircase of unfinished
windows, as many as there are steps, however long the sequence is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor


@runtime_checkable
class WindowDenoising(Protocol):
    """What is done to ranges of windows; tensors are (batch, windows, length, channels)."""

    def start(self, windows: range) -> Tensor:
        """Pure noise."""

    def estimate(self, tick: int, windows: range, noisy: Tensor) -> Tensor:
        """The clean data, as each window sees it."""

    def agree(self, tick: int, around: range, estimates: Tensor, windows: range) -> Tensor:
        """Estimates of ``windows`` that agree with all their neighbours', which are ``around``."""

    def advance(self, tick: int, windows: range, noisy: Tensor, clean: Tensor) -> Tensor:
        """Less noisy data."""


def roll(
    task: WindowDenoising, count: int, ticks: int, reach: int, block: int
) -> Iterator[tuple[int, Tensor]]:
    """Run ``ticks`` steps over ``count`` windows; yields each (number, result) in order.

    Args:
        task: what to do.
        count: windows there are.
        ticks: steps to take.
        reach: how many neighbours to either side a window shares frames with.
        block: windows that take a step together; at least twice the reach.
    """
    skew = 0 if count <= block else reach
    noisy: dict[int, Tensor] = {}
    estimates: dict[tuple[int, int], Tensor] = {}

    def block_at(number: int, tick: int) -> range:
        first = number * block - tick * skew
        return range(min(max(first, 0), count), max(0, min(first + block, count)))

    for number in range(-(-(count + ticks * skew) // block)):
        for tick in range(ticks):
            here = block_at(number, tick)
            if here:
                if tick == 0:
                    noisy.update(zip(here, task.start(here).unbind(1), strict=True))
                found = task.estimate(tick, here, torch.stack([noisy[w] for w in here], 1))
                estimates.update({(tick, w): x for w, x in zip(here, found.unbind(1), strict=True)})
            ready = block_at(number, tick + 1)
            if ready:
                around = range(max(ready.start - reach, 0), min(ready.stop + reach, count))
                together = torch.stack([estimates[tick, w] for w in around], 1)
                clean = task.agree(tick, around, together, ready)
                before = torch.stack([noisy[w] for w in ready], 1)
                after = task.advance(tick, ready, before, clean)
                noisy.update(zip(ready, after.unbind(1), strict=True))
                for w in range(around.start, ready.stop - reach if ready.stop < count else count):
                    estimates.pop((tick, w), None)
        for w in block_at(number, ticks):
            yield w, noisy.pop(w)
