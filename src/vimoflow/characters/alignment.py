"""A character's rest pose brought in line with our T-pose, joint by joint.

What a joint of the character does is ``R_world(t) @ K``: the world rotation of our joint (the
identity in the T-pose), times a constant that holds the character's own rest rotation and the
smallest turn that takes its bone at rest (A-pose, arms down, legs apart) to ours. So bones point
where the motion's do, whatever axes the joints have, and the shape of trunk, neck and feet at rest
stays the character's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from vimoflow.characters.hierarchy import unit
from vimoflow.characters.mapping import CharacterMap
from vimoflow.errors import InputError
from vimoflow.geometry.rotations import (
    axis_angle_to_matrix,
    matrix_to_axis_angle,
    nearest_rotation,
    rotation_between,
)
from vimoflow.motion.character import Character
from vimoflow.motion.retarget_report import SIDES
from vimoflow.motion.skeleton import JOINT_NAMES, joint, load_skeleton

_SNAP = np.cos(np.radians(20))  # figures stand along the axes of their file
_LEVEL = np.cos(np.radians(60))  # a foot at rest lies flatter than this, or is no foot at rest
_SPINE = ("pelvis", "spine1", "spine2", "spine3")


@dataclass(frozen=True)
class Drive:
    """What turns a joint: between two of our joints, then the constant.

    Attributes:
        first, second: indices of our joints; equal for most.
        share: of the way from the first to the second.
        R_ours_rest: the constant K, from the joint's own frame to that of our joint.
    """

    first: int
    second: int
    share: float
    R_ours_rest: Float[np.ndarray, "3 3"]


@dataclass(frozen=True)
class Alignment:
    """Everything of a character that does not depend on the motion.

    Attributes:
        character: it.
        joints: its joints by part.
        hips: the joint that carries legs and trunk; it travels.
        drives: by joint, for those that turn.
        rest_rotations: of all nodes in the world, scales left out.
        figure: left, up and forward of the figure at rest, as columns.
        turns: by part, from the figure's axes at rest to our T-pose.
        leg_length: hip to ankle along the bones, metres, mean of both sides.
    """

    character: Character
    joints: Mapping[str, int]
    hips: int
    drives: Mapping[int, Drive]
    rest_rotations: Float[np.ndarray, "nodes 3 3"]
    figure: Float[np.ndarray, "3 3"]
    turns: Mapping[str, Float[np.ndarray, "3 3"]]
    leg_length: float

    @property
    def rest_positions(self) -> Float[np.ndarray, "nodes 3"]:
        """Of all nodes in the world, metres."""
        return self.character.rest_world[:, :3, 3]


def align(character: Character, joint_map: CharacterMap) -> Alignment:
    """Bring a character in line.

    Raises:
        InputError: limbs without length, or joints that do not hang together.
    """
    joints = joint_map.joints
    at = {part: character.rest_world[node, :3, 3] for part, node in joints.items()}
    limbs = [
        (f"{s}_{a}", f"{s}_{b}") for s in SIDES
        for a, b in (("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow"), ("elbow", "wrist"))
    ]  # fmt: skip
    lengths = {bone: float(np.linalg.norm(at[bone[1]] - at[bone[0]])) for bone in limbs}
    flat = next((bone for bone, length in lengths.items() if not length > 1e-6), None)
    if flat is not None:
        raise InputError(f"{character.source}: {flat[0]} and {flat[1]} are at the same place")
    figure = _figure(at)
    turns = _turns({part: figure.T @ place for part, place in at.items()})
    rotations = _rest_rotations(character)
    roles, hips = _roles(character, joints)
    drives = {
        node: Drive(first, second, share, turns[part] @ figure.T @ rotations[node])
        for node, (part, first, second, share) in roles.items()
    }
    leg = sum(length for (a, _), length in lengths.items() if a.endswith(("hip", "knee"))) / 2
    return Alignment(character, joints, hips, drives, rotations, figure, turns, leg)


def _figure(at: Mapping[str, np.ndarray]) -> Float[np.ndarray, "3 3"]:
    """Left, up and forward at rest; up is +Y, left is snapped to the file's axes."""
    left = sum(at[f"left_{part}"] - at[f"right_{part}"] for part in ("hip", "shoulder"))
    left = unit(np.asarray(left) * np.array([1.0, 0.0, 1.0]))
    axis = int(np.abs(left).argmax())
    if abs(left[axis]) > _SNAP:
        left = np.eye(3)[axis] * np.sign(left[axis])
    if np.linalg.norm(left) < 0.5:
        raise InputError("the figure does not stand: its hips lie one above the other")
    up = np.array([0.0, 1.0, 0.0])
    return np.stack((left, up, np.cross(left, up)), axis=1)


def _rest_rotations(character: Character) -> Float[np.ndarray, "nodes 3 3"]:
    """World rotations at rest, as products of the local ones: scales and mirrorings left out."""
    linear = np.concatenate((character.to_world[None, :3, :3], character.rest_local[:, :3, :3]))
    sizes = np.linalg.norm(linear, axis=1, keepdims=True)
    signs = np.where(np.linalg.det(linear) < 0, -1.0, 1.0)[:, None, None]
    local = nearest_rotation(torch.from_numpy(signs * linear / np.maximum(sizes, 1e-12))).numpy()
    world = local[1:].copy()
    for node, parent in enumerate(character.parents):
        world[node] = (local[0] if parent < 0 else world[parent]) @ local[node + 1]
    return world


