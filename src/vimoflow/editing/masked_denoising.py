"""Denoising of what is unknown while what is known stays: three ways (thesis 3.5 iii).

``one-pass`` asks once: known frames are at timestep 0, the others at T, where ``x_t`` holds the
best linear guess from the known ones (``diffusion.reference``). It gives the mean of all possible
motions, the nearest to the truth; the other two draw one of them.

``repaint`` puts known channels at the noise level of the step, re-noised anew every time (Lugmayr
et al. 2022, "RePaint"), optionally going back up and down again so that both parts agree.
``timesteps`` uses that every frame may have a timestep of its own: frames that are known whole are
simply at low noise for all steps. Channels that are known in part of a frame are re-noised by both.
"""

from __future__ import annotations

import collections
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from vimoflow.diffusion.checkpoint import Checkpoint
from vimoflow.diffusion.denoising import Walk, denoise
from vimoflow.diffusion.windows import WindowPlan
from vimoflow.editing.completion_options import DenoisingOptions
from vimoflow.editing.joins import REACH_S, OffsetSpline
from vimoflow.errors import ConfigError
from vimoflow.inference.conditioning.encoding import Condition
from vimoflow.inference.sampling import orthonormal, split_windows
from vimoflow.inference.sampling.conditional_denoising import window_channels
from vimoflow.inference.sampling.joining import GROUND
from vimoflow.inference.sampling.task import FeatureTask
from vimoflow.inference.sampling.unseen import feature_kriging
from vimoflow.motion.features import LAYOUT

_WINDOW, _OVERLAP = 150, 50  # frames at 30 fps, as trained
_FADE = 15  # frames from the known ones on over which the network comes in

Constrain = Callable[[Tensor, int], Tensor]
"""``(features, t) -> features``: (samples, frames, 151), moved towards what they must satisfy."""


@dataclass(frozen=True)
class Known:
    """A sequence of which a part is known, in a frame as the model learnt it, at 30 fps.

    Attributes:
        features: the values; where they are not known a prior, such as an interpolation, from
            which only the first position of each window is taken unless denoising starts late.
        channels: what is known.
        condition: 2D evidence, zeros where there is none.
    """

    features: Float[Tensor, "frames 151"]
    channels: Bool[Tensor, "frames 151"]
    condition: Condition

    @property
    def frames(self) -> Bool[Tensor, "frames"]:
        """Frames that are known whole."""
        return self.channels.all(-1)


@torch.no_grad()
def denoise_unknown(
    checkpoint: Checkpoint,
    known: Known,
    options: DenoisingOptions | None = None,
    constrain: Constrain | None = None,
) -> Float[Tensor, "samples frames 151"]:
    """Sequences with what is known in place, joined smoothly; rotations are proper ones.

    Args:
        checkpoint: the model.
        known: what is known, the prior for the rest, and evidence.
        options: how to denoise.
        constrain: applied to every clean estimate.

    Raises:
        ConfigError: one pass is wanted of a checkpoint that was not taught to.
    """
    options = options or DenoisingOptions()
    plan = WindowPlan.cover(len(known.features), _WINDOW, _OVERLAP)
    task = _Completing(
        checkpoint, plan, options.samples, options.seed, options.guidance,
        known=known, options=options, constrain=constrain,
    )  # fmt: skip
    schedule = checkpoint.schedule
    walk = Walk(schedule, (schedule.T,) if task.one_pass else options.levels(schedule.T))
    count = len(plan.starts)
    collections.deque(denoise(task, walk, count, plan.reach, block=count), maxlen=0)
    return orthonormal(task.merged)


