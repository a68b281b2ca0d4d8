"""Frames of which nothing was seen, between frames of which something was."""

from __future__ import annotations

import functools

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from vimoflow.diffusion.reference import Kriging
from vimoflow.inference.conditioning.encoding import Condition
from vimoflow.inference.conditioning.resampling import MODEL_FPS
from vimoflow.inference.sampling.joining import orthonormal
from vimoflow.motion.variogram import feature_variogram

LONGEST_S = 1.5  # beyond, neighbours say less than the network's own answer


def unseen_frames(condition: Condition) -> Bool[Tensor, "batch frames"]:
    """Frames of which no keypoint was seen."""
    return (condition.pose[..., 2] == 0).all(-1)


def filled_between_seen(
    features: Float[Tensor, "batch frames channels"], unseen: Bool[Tensor, "batch frames"]
) -> Float[Tensor, "batch frames channels"]:
    """Short gaps anew, as the best linear guess from the seen frames around them.

    One pass answers for unseen frames with the mean of all that may have happened; the estimates
    of the seen frames around a gap say more about it than the network takes from their 2D
    (docs/experiments/0007). Gaps at the ends and long ones stay as they are.
    """
    gap = _short_gaps(unseen, round(LONGEST_S * MODEL_FPS))
    if not bool(gap.any()):
        return features
    return torch.where(gap[..., None], orthonormal(feature_kriging()(features, ~gap)), features)


def _short_gaps(unseen: Tensor, longest: int) -> Bool[Tensor, "batch frames"]:
    frames = torch.arange(unseen.shape[1], device=unseen.device).expand_as(unseen)
    last = torch.where(unseen, -1, frames).cummax(dim=1).values
    far = 2 * unseen.shape[1] + longest
    following = torch.where(unseen, far, frames).flip(1).cummin(dim=1).values.flip(1)
    return unseen & (last >= 0) & (following < far) & (following - last - 1 <= longest)


@functools.cache
def feature_kriging() -> Kriging:
    """Kriging of the features; one, because it remembers the weights of every kind of gap."""
    return Kriging(feature_variogram())
