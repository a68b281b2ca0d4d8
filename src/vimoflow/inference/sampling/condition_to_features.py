"""From a condition to features: denoised, then brought to what the camera saw."""

from __future__ import annotations

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from vimoflow.diffusion.checkpoint import Checkpoint
from vimoflow.diffusion.denoising import Progress
from vimoflow.diffusion.windows import WindowPlan
from vimoflow.inference.conditioning.encoding import Condition
from vimoflow.inference.conditioning.steadying import turned_along
from vimoflow.inference.refinement import Evidence, RefinementSettings, refine
from vimoflow.inference.sampling.conditional_denoising import denoise_features
from vimoflow.inference.sampling.joining import GROUND, Joined
from vimoflow.inference.sampling.sampling_options import SamplingOptions
from vimoflow.inference.sampling.turning import heading_drift

# The mean of all possible motions goes less far than people do. From 40 clips of the training set,
# see docs/experiments/0015.
LONGER = 1.1
_DRIFT = math.radians(15)  # of the heading in a clip


@torch.no_grad()
def sample_features(
    checkpoint: Checkpoint,
    condition: Condition,
    options: SamplingOptions | None = None,
    valid: Bool[Tensor, "batch frames"] | None = None,
    progress: Progress | None = None,
    plan: WindowPlan | None = None,
) -> Float[Tensor, "batch frames 151"]:
    """Clean features at 30 fps in the frame of the camera, origin under the first root.

    Long inputs are cut into overlapping windows that denoise together: noise belongs to absolute
    frames, and at every step the windows' predictions are aligned on the ground and cross-faded.
    Each row of the batch draws its own noise from the seed, whatever the size of the batch. Beyond
    the sequence itself, memory does not grow with its length.

    Args:
        checkpoint: the model.
        condition: of one view.
        options: how to sample.
        valid: frames that exist; the others are padding.
        progress: told the denoising steps done and to do.
        plan: where the windows lie; as few as cover the frames by default.

    Raises:
        ConfigError: no such sampler, or steps out of range.
    """
    options = options or SamplingOptions()
    drawn = denoise_features(checkpoint, condition, options, valid, progress, plan)
    if not options.refine:
        return drawn
    if options.sampler_of(checkpoint) == "one-pass":
        drawn[..., GROUND] *= LONGER
    evidence = Evidence.of(condition)
    fitted = refined_features(drawn, evidence, valid)
    return _with_steps_turned(drawn, fitted, evidence, valid)


def _with_steps_turned(
    drawn: Tensor, fitted: Tensor, evidence: Evidence, valid: Bool[Tensor, "batch frames"] | None
) -> Tensor:
    """The fit once more where it turned a person whose way no camera saw: steps turn with them.

    The network takes a part of what is a person's own turn for the camera's.
    """
    yaw = heading_drift(drawn, fitted, valid)
    unseen = ~evidence.placed.flatten(1).any(1)
    rows = (unseen & (yaw.amax(1) - yaw.amin(1) > _DRIFT)).nonzero()[:, 0]
    if len(rows):
        kept = None if valid is None else valid[rows]
        turned = turned_along(drawn[rows], yaw[rows])
        fitted[rows] = refined_features(turned, evidence.of_clips(rows), kept)
    return fitted


def refined_features(
    features: Float[Tensor, "batch frames 151"],
    evidence: Evidence,
    valid: Bool[Tensor, "batch frames"] | None = None,
) -> Float[Tensor, "batch frames 151"]:
    """Features fitted to the evidence, piece by piece along the time line.

    Args:
        features: sampled motions in the frame of the first view.
        evidence: what one or several views saw of them.
        valid: frames that exist.
    """
    batch, frames = features.shape[:2]
    plan = RefinementSettings().plan(frames)
    out = Joined(batch, frames)
    for first in plan.starts:
        span = slice(first, first + plan.length)
        kept = None if valid is None else valid[:, span]
        out.append(first, refine(features[:, span], evidence.part(span), None, kept).features)
    return out.features