@dataclass
class _Completing(FeatureTask):
    """All windows and samples together: what is known of a sequence holds for the whole of it."""

    known: Known = field(kw_only=True)
    options: DenoisingOptions = field(kw_only=True)
    constrain: Constrain | None = field(kw_only=True)

    def __post_init__(self) -> None:
        known, options = self.known, self.options
        self.spline = OffsetSpline(known.channels, 30 * REACH_S)
        self.mask = self.plan.split(known.channels.expand(self.batch, -1, -1))
        self.generator = torch.Generator().manual_seed(self.seed)
        self.one_pass = self._one_pass()
        self.kriging = feature_kriging()
        self.guess = self.kriging(known.features[None], known.frames[None])[0]
        self.faded_in = _faded_in(known.frames)[:, None]
        unseen = (known.condition.pose[..., 2] == 0).all(-1, keepdim=True)
        weight = (options.prior * unseen.float()).expand(*unseen.shape[:-1], LAYOUT.size).clone()
        if not self.one_pass and options.prior > 0 and bool(known.frames.any()):
            # Paths are not drawn: those of the shipped weights lose the known frames by decimetres.
            weight[..., LAYOUT.root] = torch.where(unseen, 1.0, weight[..., LAYOUT.root])
        self.prior, self.weight = self.guess if self.one_pass else known.features, weight
        self.merged = known.features.expand(self.batch, -1, -1).clone()
        self.channels = window_channels(
            known.condition.map(lambda x: x[None]).repeated(self.batch),
            self.plan,
        )

    def _one_pass(self) -> bool:
        taught, method = self.checkpoint.one_pass, self.options.method
        if method == "one-pass" and not taught:
            raise ConfigError(
                f"the checkpoint {self.checkpoint.name!r} was not trained for one pass: "
                "use the method timesteps"
            )
        told = self.mask.flatten(2).any(2)
        auto = method == "auto" and taught and self.batch == 1 and bool(told.all())
        return method == "one-pass" or auto

    def start(self, windows: range) -> Tensor:
        if self.one_pass:  # no noise, so all samples are alike
            clean, mask = self._normalized(), self.mask
            guess = self.kriging(clean.flatten(0, 1), mask.all(-1).flatten(0, 1))
            return torch.where(mask, clean, guess.unflatten(0, mask.shape[:2]))
        noise = self.noise(-1, windows)
        if self.options.start == 1:
            return noise
        level = self.options.levels(self.checkpoint.schedule.T)[0]
        return self._noised(torch.full(noise.shape[:3], level), noise)

    def shown(self, level: int, windows: range, noisy: Tensor) -> tuple[Tensor, Tensor]:
        """The noisy windows with what is known put in, and the timestep of every frame."""
        t = torch.full(noisy.shape[:3], level)
        whole = self.mask.all(-1)
        if self.one_pass:
            return noisy, torch.where(whole, 0, t)
        if self.options.method != "repaint":
            t = torch.where(whole, min(self.options.known_t, level), t)
        noise = torch.randn(noisy.shape, generator=self.generator)
        return torch.where(self.mask, self._noised(t, noise), noisy), t

    def estimate(self, windows: range, x_t: Tensor, t: Tensor) -> Tensor:
        return orthonormal(self.asked(self.channels, x_t, t))

    def constrained(self, merged: Tensor, level: int) -> Tensor:
        """The estimate as one sequence in the known part's place, with all that is known."""
        raw, known = self._placed(merged), self.known
        # What the model gets wrong about known frames it gets wrong inside the gap, too.
        corrected = raw + self.spline(known.features - raw)
        corrected = torch.lerp(corrected, self.prior, self.weight)
        # The guess goes through the known frames with their velocity; the network need not.
        corrected = torch.lerp(self.guess, corrected, self.faded_in)
        self.merged = torch.where(known.channels, known.features, corrected)
        if self.constrain is not None:
            moved = self.constrain(self.merged, level)
            self.merged = torch.where(known.channels, known.features, moved)
        return self.merged

    def _placed(self, features: Tensor) -> Tensor:
        """Moved on the ground to where the known positions are: windows begin at their origin."""
        ground = self.known.channels[:, GROUND].all(-1)
        if not bool(ground.any()):
            return features
        difference = (self.known.features - features)[:, ground][..., GROUND].mean(1)
        moved = features.clone()
        moved[..., GROUND] += difference[:, None]
        return moved

    def noise(self, number: int, windows: range) -> Tensor:
        """Of one generator; what denoising begins with is shared where windows overlap."""
        if number < 0:
            shape = (self.batch, self.plan.frames, LAYOUT.size)
            return self.plan.split(torch.randn(shape, generator=self.generator))
        return torch.randn(self.mask.shape, generator=self.generator)

    def _normalized(self) -> Tensor:
        """The last estimate as the model sees it."""
        return self.checkpoint.normalization.normalize(split_windows(self.merged, self.plan))

    def _noised(self, t: Tensor, noise: Tensor) -> Tensor:
        return self.checkpoint.schedule.add_noise(self._normalized(), t, noise)


def _faded_in(known: Bool[Tensor, " frames"]) -> Float[Tensor, " frames"]:
    """0 at known frames, 1 at ``_FADE`` frames from them on, smooth in between."""
    at = torch.where(known)[0]
    if not len(at):
        return torch.ones(len(known))
    away = (torch.arange(len(known))[:, None] - at).abs().amin(1) / _FADE
    share = away.clamp(max=1.0)
    return share**3 * (10 - 15 * share + 6 * share**2)
