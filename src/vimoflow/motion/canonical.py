"""Bring a motion to the canonical size, the floor and labelled contacts."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from vimoflow.geometry.rotations import matrix_to_axis_angle
from vimoflow.motion.clip import Motion
from vimoflow.motion.contacts import label_contacts
from vimoflow.motion.floor import drifting_floor, fit_floor
from vimoflow.motion.kinematics import forward_kinematics


def canonical_motion(
    R_parent_joint: Float[Tensor, "frames 24 3 3"],
    root_world: Float[Tensor, "frames 3"],
    fps: float,
    level_floor: bool = True,
) -> Motion:
    """A motion with its floor at y = 0 and its contacts labelled; the size must be canonical.

    With ``level_floor`` false the floor is taken out as it drifts (see :func:`drifting_floor`).
    """
    positions = forward_kinematics(R_parent_joint, root_world)[1]
    height = fit_floor(positions, fps) if level_floor else drifting_floor(positions, fps)
    drop = torch.zeros_like(root_world)
    drop[:, 1] = height
    contacts = label_contacts(positions - drop[:, None], fps)
    return Motion(
        poses=matrix_to_axis_angle(R_parent_joint).numpy().astype(np.float32),
        trans=(root_world - drop).numpy().astype(np.float32),
        fps=fps,
        contacts=contacts.numpy().astype(np.float32),
    )