def _turns(at: Mapping[str, np.ndarray]) -> dict[str, Float[np.ndarray, "3 3"]]:
    """By part, from the figure's axes at rest (in which ``at`` is) to our T-pose."""
    ours = dict(zip(JOINT_NAMES, load_skeleton().rest_positions(), strict=True))
    turns = {"pelvis": np.eye(3), "neck": np.eye(3), "head": np.eye(3)}
    turns["chest"] = _swing(_trunk(at), _trunk(ours))
    for side in SIDES:
        turns[f"{side}_collar"] = turns["chest"]
        for upper, lower, end in (("hip", "knee", "ankle"), ("shoulder", "elbow", "wrist")):
            above = np.eye(3)
            for a, b in ((upper, lower), (lower, end)):
                bone, wanted = (p[f"{side}_{b}"] - p[f"{side}_{a}"] for p in (at, ours))
                above = turns[f"{side}_{a}"] = _swing(above @ bone, wanted) @ above
        turns[f"{side}_wrist"] = turns[f"{side}_elbow"]
        foot = ours[f"{side}_foot"] - ours[f"{side}_ankle"]
        toe = at.get(f"{side}_toe")
        turns[f"{side}_ankle"] = turns[f"{side}_toe"] = (
            np.eye(3) if toe is None else _foot_turn(toe - at[f"{side}_ankle"], foot)
        )
    return turns


def _foot_turn(
    foot: Float[np.ndarray, "3"], ours: Float[np.ndarray, "3"]
) -> Float[np.ndarray, "3 3"]:
    """About the vertical, as high heels and flat feet stay what they are; a hanging foot wholly."""
    level = np.array([1.0, 0.0, 1.0])
    if np.linalg.norm(foot * level) < _LEVEL * np.linalg.norm(foot):
        return _swing(foot, ours)
    return _swing(foot * level, ours * level)


def _trunk(at: Mapping[str, np.ndarray]) -> Float[np.ndarray, "3"]:
    """From the middle of the hips to the middle of the shoulders."""
    middle = {part: (at[f"left_{part}"] + at[f"right_{part}"]) / 2 for part in ("hip", "shoulder")}
    return np.asarray(middle["shoulder"] - middle["hip"])


def _swing(a: np.ndarray, b: np.ndarray) -> Float[np.ndarray, "3 3"]:
    first, second = (torch.from_numpy(unit(v)) for v in (a, b))
    return rotation_between(first, second).numpy()


def _roles(
    character: Character, joints: Mapping[str, int]
) -> tuple[dict[int, tuple[str, int, int, float]], int]:
    """By node: the part whose turn it takes, and between which of our joints it turns."""
    ways = {part: _way(character, node) for part, node in joints.items()}
    shared = [a for a, b in zip(ways["left_hip"], ways["chest"], strict=False) if a == b]
    if not shared or joints["left_hip"] in shared:
        raise InputError(f"{character.source}: hips and chest do not hang together")
    hips = shared[-1]
    roles: dict[int, tuple[str, int, int, float]] = {}
    spine = [node for node in ways["chest"] if node not in shared]
    for number, node in enumerate(spine, 1):
        roles[node] = ("chest", *_between(_SPINE, number / len(spine)))
    neck = ways["head"][len(ways["chest"]) :] if joints["chest"] in ways["head"] else []
    for number, node in enumerate(neck, 1):
        part = "head" if node == joints["head"] else "neck"
        roles[node] = (part, *_between(("spine3", "neck", "head"), number / len(neck)))
    for part, node in joints.items():
        if part not in ("pelvis", "chest", "head"):
            ours = joint(part.replace("toe", "foot"))
            roles[node] = (part, ours, ours, 0.0)
    for node in (hips, joints["pelvis"]):
        roles[node] = ("pelvis", 0, 0, 0.0)
    return roles, hips


def _way(character: Character, node: int) -> list[int]:
    """From the root down to a node."""
    way = [node]
    while character.parents[way[-1]] >= 0:
        way.append(character.parents[way[-1]])
    return way[::-1]


def _between(names: tuple[str, ...], share: float) -> tuple[int, int, float]:
    """Two neighbours among joints in a row, and how far between them."""
    place = share * (len(names) - 1)
    first = min(int(place + 1e-9), len(names) - 2)
    return joint(names[first]), joint(names[first + 1]), min(place - first, 1.0)


def driven(
    drive: Drive, R_world_ours: Float[Tensor, "frames 24 3 3"]
) -> Float[Tensor, "frames 3 3"]:
    """World rotation of a joint of the character."""
    first, second = R_world_ours[:, drive.first], R_world_ours[:, drive.second]
    if drive.share >= 1 - 1e-6:
        first = second
    elif drive.share > 1e-6:
        way = matrix_to_axis_angle(first.transpose(-1, -2) @ second)
        first = first @ axis_angle_to_matrix(drive.share * way)
    return first @ torch.from_numpy(drive.R_ours_rest)
