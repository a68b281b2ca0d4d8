"""Foot contact labels from 3D motion."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from vimoflow.motion.skeleton import CONTACT_JOINTS, joint, load_skeleton

# A foot joint touches the ground when it is slow and low; hysteresis keeps labels from flickering.
# Vertical speed alone (thesis 3.2 iv) also labels sliding feet and the top of a swing.
SPEED_ON, SPEED_OFF = 0.25, 0.45  # m/s, all three directions
HEIGHT_ON, HEIGHT_OFF = 0.07, 0.11  # m above the joint's height when the foot stands on the floor


def standing_heights() -> Float[Tensor, "4"]:
    """Height in metres of ankle, foot (left, right) above the floor when the foot stands flat.

    The sole is taken 15 mm below the foot joint (the ball of the foot).
    """
    rest = load_skeleton().rest_positions()
    sole = min(rest[joint(name)][1] for name in CONTACT_JOINTS) - 0.015
    return torch.tensor([rest[joint(name)][1] - sole for name in CONTACT_JOINTS])


def label_contacts(
    joint_positions: Float[Tensor, "*batch frames 24 3"], fps: float
) -> Float[Tensor, "*batch frames 4"]:
    """1 where a foot joint rests on the floor (y = 0), else 0 (thesis 3.2 iv, DESIGN section 5).

    A label switches on below (SPEED_ON, HEIGHT_ON) and off above (SPEED_OFF or HEIGHT_OFF).
    A clip of one frame has no speed: height alone decides.
    """
    index = [joint(name) for name in CONTACT_JOINTS]
    feet = joint_positions[..., index, :]
    speed = torch.zeros_like(feet[..., 0])
    if feet.shape[-3] > 1:
        step = (feet[..., 1:, :, :] - feet[..., :-1, :, :]).norm(dim=-1) * fps
        # The slower of the two neighbouring steps: touch-down and lift-off frames count as contact.
        before = torch.cat((step[..., :1, :], step), dim=-2)
        after = torch.cat((step, step[..., -1:, :]), dim=-2)
        speed = torch.minimum(before, after)
    height = feet[..., 1] - standing_heights().to(feet)
    return _hysteresis(
        (speed < SPEED_ON) & (height < HEIGHT_ON), (speed < SPEED_OFF) & (height < HEIGHT_OFF)
    ).to(joint_positions.dtype)


def _hysteresis(on: Tensor, stay: Tensor) -> Tensor:
    """Runs of ``stay`` that hold at least one ``on``, along the second last axis (no loop)."""
    run = torch.cumsum((~stay).long(), dim=-2)  # constant inside a run of ``stay``
    hits = torch.zeros(
        *run.shape[:-2], run.shape[-2] + 1, run.shape[-1], dtype=torch.long, device=run.device
    )
    hits.scatter_add_(-2, run, (on & stay).long())
    return stay & (hits.gather(-2, run) > 0)
