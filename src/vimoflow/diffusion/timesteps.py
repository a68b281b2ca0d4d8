"""Which timesteps a training batch sees (thesis 2.3 and 3.3 iv; Liu et al. 2024).

Independent timesteps never look like a gap to fill or a clip that grows, so blocks and ramps join
them. All samplers draw from ``0 .. T - 1`` on the generator's device, those of known
and unknown frames also ``T``, where nothing is known of a frame (``diffusion.reference``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from vimoflow.errors import ConfigError

Rng = torch.Generator | None


@runtime_checkable
class TimestepSampler(Protocol):
    """Draws the timesteps of one training batch."""

    def sample(self, batch: int, frames: int, rng: Rng = None, progress: float = 0.0) -> Tensor:
        """Timesteps ``(batch, frames)``, or ``(batch,)`` where all frames of a clip share one.

        Args:
            batch: number of clips.
            frames: number of frames of a clip.
            rng: source of randomness; PyTorch's own if None.
            progress: share of the training done, 0 to 1.
        """
        ...


@dataclass(frozen=True)
class ProbabilityRise:
    """A probability that moves linearly from ``start`` to ``end`` until ``until`` of the training.

    The thesis raises p from 0.2 to 0.5.

    Attributes:
        start: probability at the first step.
        end: probability from ``until`` on.
        until: share of the training after which it no longer rises.
    """

    start: float = 0.2
    end: float = 0.5
    until: float = 1.0

    def __post_init__(self) -> None:
        if not (0 <= self.start <= 1 and 0 <= self.end <= 1 and 0 < self.until <= 1):
            raise ConfigError(f"a schedule of probabilities needs values from 0 to 1, not {self}")

    def at(self, progress: float) -> float:
        """The probability when a share ``progress`` of the training is done."""
        return self.start + (self.end - self.start) * min(max(progress / self.until, 0.0), 1.0)


@dataclass(frozen=True)
class ScalarTimesteps:
    """One timestep for all frames of a clip, drawn from ``first .. T - 1``."""

    T: int = 1000
    first: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.first < self.T:
            raise ConfigError(f"the first timestep must be one of 0 to {self.T - 1}")

    def sample(self, batch: int, frames: int, rng: Rng = None, progress: float = 0.0) -> Tensor:
        """See :meth:`TimestepSampler.sample`."""
        return self.first + _integers(self.T - self.first, (batch,), rng)


@dataclass(frozen=True)
class PTSS:
    """With probability ``p`` a clip's frames are independent, otherwise they share a timestep.

    The probabilistic timestep sampling strategy; drawn for each clip of the batch.
    """

    p: float | ProbabilityRise = 0.3
    T: int = 1000

    def __post_init__(self) -> None:
        if isinstance(self.p, float | int) and not 0 <= self.p <= 1:
            raise ConfigError(f"PTSS needs a probability from 0 to 1, not {self.p:g}")

    def probability(self, progress: float) -> float:
        """``p`` when a share ``progress`` of the training is done."""
        return self.p.at(progress) if isinstance(self.p, ProbabilityRise) else float(self.p)

    def sample(self, batch: int, frames: int, rng: Rng = None, progress: float = 0.0) -> Tensor:
        """See :meth:`TimestepSampler.sample`."""
        independent = _uniform((batch, 1), rng) < self.probability(progress)
        shared = _integers(self.T, (batch, 1), rng)
        return torch.where(independent, _integers(self.T, (batch, frames), rng), shared)


@dataclass(frozen=True)
class BlockTimesteps:
    """Intervals of frames that alternate between two levels: known and unknown frames.

    Attributes:
        most_cuts: a clip is cut at 1 to this many places.
        clean: probability that one of the levels is 0, as known frames are in completion.
    """

    most_cuts: int = 4
    clean: float = 0.5
    T: int = 1000

    def __post_init__(self) -> None:
        if self.most_cuts < 1 or not 0 <= self.clean <= 1:
            raise ConfigError(f"blocks need 1 cut or more and a probability up to 1, not {self}")

    def sample(self, batch: int, frames: int, rng: Rng = None, progress: float = 0.0) -> Tensor:
        """See :meth:`TimestepSampler.sample`."""
        cuts = _integers(frames, (batch, self.most_cuts), rng)
        number = 1 + _integers(self.most_cuts, (batch, 1), rng)
        used = torch.arange(self.most_cuts, device=cuts.device) < number
        frame = torch.arange(frames, device=cuts.device)
        before = (cuts[:, :, None] <= frame) & used[:, :, None]
        # The first frame falls on either side, so that known frames come first as often as last.
        side = (before.sum(1) + _integers(2, (batch, 1), rng)) % 2
        level = _integers(self.T, (batch, 1), rng)
        other = _integers(self.T, (batch, 1), rng)
        other = torch.where(_uniform((batch, 1), rng) < self.clean, 0, other)
        return torch.where(side == 0, level, other)


@dataclass(frozen=True)
class BlankTimesteps:
    """T for all frames: nothing is known of the clip (see ``diffusion.reference``)."""

    T: int = 1000

    def sample(self, batch: int, frames: int, rng: Rng = None, progress: float = 0.0) -> Tensor:
        """See :meth:`TimestepSampler.sample`."""
        return torch.full((batch, frames), self.T, device=_device(rng))


@dataclass(frozen=True)
class GapTimesteps:
    """Known frames (0) around gaps of which nothing is known (T).

    Attributes:
        most_gaps: a clip has 1 to this many.
        longest: share of the clip that a gap covers at most.
    """

    most_gaps: int = 2
    longest: float = 0.75
    T: int = 1000

    def sample(self, batch: int, frames: int, rng: Rng = None, progress: float = 0.0) -> Tensor:
        """See :meth:`TimestepSampler.sample`."""
        shape = (batch, self.most_gaps, 1)
        length = (1 + _uniform(shape, rng) * int(self.longest * frames)).floor()
        # Also partly outside, so that frames at the ends are in gaps as often as others.
        start = (_uniform(shape, rng) * (frames + length) - length).floor()
        frame = torch.arange(frames, device=start.device)
        number = 1 + _integers(self.most_gaps, (batch, 1, 1), rng)
        used = torch.arange(self.most_gaps, device=start.device)[:, None] < number
        gap = ((frame >= start) & (frame < start + length) & used).any(dim=1)
        return torch.where(gap, self.T, 0)


@dataclass(frozen=True)
class MixedTimesteps:
    """Each clip of a batch takes its timesteps from one of several samplers.

    Attributes:
        samplers: what to draw from.
        shares: how often, in the same order; they sum to 1.
    """

    samplers: tuple[TimestepSampler, ...]
    shares: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.samplers) != len(self.shares) or not self.shares:
            raise ConfigError("mixed timesteps need one share for each sampler")
        if min(self.shares) < 0 or abs(sum(self.shares) - 1.0) > 1e-6:
            raise ConfigError(f"the shares of mixed timesteps must sum to 1, not {self.shares}")

    def sample(self, batch: int, frames: int, rng: Rng = None, progress: float = 0.0) -> Tensor:
        """See :meth:`TimestepSampler.sample`."""
        u = _uniform((batch,), rng)
        edges = torch.tensor(self.shares, dtype=u.dtype, device=u.device).cumsum(0)[:-1]
        choice = torch.bucketize(u, edges, right=True)
        drawn = [
            s.sample(batch, frames, rng, progress).reshape(batch, -1).expand(batch, frames)
            for s in self.samplers
        ]
        return torch.stack(drawn)[choice, torch.arange(batch, device=u.device)]


def _integers(high: int, shape: tuple[int, ...], rng: Rng) -> Tensor:
    return torch.randint(high, shape, generator=rng, device=_device(rng))


def _uniform(shape: tuple[int, ...], rng: Rng) -> Tensor:
    return torch.rand(shape, generator=rng, device=_device(rng))


def _device(rng: Rng) -> torch.device:
    return torch.device("cpu") if rng is None else rng.device
