"""Bring a motion to the canonical size, the floor and labelled contacts."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from vimoflow.geometry.rotations import matrix_to_axis_angle
from vimoflow.motion.clip import Motion
from vimoflow.motion.contacts import label_contacts
from vimoflow.motion.floor import fit_floor
from vimoflow.motion.kinematics import forward_kinematics

Floor = Callable[[Tensor, float], Tensor]


def canonical_motion(
    R_parent_joint: Float[Tensor, "frames 24 3 3"],
    root_world: Float[Tensor, "frames 3"],
    fps: float,
    floor: Floor = fit_floor,
) -> Motion:
    """A motion with its floor at y = 0 and its contacts labelled; the size must be canonical.

    Args:
        floor: how to find the floor (``motion.floor``: level, drifting, or the lowest of several).
    """
    positions = forward_kinematics(R_parent_joint, root_world)[1]
    height = floor(positions, fps)
    drop = torch.zeros_like(root_world)
    drop[:, 1] = height
    contacts = label_contacts(positions - drop[:, None], fps)
    return Motion(
        poses=matrix_to_axis_angle(R_parent_joint).numpy().astype(np.float32),
        trans=(root_world - drop).numpy().astype(np.float32),
        fps=fps,
        contacts=contacts.numpy().astype(np.float32),
    )
