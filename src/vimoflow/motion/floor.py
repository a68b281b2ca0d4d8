"""Where the floor is under a motion."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from vimoflow.motion.contacts import SPEED_ON, standing_heights
from vimoflow.motion.skeleton import CONTACT_JOINTS, joint

RESTING_QUANTILE = 0.25  # of the heights of resting feet: heels lift and tiptoes rest higher
ANY_QUANTILE = 0.05  # of all frames, where no foot ever rests
MIN_RESTING = 5  # frames


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
    resting, lowest = resting_soles(joint_positions, fps)
    if len(resting) >= MIN_RESTING:
        return torch.quantile(resting, RESTING_QUANTILE)
    return torch.quantile(lowest, ANY_QUANTILE)


def resting_soles(joint_positions: Tensor, fps: float) -> tuple[Tensor, Tensor]:
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
