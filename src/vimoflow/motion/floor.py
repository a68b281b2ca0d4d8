"""Where the floor is under a motion."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from vimoflow.motion.contacts import SPEED_ON, standing_heights
from vimoflow.motion.skeleton import CONTACT_JOINTS, joint

RESTING_QUANTILE = 0.25  # of the heights of resting feet: heels lift and tiptoes rest higher
ANY_QUANTILE = 0.05  # of all frames, where no foot ever rests
_MIN_RESTING = 5  # frames
_LOWEST_QUANTILE, _LEVEL_M = 0.02, 0.10  # the lowest level: what is within 10 cm of this quantile


def sole_heights(joint_positions: Float[Tensor, "*batch 24 3"]) -> Float[Tensor, "*batch 4"]:
    """Height in metres of each foot joint above where it is when the foot stands on y = 0."""
    index = [joint(name) for name in CONTACT_JOINTS]
    return joint_positions[..., index, 1] - standing_heights().to(joint_positions)


def fit_floor(joint_positions: Float[Tensor, "frames 24 3"], fps: float) -> Float[Tensor, ""]:
    """Height in metres of the floor that the feet stand on, assumed level and constant.

    The lowest foot joint of a frame, when it rests (moves slower than a contact), is on the floor;
    a quantile over those frames is robust to jumps and to noise. Subtract the result from the
    root's height.
    """
    resting, lowest = _resting_soles(joint_positions, fps)
    if len(resting) >= _MIN_RESTING:
        return torch.quantile(resting, RESTING_QUANTILE)
    return torch.quantile(lowest, ANY_QUANTILE)


def lowest_floor(joint_positions: Float[Tensor, "frames 24 3"], fps: float) -> Float[Tensor, ""]:
    """As :func:`fit_floor`, for people who climb: the lowest of the levels that feet rest on.

    A take spent on top of a box would else have its floor there.
    """
    resting, lowest = _resting_soles(joint_positions, fps)
    if len(resting) < _MIN_RESTING:
        return torch.quantile(lowest, ANY_QUANTILE)
    level = torch.quantile(resting, _LOWEST_QUANTILE) + _LEVEL_M
    return torch.quantile(resting[resting <= level], RESTING_QUANTILE)


def _resting_soles(joint_positions: Tensor, fps: float) -> tuple[Tensor, Tensor]:
    """Height of the lowest sole in the frames in which it rests, and in all frames."""
    soles = sole_heights(joint_positions)
    lowest, which = soles.min(dim=-1)
    resting = lowest[:0]
    if len(soles) > 1:
        index = torch.tensor([joint(name) for name in CONTACT_JOINTS])[which]
        rows = torch.arange(len(soles))
        speed = torch.zeros_like(lowest)
        here = joint_positions[rows[:-1], index[:-1]]
        speed[:-1] = (joint_positions[rows[1:], index[:-1]] - here).norm(dim=-1) * fps
        speed[-1] = speed[-2]
        resting = lowest[speed < SPEED_ON]
    return resting, lowest


def drifting_floor(
    joint_positions: Float[Tensor, "frames 24 3"], fps: float, window_s: float = 0.8
) -> Float[Tensor, "frames"]:
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
