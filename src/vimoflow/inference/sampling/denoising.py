"""The checkpoint over windows: features of any length from noise and a condition."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from vimoflow.diffusion.checkpoint import Checkpoint
from vimoflow.diffusion.guidance import guided
from vimoflow.diffusion.sampler import (
    inference_timesteps,
    lagging_timesteps,
    step,
)
from vimoflow.diffusion.windows import WindowPlan
from vimoflow.inference.conditioning.encoding import Condition
from vimoflow.inference.refinement import Evidence, EvidenceGuidance
from vimoflow.inference.sampling.calming import calmed
from vimoflow.inference.sampling.joining import Joined, merge_windows, orthonormal, split_windows
from vimoflow.inference.sampling.noise import FrameNoise
from vimoflow.inference.sampling.options import SamplingOptions
from vimoflow.inference.sampling.rolling import roll
from vimoflow.inference.sampling.unseen import filled_between_seen, unseen_frames
from vimoflow.motion.features import mirrored_features

_MODEL_BATCH = 16  # windows a call: bounds the memory that a step takes
_BLOCK = 16  # windows that take a step together: as many as a call of the model takes


def denoise_features(
    checkpoint: Checkpoint,
    condition: Condition,
    options: SamplingOptions,
    valid: Bool[Tensor, "batch frames"] | None = None,
    progress: Callable[[int, int], None] | None = None,
    plan: WindowPlan | None = None,
    first_frame: int = 0,
) -> tuple[Float[Tensor, "batch frames 151"], Tensor | None]:
    """Features as the model draws them, not refined, and the cameras if guidance found any.

    See :func:`vimoflow.inference.sampling.sample_features`.

    Args:
        plan: where the windows lie; as few as cover the frames by default.
        first_frame: the condition's first frame in the time line that noise belongs to.
    """
    frames = condition.pose.shape[1]
    plan = plan or WindowPlan.cover(frames, options.window, options.overlap)
    task = _Denoising(checkpoint, condition, plan, options, valid, first_frame)
    count, ticks = len(plan.starts), task.ticks
    out = Joined(len(condition.pose), frames)
    task.told = None if progress is None else _Told(progress, count * ticks, len(task.timesteps))
    for window, x0 in roll(task, count, ticks, plan.reach, max(_BLOCK, 2 * plan.reach)):
        out.append(plan.starts[window], checkpoint.normalization.denormalize(x0))
    guide = task.guides.get(0) if count == 1 else None
    features = out.features
    if task.sampler == "one-pass":
        features = filled_between_seen(features, unseen_frames(condition))
    elif checkpoint.one_pass and options.calm:
        likeliest = dataclasses.replace(options, sampler="one-pass")
        mean, _ = denoise_features(
            checkpoint, condition, likeliest, valid, plan=plan, first_frame=first_frame
        )
        features = calmed(features, mean, valid)
    return features, None if guide is None else guide.cameras


class _Denoising:
    """What happens to a range of windows at a tick; see ``rolling.WindowDenoising``."""

    def __init__(
        self,
        checkpoint: Checkpoint,
        condition: Condition,
        plan: WindowPlan,
        options: SamplingOptions,
        valid: Tensor | None,
        first_frame: int,
    ) -> None:
        self.sampler = options.sampler_of(checkpoint)
        self.checkpoint, self.condition, self.plan = checkpoint, condition, plan
        self.options, self.valid, self.first_frame = options, valid, first_frame
        self.batch = len(condition.pose)
        self.noise = FrameNoise(options.seed, self.batch, condition.pose.device)
        T = checkpoint.schedule.T
        one_pass = self.sampler == "one-pass"
        self.timesteps = [T] if one_pass else inference_timesteps(T, options.steps)
        self.lag = _lags(condition, valid, 0 if one_pass else self._delay())
        self.late = int(self.lag.max())
        self.ticks = len(self.timesteps) + self.late
        self.guides: dict[int, EvidenceGuidance] = {}
        self.told: _Told | None = None

    def _delay(self) -> int:
        return round(self.options.unseen_delay * self.options.steps)

    def start(self, windows: range) -> Tensor:
        noise = self._noise(-1, windows)
        return torch.zeros_like(noise) if self.sampler == "one-pass" else noise

    def estimate(self, tick: int, windows: range, noisy: Tensor) -> Tensor:
        t = self._timesteps(tick, windows)
        mask = None if self.valid is None else self._rows(self.valid, windows)
        x_t = noisy.flatten(0, 1)
        x0 = self._asked(self._part(windows), windows, x_t, t, mask)
        if self.late:
            x0 = torch.where((t < 0)[..., None], x_t, x0)  # what is finished stays
        features = self.checkpoint.normalization.denormalize(x0)
        if self.sampler == "one-pass" and self.options.mirrored:
            features = 0.5 * (features + self._mirror_image(windows, x_t, t, mask))
        features = features.unflatten(0, (self.batch, -1))
        if self.options.guidance > 0:
            features = orthonormal(features)
        if self.options.guided_at(tick + 1, int(t.max())):
            pulled = [self._guide(w)(x) for w, x in zip(windows, features.unbind(1), strict=True)]
            features = torch.stack(pulled, dim=1)
        if self.told is not None:
            self.told(len(windows))
        return features

    def _asked(
        self, condition: Condition, windows: range, x_t: Tensor, t: Tensor, mask: Tensor | None
    ) -> Tensor:
        rows = window_channels(condition, self.plan.part(windows))
        ask = guided(
            lambda x, at, told: self._model(x, at, told, mask),
            rows,
            torch.zeros_like(rows),
            self.options.guidance,
        )
        return ask(x_t, t.clamp(min=0))

    def _mirror_image(
        self, windows: range, x_t: Tensor, t: Tensor, mask: Tensor | None
    ) -> Float[Tensor, "rows l 151"]:
        """Features of the answer about the mirror image, mirrored back; x_t knows nothing."""
        x0 = self._asked(self._part(windows).mirrored(), windows, x_t, t, mask)
        return mirrored_features(self.checkpoint.normalization.denormalize(x0))

    def agree(self, tick: int, around: range, estimates: Tensor, windows: range) -> Tensor:
        plan = self.plan.part(around)
        together = split_windows(merge_windows(estimates, plan), plan)
        inner = together[:, windows.start - around.start : windows.stop - around.start]
        return self.checkpoint.normalization.normalize(inner)

    def advance(self, tick: int, windows: range, noisy: Tensor, clean: Tensor) -> Tensor:
        if self.sampler == "one-pass":
            return clean
        now, later = (self._timesteps(n, windows) for n in (tick, tick + 1))
        noise = None
        if self.sampler == "ddpm" and bool((later >= 0).any()):
            noise = self._noise(tick, windows).flatten(0, 1)
        x = step(
            self.checkpoint.schedule, noisy.flatten(0, 1), clean.flatten(0, 1), now, later, noise,
            self.sampler,
        )  # fmt: skip
        return x.unflatten(0, (self.batch, -1))

    def _timesteps(self, tick: int, windows: range) -> Int[Tensor, "rows *l"]:
        """One a frame where some are late, otherwise one a window."""
        if not self.late:
            rows = torch.zeros(self.batch * len(windows), dtype=torch.long, device=self.lag.device)
            return lagging_timesteps(self.timesteps, tick, rows)
        return lagging_timesteps(self.timesteps, tick, self._rows(self.lag, windows))

    def _noise(self, number: int, windows: range) -> Tensor:
        span = self.plan.span(windows)
        first, end = span.start + self.first_frame, span.stop + self.first_frame
        return self.plan.part(windows).split(self.noise(number, first, end))

    def _part(self, windows: range) -> Condition:
        span = self.plan.span(windows)
        return Condition(self.condition.pose[:, span], self.condition.track[:, span])

    def _rows(self, x: Tensor, windows: range) -> Tensor:
        return self.plan.part(windows).split(x[:, self.plan.span(windows)]).flatten(0, 1)

    def _guide(self, window: int) -> EvidenceGuidance:
        if window not in self.guides:
            alone = range(window, window + 1)
            valid = None if self.valid is None else self.valid[:, self.plan.span(alone)]
            self.guides[window] = EvidenceGuidance(Evidence.of(self._part(alone)), valid=valid)
        return self.guides[window]

    def _model(self, x_t: Tensor, t: Tensor, rows: Tensor, valid: Tensor | None) -> Tensor:
        """The denoiser in calls of bounded size."""
        if valid is not None and len(valid) != len(x_t):  # guidance doubles the batch
            valid = valid.repeat(len(x_t) // len(valid), 1)
        out = [
            self.checkpoint.denoiser(
                x_t[i : i + _MODEL_BATCH],
                t[i : i + _MODEL_BATCH],
                rows[i : i + _MODEL_BATCH],
                None if valid is None else valid[i : i + _MODEL_BATCH],
            )
            for i in range(0, len(x_t), _MODEL_BATCH)
        ]
        return torch.cat(out)


class _Told:
    """Tells progress in denoising steps, whatever the order in which windows take them."""

    def __init__(self, progress: Callable[[int, int], None], total: int, steps: int) -> None:
        self.progress, self.total, self.steps = progress, total, steps
        self.done = self.last = 0

    def __call__(self, windows: int) -> None:
        self.done += windows
        reached = self.done * self.steps // self.total
        if reached > self.last:
            self.last = reached
            self.progress(reached, self.steps)


def _lags(condition: Condition, valid: Tensor | None, steps: int) -> Int[Tensor, "batch frames"]:
    """By how many steps each frame is late."""
    unseen = unseen_frames(condition)
    if valid is not None:
        unseen = unseen & valid
    # A clip of which nothing was seen has nothing to be late behind.
    unseen = unseen & ~unseen.all(dim=1, keepdim=True)
    return unseen.long() * steps


def window_channels(condition: Condition, plan: WindowPlan) -> Float[Tensor, "rows l c"]:
    """The condition of each window, its track relative to the window's own first known frame."""
    pose = plan.split(condition.pose).flatten(0, 1)
    track = plan.split(condition.track).flatten(0, 1)
    return Condition(pose, track).from_own_start().channels
