"""Forward kinematics and the COCO points of a posed skeleton."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from vimoflow.motion.skeleton import PARENTS, Skeleton, load_skeleton


def forward_kinematics(
    R_parent_joint: Float[Tensor, "*batch 24 3 3"],
    root_world: Float[Tensor, "*batch 3"],
    skeleton: Skeleton | None = None,
) -> tuple[Float[Tensor, "*batch 24 3 3"], Float[Tensor, "*batch 24 3"]]:
    """World rotations and world positions (metres) of all joints.

    Joints of one depth in the tree are computed together: nine products instead of 23.
    """
    offsets = _offsets(skeleton).to(R_parent_joint)
    R_world: list[Tensor] = [R_parent_joint[..., 0, :, :]] * len(PARENTS)
    p_world: list[Tensor] = [root_world] * len(PARENTS)
    for joints, parents in _LEVELS:
        R_up = torch.stack([R_world[p] for p in parents], dim=-3)
        p_up = torch.stack([p_world[p] for p in parents], dim=-2)
        index = list(joints)
        R_here = R_up @ R_parent_joint[..., index, :, :]
        p_here = p_up + (R_up @ offsets[index].unsqueeze(-1)).squeeze(-1)
        for slot, j in enumerate(joints):
            R_world[j], p_world[j] = R_here[..., slot, :, :], p_here[..., slot, :]
    return torch.stack(R_world, dim=-3), torch.stack(p_world, dim=-2)


def coco_points(
    R_world_joint: Float[Tensor, "*batch 24 3 3"],
    p_world_joint: Float[Tensor, "*batch 24 3"],
    skeleton: Skeleton | None = None,
) -> Float[Tensor, "*batch 17 3"]:
    """World positions (metres) of the 17 COCO points that ride rigidly on the joints."""
    skeleton = skeleton or load_skeleton()
    index = list(skeleton.coco_joints)
    offsets = torch.from_numpy(skeleton.coco_offsets).to(p_world_joint).unsqueeze(-1)
    return p_world_joint[..., index, :] + (R_world_joint[..., index, :, :] @ offsets).squeeze(-1)


@torch.compiler.assume_constant_result  # a compiled training step must not trace file reading
def _offsets(skeleton: Skeleton | None) -> Tensor:
    return torch.from_numpy((skeleton or load_skeleton()).offsets)


def _levels() -> tuple[tuple[tuple[int, ...], tuple[int, ...]], ...]:
    """(joints, their parents) for each depth of the tree below the root."""
    depth = [0] * len(PARENTS)
    for j, p in enumerate(PARENTS):
        depth[j] = 0 if p < 0 else depth[p] + 1
    return tuple(
        (
            tuple(j for j, d in enumerate(depth) if d == level),
            tuple(PARENTS[j] for j, d in enumerate(depth) if d == level),
        )
        for level in range(1, max(depth) + 1)
    )


_LEVELS = _levels()
