"""The loop from noise to data (thesis, Algorithm 2), over windows of any number in bounded memory.

At every step a window needs its neighbours' estimates, so all windows seem to have to take a step
before any takes the next. But what a window is after n steps depends only on those at most n
neighbours away: a block of windows can run through all its steps if at every step it moves by as
many windows to the left as neighbours reach (time skewing, as stencil codes do it). The result is
the same as with all windows at once; memory holds one block and its staircase of unfinished
windows, as many as there are steps, however long the sequence is.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from vimoflow.diffusion.sampler import SamplerName, inference_timesteps, raised, step
from vimoflow.diffusion.schedule import NoiseSchedule

Progress = Callable[[int, int], None]
"""Told the denoising steps done and to do."""


@runtime_checkable
class Task(Protocol):
    """What is denoised; tensors are (batch, windows, length, channels), normalised."""

    def start(self, windows: range) -> Tensor:
        """What denoising begins with, such as pure noise."""

    def shown(self, level: int, windows: range, noisy: Tensor) -> tuple[Tensor, Tensor]:
        """What the model is shown at a level of noise: data, and their timesteps.

        One timestep a window, (batch, windows), or one a frame, (batch, windows, length). Those
        that are not ``level`` are of data that stay at their own.
        """

    def estimate(self, windows: range, x_t: Tensor, t: Tensor) -> Tensor:
        """The clean data as each window sees it, in whatever form :meth:`agree` takes."""

    def agree(self, level: int, around: range, estimates: Tensor, windows: range) -> Tensor:
        """Estimates of ``windows`` that agree with all their neighbours', which are ``around``."""

    def noise(self, number: int, windows: range) -> Tensor:
        """Standard normal noise; another for every number."""


@dataclass(frozen=True)
class Walk:
    """The way down from noise to clean data.

    Attributes:
        schedule: the noise schedule of training.
        levels: timesteps at which the model is asked, falling. One that comes several times is
            returned to: data are denoised a step and noised up again (RePaint).
        sampler: which step.
    """

    schedule: NoiseSchedule
    levels: tuple[int, ...]
    sampler: SamplerName = "ddim"

    @classmethod
    def of(cls, schedule: NoiseSchedule, steps: int, sampler: SamplerName = "ddim") -> Walk:
        """So many equal steps; see :func:`~vimoflow.diffusion.sampler.inference_timesteps`."""
        return cls(schedule, tuple(inference_timesteps(schedule.T, steps)), sampler)

    def advanced(
        self,
        tick: int,
        x_t: Float[Tensor, "batch w l c"],
        x0: Float[Tensor, "batch w l c"],
        t: Int[Tensor, "batch w *l"],
        noise: Callable[[int], Tensor],
    ) -> Float[Tensor, "batch w l c"]:
        """The data after the step with this number."""
        level = self.levels[tick]
        lower = next((other for other in self.levels[tick + 1 :] if other < level), None)
        if lower is None:
            return x0  # the last step of every sampler
        drawn = noise(tick) if self.sampler == "ddpm" else None
        t_prev = torch.where(t == level, lower, t)
        x = step(self.schedule, x_t, x0, t, t_prev, drawn, self.sampler)
        if self.levels[tick + 1] == level:
            return raised(self.schedule, x, lower, level, noise(len(self.levels) + tick))
        return x


@torch.no_grad()
def denoise(
    task: Task,
    walk: Walk,
    count: int = 1,
    reach: int = 0,
    block: int = 1,
    progress: Progress | None = None,
) -> Iterator[tuple[int, Float[Tensor, "batch l c"]]]:
    """Denoise ``count`` windows; yields each (number, clean data) in order.

    Args:
        task: what to do at every step.
        walk: the steps.
        count: windows there are.
        reach: how many neighbours to either side a window shares frames with.
        block: windows that take a step together; at least twice the reach are taken.
        progress: told in steps, whatever the order in which windows take them.
    """
    block, ticks = max(block, 2 * reach), len(walk.levels)
    skew = 0 if count <= block else reach
    noisy: dict[int, Tensor] = {}
    times: dict[int, Tensor] = {}
    estimates: dict[tuple[int, int], Tensor] = {}
    tell = _Told(progress, count * ticks, ticks)

    def block_at(number: int, tick: int) -> range:
        first = number * block - tick * skew
        return range(min(max(first, 0), count), max(0, min(first + block, count)))

    for number in range(-(-(count + ticks * skew) // block)):
        for tick, level in enumerate(walk.levels):
            here = block_at(number, tick)
            if here:
                x_t = task.start(here) if tick == 0 else _stacked(noisy, here)
                x_t, t = task.shown(level, here, x_t)
                noisy.update(zip(here, x_t.unbind(1), strict=True))
                times.update(zip(here, t.unbind(1), strict=True))
                found = task.estimate(here, x_t, t)
                estimates.update({(tick, w): x for w, x in zip(here, found.unbind(1), strict=True)})
                tell(len(here))
            ready = block_at(number, tick + 1)
            if ready:
                around = range(max(ready.start - reach, 0), min(ready.stop + reach, count))
                together = torch.stack([estimates[tick, w] for w in around], 1)
                clean = task.agree(level, around, together, ready)
                x_t, t = _stacked(noisy, ready), _stacked(times, ready)
                draw = functools.partial(task.noise, windows=ready)
                after = walk.advanced(tick, x_t, clean, t, draw)
                noisy.update(zip(ready, after.unbind(1), strict=True))
                for w in range(around.start, ready.stop - reach if ready.stop < count else count):
                    estimates.pop((tick, w), None)
        for w in block_at(number, ticks):
            times.pop(w)
            yield w, noisy.pop(w)


@dataclass(frozen=True)
class WholeClips:
    """The simplest task: clips in one window each, nothing known of them.

    Attributes:
        model: the clean data from noisy ones (batch, length, channels) and timesteps (batch,).
        source: noise of a step, in the shape of the data; -1 is what denoising begins with.
    """

    model: Callable[[Tensor, Tensor], Tensor]
    source: Callable[[int], Tensor]

    def denoised(self, walk: Walk) -> Float[Tensor, "batch l c"]:
        """The clean clips."""
        return next(denoise(self, walk))[1]

    def start(self, windows: range) -> Tensor:
        """See :class:`Task`, as for the others."""
        return self.noise(-1, windows)

    def shown(self, level: int, windows: range, noisy: Tensor) -> tuple[Tensor, Tensor]:
        """All as it is, at one timestep."""
        return noisy, torch.full(noisy.shape[:2], level, device=noisy.device)

    def estimate(self, windows: range, x_t: Tensor, t: Tensor) -> Tensor:
        """What the model says."""
        return self.model(x_t[:, 0], t[:, 0])[:, None]

    def agree(self, level: int, around: range, estimates: Tensor, windows: range) -> Tensor:
        """There is nobody to agree with."""
        return estimates

    def noise(self, number: int, windows: range) -> Tensor:
        """Of the source."""
        return self.source(number)[:, None]


def _stacked(of: dict[int, Tensor], windows: range) -> Tensor:
    return torch.stack([of[w] for w in windows], 1)


class _Told:
    """Tells progress in denoising steps, whatever the order in which windows take them."""

    def __init__(self, progress: Progress | None, total: int, steps: int) -> None:
        self.progress, self.total, self.steps = progress, total, steps
        self.done = self.last = 0

    def __call__(self, windows: int) -> None:
        self.done += windows
        reached = self.done * self.steps // self.total
        if self.progress is not None and reached > self.last:
            self.last = reached
            self.progress(reached, self.steps)
