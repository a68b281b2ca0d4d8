"""The checkpoint over windows: features of any length from noise and a condition."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from vimoflow.diffusion.checkpoint import Checkpoint
from vimoflow.diffusion.denoising import Progress, Walk
from vimoflow.diffusion.windows import WindowPlan
from vimoflow.inference.conditioning.encoding import Condition
from vimoflow.inference.sampling.calming import calmed
from vimoflow.inference.sampling.joining import orthonormal
from vimoflow.inference.sampling.sampling_options import SamplingOptions
from vimoflow.inference.sampling.task import FeatureTask, denoised
from vimoflow.inference.sampling.unseen import filled_between_seen, unseen_frames
from vimoflow.motion.features import mirrored_features

# The more windows tell of a frame, the less their places matter: most where no camera saw the way.
_DENSER = {True: 2, False: 4}


def denoise_features(
    checkpoint: Checkpoint,
    condition: Condition,
    options: SamplingOptions,
    valid: Bool[Tensor, "batch frames"] | None = None,
    progress: Progress | None = None,
    plan: WindowPlan | None = None,
    first_frame: int = 0,
) -> Float[Tensor, "batch frames 151"]:
    """Features as the model draws them, not refined.

    See :func:`vimoflow.inference.sampling.sample_features`.

    Args:
        plan: where the windows lie; as few as cover the frames by default.
        first_frame: the condition's first frame in the time line that noise belongs to.
    """
    batch, frames = condition.pose.shape[:2]
    sampler, schedule = options.sampler_of(checkpoint), checkpoint.schedule
    one_pass = sampler == "one-pass"
    way_seen = bool((condition.track[..., 2] > 0).flatten(1).any(1).all())
    hop = (options.window - options.overlap) // (_DENSER[way_seen] if one_pass else 1)
    plan = plan or WindowPlan.cover(frames, options.window, options.window - max(hop, 1))
    task = _FromVideo(
        checkpoint, plan, batch, options.seed, options.guidance, first_frame,
        condition=condition, valid=valid, one_pass=one_pass, mirrored=one_pass and options.mirrored,
    )  # fmt: skip
    if sampler == "one-pass":
        features = denoised(task, Walk(schedule, (schedule.T,)), progress)
        return filled_between_seen(features, unseen_frames(condition))
    drawn = denoised(task, Walk.of(schedule, options.steps, sampler), progress)
    if not (checkpoint.one_pass and options.calm):
        return drawn
    likeliest = dataclasses.replace(options, sampler="one-pass")
    mean = denoise_features(
        checkpoint, condition, likeliest, valid, plan=plan, first_frame=first_frame
    )
    return calmed(drawn, mean, valid)


@dataclass
class _FromVideo(FeatureTask):
    """Windows told by 2D keypoints."""

    condition: Condition = field(kw_only=True)
    valid: Tensor | None = field(kw_only=True)
    one_pass: bool = field(kw_only=True)
    mirrored: bool = field(kw_only=True)

    def start(self, windows: range) -> Tensor:
        noise = super().start(windows)
        return torch.zeros_like(noise) if self.one_pass else noise

    def estimate(self, windows: range, x_t: Tensor, t: Tensor) -> Tensor:
        span = self.plan.span(windows)
        part = self.condition.map(lambda x: x[:, span])
        valid = None if self.valid is None else self.rows(self.valid, windows)

        def answer(condition: Condition) -> Tensor:
            return self.asked(window_channels(condition, self.plan.part(windows)), x_t, t, valid)

        features = answer(part)
        if self.mirrored:  # x_t knows nothing, so the mirror image may be asked about as well
            features = 0.5 * (features + mirrored_features(answer(part.mirrored())))
        return orthonormal(features) if self.guidance > 0 else features


def window_channels(condition: Condition, plan: WindowPlan) -> Float[Tensor, "rows l c"]:
    """The condition of each window, its track relative to the window's own first known frame."""
    return condition.map(lambda x: plan.split(x).flatten(0, 1)).from_own_start().channels
