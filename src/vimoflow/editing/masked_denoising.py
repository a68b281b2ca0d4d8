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

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from vimoflow.diffusion.checkpoint import Checkpoint
from vimoflow.diffusion.guidance import guided
from vimoflow.diffusion.sampler import inference_timesteps, step
from vimoflow.diffusion.windows import WindowPlan
from vimoflow.editing.joins import REACH_S, OffsetSpline
from vimoflow.editing.options import DenoisingOptions
from vimoflow.errors import ConfigError
from vimoflow.inference.conditioning.encoding import Condition
from vimoflow.inference.sampling import merge_windows, orthonormal, split_windows
from vimoflow.inference.sampling.denoising import window_channels
from vimoflow.inference.sampling.unseen import feature_kriging
from vimoflow.motion.features import LAYOUT

_WINDOW, _OVERLAP = 150, 50  # frames at 30 fps, as trained
_FADE = 15  # frames from the known ones on over which the network comes in
_GROUND = [LAYOUT.root.start, LAYOUT.root.start + 2]

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
    run = _Denoising(checkpoint, known, options or DenoisingOptions(), constrain)
    return orthonormal(run.in_one_pass() if run.method == "one-pass" else run.estimate())


class _Denoising:
    """One run over all windows and samples together."""

    def __init__(
        self, checkpoint: Checkpoint, known: Known, options: DenoisingOptions,
        constrain: Constrain | None,
    ) -> None:  # fmt: skip
        self.checkpoint, self.options, self.constrain = checkpoint, options, constrain
        self.known, self.samples = known, options.samples
        frames = len(known.features)
        self.spline = OffsetSpline(known.channels, 30 * REACH_S)
        self.plan = WindowPlan.cover(frames, _WINDOW, _OVERLAP)
        self.mask = self._windows(known.channels.expand(self.samples, -1, -1))
        self.whole = self.mask.all(-1)
        self.generator = torch.Generator().manual_seed(options.seed)
        unseen = (known.condition.pose[..., 2] == 0).all(-1, keepdim=True)
        self.method = self._method()
        self.kriging = feature_kriging()
        self.guess = self.kriging(known.features[None], known.frames[None])[0]
        self.faded_in = _faded_in(known.frames)[:, None]
        prior = self.guess if self.method == "one-pass" else known.features
        weight = (options.prior * unseen.float()).expand(*unseen.shape[:-1], LAYOUT.size).clone()
        if self.method != "one-pass" and options.prior > 0 and bool(known.frames.any()):
            # Paths are not drawn: those of the shipped weights lose the known frames by decimetres.
            weight[..., LAYOUT.root] = torch.where(unseen, 1.0, weight[..., LAYOUT.root])
        self.prior, self.weight = prior, weight
        condition = window_channels(
            Condition(
                known.condition.pose.expand(self.samples, -1, -1, -1),
                known.condition.track.expand(self.samples, -1, -1),
            ),
            self.plan,
        )
        self.denoise = guided(
            checkpoint.denoiser, condition, torch.zeros_like(condition), options.guidance
        )

    def _method(self) -> str:
        taught = self.checkpoint.one_pass
        if self.options.method == "one-pass" and not taught:
            raise ConfigError(
                f"the checkpoint {self.checkpoint.name!r} was not trained for one pass: "
                "use the method timesteps"
            )
        if self.options.method != "auto":
            return self.options.method
        told = self.mask.flatten(1).any(1)
        one_pass = taught and self.samples == 1 and bool(told.all())
        return "one-pass" if one_pass else "timesteps"

    def in_one_pass(self) -> Tensor:
        """The mean of all possible motions; no noise, so all samples are alike."""
        T = self.checkpoint.schedule.T
        clean = self._normalized(self.known.features.expand(self.samples, -1, -1))
        guess = torch.where(self.mask, clean, self.kriging(clean, self.whole))
        x0 = self.denoise(guess, torch.where(self.whole, 0, T))
        return self._constrained(x0, T)

    def estimate(self) -> Tensor:
        """The clean estimate of the last step."""
        schedule, options = self.checkpoint.schedule, self.options
        timesteps = inference_timesteps(schedule.T, options.steps)
        timesteps = timesteps[round((1 - options.start) * len(timesteps)) :]
        merged = self.known.features.expand(self.samples, -1, -1).clone()
        x_t = self._noise()
        if options.start < 1:
            level = torch.full(x_t.shape[:1], timesteps[0])
            x_t = schedule.add_noise(self._normalized(merged), level, x_t)
        for now, prev in zip(timesteps, [*timesteps[1:], -1], strict=True):
            for round_number in range(options.rounds if prev >= 0 else 1):
                if round_number > 0:
                    x_t = self._renoised(x_t, prev, now)
                x_t, t = self._with_known(x_t, merged, now)
                x0 = self.denoise(x_t, t)
                merged = self._constrained(x0, now)
                t_prev = torch.where(t == now, prev, t)
                x_t = step(schedule, x_t, self._normalized(merged), t, t_prev)
        return merged

    def _with_known(self, x_t: Tensor, merged: Tensor, now: int) -> tuple[Tensor, Tensor]:
        """The noisy windows with what is known put in, and the timestep of every frame."""
        t = torch.full(x_t.shape[:2], now)
        if self.method == "timesteps":
            t = torch.where(self.whole, min(self.options.known_t, now), t)
        clean = self._normalized(merged)
        noised = self.checkpoint.schedule.add_noise(clean, t, torch.randn(
            clean.shape, generator=self.generator))  # fmt: skip
        return torch.where(self.mask, noised, x_t), t

    def _constrained(self, x0: Tensor, now: int) -> Tensor:
        """The estimate as one sequence in the known part's place, with all that is known."""
        features = self.checkpoint.normalization.denormalize(x0).unflatten(0, (self.samples, -1))
        raw = self._placed(merge_windows(orthonormal(features), self.plan))
        known = self.known
        # What the model gets wrong about known frames it gets wrong inside the gap, too.
        corrected = raw + self.spline(known.features - raw)
        corrected = torch.lerp(corrected, self.prior, self.weight)
        # The guess goes through the known frames with their velocity; the network need not.
        corrected = torch.lerp(self.guess, corrected, self.faded_in)
        merged = torch.where(known.channels, known.features, corrected)
        if self.constrain is not None:
            merged = torch.where(known.channels, known.features, self.constrain(merged, now))
        return merged

    def _placed(self, features: Tensor) -> Tensor:
        """Moved on the ground to where the known positions are: windows begin at their origin."""
        ground = self.known.channels[:, _GROUND].all(-1)
        if not bool(ground.any()):
            return features
        difference = (self.known.features - features)[:, ground][..., _GROUND].mean(1)
        moved = features.clone()
        moved[..., _GROUND] += difference[:, None]
        return moved

    def _renoised(self, x: Tensor, prev: int, now: int) -> Tensor:
        """From the level ``prev`` back up to ``now`` (RePaint, algorithm 1, line 10)."""
        kept = self.checkpoint.schedule.alpha_bar(torch.tensor([now, prev]))
        ratio = kept[0] / kept[1]
        return ratio.sqrt() * x + (1 - ratio).sqrt() * torch.randn(
            x.shape, generator=self.generator
        )

    def _noise(self) -> Tensor:
        """Noise that belongs to frames, so that windows share it where they overlap."""
        shape = (self.samples, self.plan.frames, LAYOUT.size)
        return self._windows(torch.randn(shape, generator=self.generator))

    def _normalized(self, merged: Tensor) -> Tensor:
        windows = split_windows(merged, self.plan).flatten(0, 1)
        return self.checkpoint.normalization.normalize(windows)

    def _windows(self, x: Tensor) -> Tensor:
        return self.plan.split(x).flatten(0, 1)


def _faded_in(known: Bool[Tensor, "frames"]) -> Float[Tensor, "frames"]:
    """0 at known frames, 1 at ``_FADE`` frames from them on, smooth in between."""
    at = torch.where(known)[0]
    if not len(at):
        return torch.ones(len(known))
    away = (torch.arange(len(known))[:, None] - at).abs().amin(1) / _FADE
    share = away.clamp(max=1.0)
    return share**3 * (10 - 15 * share + 6 * share**2)
