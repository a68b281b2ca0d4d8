"""Floors of corpora that the one of `vimoflow.motion.floor` does not fit."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from vimoflow.motion.contacts import standing_heights
from vimoflow.motion.floor import (
    ANY_QUANTILE,
    MIN_RESTING,
    RESTING_QUANTILE,
    resting_soles,
    sole_heights,
)
from vimoflow.motion.skeleton import CONTACT_JOINTS, joint

_LOWEST_QUANTILE, _LEVEL_M = 0.02, 0.10  # the lowest level: what is within 10 cm of this quantile


def lowest_floor(joint_positions: Float[Tensor, "frames 24 3"], fps: float) -> Float[Tensor, ""]:
    """As ``motion.floor.fit_floor``, for people who climb: the lowest level that feet rest on.

    A take spent on top of a box would else have its floor there.
    """
    resting, lowest = resting_soles(joint_positions, fps)
    if len(resting) < MIN_RESTING:
        return torch.quantile(lowest, ANY_QUANTILE)
    level = torch.quantile(resting, _LOWEST_QUANTILE) + _LEVEL_M
    return torch.quantile(resting[resting <= level], RESTING_QUANTILE)


def drifting_floor(
    joint_positions: Float[Tensor, "frames 24 3"], fps: float, window_s: float = 0.8
) -> Float[Tensor, " frames"]:
    """Height in metres of a floor that drifts, for tracked corpora whose root height wanders.

    A running minimum of the lowest foot joint, smoothed over the same window: right for motions
    that keep touching the ground, wrong for jumps longer than half the window.
    """
    lowest = sole_heights(joint_positions).amin(dim=-1)
    half = max(1, round(window_s * fps / 2))
    padded = F.pad(-lowest[None, None], (half, half), mode="replicate")
    minimum = -F.max_pool1d(padded, 2 * half + 1, stride=1)
    padded = F.pad(minimum, (half, half), mode="replicate")
    return F.avg_pool1d(padded, 2 * half + 1, stride=1)[0, 0]


def root_from_feet(
    joint_positions: Float[Tensor, "frames 24 3"],
) -> Float[Tensor, "frames 3"]:
    """What to add to the root of a motion recorded in place, so that it walks on its own feet.

    The lowest foot joint of each frame is taken to stand still until the next frame, and to be on
    the floor (y = 0): a jump is lost.
    """
    index = [joint(name) for name in CONTACT_JOINTS]
    feet = joint_positions[:, index]
    lowest, which = (feet[..., 1] - standing_heights().to(feet)).min(dim=-1)
    here = feet[torch.arange(len(feet)), which]
    after = feet[1:][torch.arange(len(feet) - 1), which[:-1]]
    shift = torch.zeros_like(here)
    shift[1:] = torch.cumsum(here[:-1] - after, dim=0)
    shift[:, 1] = -lowest
    return shift
