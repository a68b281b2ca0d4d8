"""A motion of the skeleton from the places of all of its joints, exactly where they fit it."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from vimoflow.geometry.rotations import nearest_rotation
from vimoflow.motion.limb_directions import initial_rotations
from vimoflow.motion.skeleton import PARENTS, Skeleton, load_skeleton

_GUESS = 1e-7  # weight of what the joints leave open, square metres
_POINT = 1e-3  # weight of a COCO point beside a joint's


def fit_joints(
    joints: Float[Tensor, "frames 24 3"], points: Float[Tensor, "frames 17 3"]
) -> tuple[Float[Tensor, "frames 24 3 3"], Skeleton]:
    """Local rotations that put the joints where they are said to be, and the figure's size.

    Joint by joint from the pelvis, the rotation that brings its children and its COCO points
    nearest to their places (Kabsch 1976). What those leave open, the twist of a straight limb,
    is as the plane in which the limb bends has it.

    Args:
        joints: places, metres, of a figure of the skeleton's proportions and any size.
        points: the COCO points, metres.
    """
    skeleton = load_skeleton()
    offsets = torch.from_numpy(skeleton.offsets).to(joints)
    bones = joints[:, 1:] - joints[:, list(PARENTS[1:])]
    size = float(bones.norm(dim=-1).median(0).values.sum() / offsets[1:].norm(dim=-1).sum())
    skeleton = skeleton.scaled(size)
    R_guess = initial_rotations(points)
    R_world = torch.empty_like(R_guess)
    for j, parent in enumerate(PARENTS):
        R = R_guess[:, j] if parent < 0 else R_world[:, parent] @ R_guess[:, j]
        correlation = _GUESS * R
        for place, offset, weight in _riders(j, joints, points, skeleton):
            correlation = correlation + weight * (place - joints[:, j])[..., :, None] * offset
        R_world[:, j] = nearest_rotation(correlation)
    R_local = R_world.clone()
    R_local[:, 1:] = R_world[:, list(PARENTS[1:])].transpose(-1, -2) @ R_world[:, 1:]
    return R_local, skeleton


def _riders(
    j: int, joints: Tensor, points: Tensor, skeleton: Skeleton
) -> list[tuple[Tensor, Tensor, float]]:
    """What turns with a joint: places, offsets in its frame, weights."""
    children = [c for c, parent in enumerate(PARENTS) if parent == j]
    riding = [k for k, on in enumerate(skeleton.coco_joints) if on == j]
    offsets, of_points = (torch.from_numpy(a).to(joints)
                          for a in (skeleton.offsets, skeleton.coco_offsets))  # fmt: skip
    return [
        *((joints[:, c], offsets[c], 1.0) for c in children),
        *((points[:, k], of_points[k], _POINT) for k in riding),
    ]
