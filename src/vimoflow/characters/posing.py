"""Where a character's joints are to be, and where they are: forward kinematics on its own bones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from vimoflow.characters.alignment import Alignment, driven
from vimoflow.characters.soles import Sole, floor_height
from vimoflow.inference.refinement.foot_locking import limb_turns
from vimoflow.motion.clip import Motion
from vimoflow.motion.contacts import standing_heights
from vimoflow.motion.kinematics import forward_kinematics
from vimoflow.motion.retarget_report import SIDES
from vimoflow.motion.skeleton import joint


@dataclass(frozen=True)
class Pose:
    """A character's joints in the world, by node: those that turn, and where they are.

    Attributes:
        rotations: world rotations of all nodes that move.
        positions: metres.
    """

    rotations: dict[int, Float[Tensor, "frames 3 3"]]
    positions: dict[int, Float[Tensor, "frames 3"]]


@dataclass(frozen=True)
class Goal:
    """Our skeleton's motion, as the character is to have it.

    Attributes:
        R_world: world rotations of our joints.
        positions: of our joints, metres, in our skeleton's size.
        hips: where the middle between the character's hips is to be.
        scale: the character's leg by ours.
        fps, contacts: of the motion.
    """

    R_world: Float[Tensor, "frames 24 3 3"]
    positions: Float[Tensor, "frames 24 3"]
    hips: Float[Tensor, "frames 3"]
    scale: float
    fps: float
    contacts: Float[Tensor, "frames 4"]


def goal_of(motion: Motion, rig: Alignment, soles: Mapping[str, Sole]) -> Goal:
    """Our motion with the hips' path scaled to the character's legs and put on its soles."""
    R_world, positions = forward_kinematics(
        torch.from_numpy(motion.local_rotations),
        torch.as_tensor(motion.trans, dtype=torch.float64),
        motion.skeleton,
    )
    size = motion.skeleton.scale
    scale = rig.leg_length / motion.skeleton.leg_length
    hips = scale * positions[:, [joint(f"{side}_hip") for side in SIDES]].mean(1)
    hips[:, 1] += floor_height(soles) - scale * size * float(standing_heights()[0])
    contacts = torch.from_numpy(np.asarray(motion.contacts, np.float64))
    return Goal(R_world, positions, hips, scale, motion.fps, contacts)


def posed(rig: Alignment, goal: Goal) -> Pose:
    """The character with its bones along our motion's."""
    turns = {node: driven(drive, goal.R_world) for node, drive in rig.drives.items()}
    return pose_from(rig, turns, _hips_path(rig, turns, goal))


def _hips_path(rig: Alignment, turns: Mapping[int, Tensor], goal: Goal) -> Tensor:
    """Where the joint that travels has to be, for the hips to be where they should."""
    rest = rig.rest_positions
    middle = np.mean([rest[rig.joints[f"{side}_hip"]] for side in SIDES], axis=0)
    local = rig.rest_rotations[rig.hips].T @ (rest[rig.hips] - middle)
    return goal.hips + turns[rig.hips] @ torch.from_numpy(local)


def pose_from(rig: Alignment, turns: Mapping[int, Tensor], hips_path: Tensor) -> Pose:
    """Forward kinematics from the hips down to all joints that turn and the feet's."""
    wanted = set(turns)
    for node in sorted(turns, reverse=True):
        parent = rig.character.parents[node]
        while node != rig.hips and parent not in wanted and parent >= 0:
            wanted.add(parent)
            parent = rig.character.parents[parent]
    rotations, positions = {}, {}
    for node in sorted(wanted):
        if node == rig.hips:
            rotations[node], positions[node] = turns[node], hips_path
            continue
        parent = rig.character.parents[node]
        if parent not in rotations:
            continue
        R_rest = torch.from_numpy(rig.rest_rotations[parent].T)
        bone = torch.from_numpy(rig.rest_positions[node] - rig.rest_positions[parent])
        positions[node] = positions[parent] + rotations[parent] @ (R_rest @ bone)
        rigid = R_rest @ torch.from_numpy(rig.rest_rotations[node])
        rotations[node] = turns[node] if node in turns else rotations[parent] @ rigid
    return Pose(rotations, positions)


def limb_moved(
    rig: Alignment, pose: Pose, side: str, parts: tuple[str, str, str], push: Tensor, hinge: Tensor
) -> dict[int, Tensor]:
    """World rotations of a limb's two joints with its end moved by ``push``."""
    nodes = [rig.joints[f"{side}_{part}"] for part in parts]
    first, second, end = (pose.positions[node] for node in nodes)
    turns = limb_turns(second - first, end - second, hinge, push)
    return {node: turn @ pose.rotations[node] for node, turn in zip(nodes, turns, strict=False)}
