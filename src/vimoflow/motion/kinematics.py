"""Forward kinematics and the COCO points of a posed skeleton."""

from __future__ import annotations

import itertools

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

    Joints of one depth in the tree are computed together, with the batch as the last axis: sums of
    products of long rows are several times as fast as many products of 3 x 3 matrices.
    """
    offsets = _offsets(skeleton).to(R_parent_joint)
    batch = R_parent_joint.shape[:-3]
    R_local = R_parent_joint.reshape(-1, len(PARENTS), 3, 3).permute(2, 3, 1, 0).contiguous()
    R_levels = [R_local[:, :, :1]]
    p_levels = [root_world.reshape(-1, 3).t()[:, None]]
    for joints, parents in _LEVELS:
        R_up, p_up = R_levels[-1][:, :, parents], p_levels[-1][:, parents]
        R_here = R_local[:, :, joints]
        products = [R_up[:, k, None] * R_here[None, k] for k in range(3)]
        R_levels.append(products[0] + products[1] + products[2])
        p_levels.append(p_up + (R_up * offsets[list(joints)].t()[None, :, :, None]).sum(1))
    R_world = torch.cat(R_levels, dim=2)[:, :, _ORDER].permute(3, 2, 0, 1).contiguous()
    p_world = torch.cat(p_levels, dim=1)[:, _ORDER].permute(2, 1, 0).contiguous()
    return R_world.reshape(*batch, -1, 3, 3), p_world.reshape(*batch, -1, 3)


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


# Read at import: a compiled training step must not trace file reading.
_CANONICAL_OFFSETS = torch.from_numpy(load_skeleton().offsets)


def _offsets(skeleton: Skeleton | None) -> Tensor:
    return _CANONICAL_OFFSETS if skeleton is None else torch.from_numpy(skeleton.offsets)


def _by_level() -> list[list[int]]:
    """Joints of each depth of the tree, the root's first."""
    depth = [0] * len(PARENTS)
    for j, p in enumerate(PARENTS):
        depth[j] = 0 if p < 0 else depth[p] + 1
    return [[j for j, d in enumerate(depth) if d == level] for level in range(max(depth) + 1)]


_BY_LEVEL = _by_level()
# (joints, places of their parents in the level above) for each level below the root.
_LEVELS = [
    (joints, [above.index(PARENTS[j]) for j in joints])
    for above, joints in itertools.pairwise(_BY_LEVEL)
]
_SORTED = list(itertools.chain.from_iterable(_BY_LEVEL))
_ORDER = [_SORTED.index(j) for j in range(len(PARENTS))]
