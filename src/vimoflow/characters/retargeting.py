"""A motion onto a character: bones point where the motion's do, and feet rest on its own floor.

Rotations go over joint by joint (:mod:`vimoflow.characters.alignment`), the path of the hips is
scaled to the character's legs. Other proportions of thigh and shin, hips and soles then make
resting feet slide; so what a foot needs to stay where it rests is found first, what both legs
share of it moves the hips, and the legs' own joints do what remains.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from scipy.ndimage import gaussian_filter1d, maximum_filter1d
from torch import Tensor

from vimoflow.characters.alignment import Alignment, driven
from vimoflow.characters.contact_report import ContactReport, contact_report
from vimoflow.characters.soles import Sole, find_soles, floor_height, foot_points
from vimoflow.errors import InputError
from vimoflow.geometry.rotations import (
    axis_angle_to_matrix,
    matrix_to_axis_angle,
    matrix_to_quaternion,
    nearest_rotation,
    rotation_about,
)
from vimoflow.inference.refinement.foot_locking import (
    FootLockSettings,
    contact_runs,
    faded,
    limb_turns,
    locking,
)
from vimoflow.motion.character import CharacterMotion
from vimoflow.motion.clip import Motion
from vimoflow.motion.contacts import standing_heights
from vimoflow.motion.kinematics import forward_kinematics
from vimoflow.motion.retarget_report import SIDES
from vimoflow.motion.skeleton import joint

RootMotion = Literal["free", "inplace", "split"]
_SINKS_M = 0.001  # a sole may give way so far, before a straight knee has to bend for it
_TURNS = np.radians(15)  # a flat foot that turns more pivots, and is let
_SMOOTH_S = 0.12  # the hips follow what both legs share over this time
_MOST_BENT = np.radians(60)  # of the toes
_REACH = 0.998  # of the leg: hips are lowered where a resting foot is farther away


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
class Retargeted:
    """A motion on a character, and what became of its contacts."""

    motion: CharacterMotion
    report: ContactReport
    pose: Pose = field(repr=False)


@dataclass(frozen=True)
class _Goal:
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


def onto_character(
    motion: Motion,
    rig: Alignment,
    name: str = "motion",
    root: RootMotion = "free",
    lock_feet: bool = True,
    pins: Mapping[str, Float[np.ndarray, "frames 3"]] | None = None,
) -> Retargeted:
    """Put a motion on a character.

    Args:
        motion: in our world.
        rig: the character, brought in line.
        name: of the animation.
        root: free lets it travel, inplace keeps it over one spot, split puts the path along the
            floor on the joint above the hips.
        lock_feet: keep resting feet where they are, and none below the floor.
        pins: where "left_wrist" or "right_wrist" are to be, metres; NaN where they are free.

    Raises:
        InputError: ``split`` without a joint above the hips.
    """
    soles = find_soles(rig)
    goal = _goal(motion, rig, soles)
    if lock_feet:
        goal = _planted(goal)
    before = _posed(rig, goal)
    if lock_feet:
        goal = _toes_bent(rig, soles, goal, before)
        before = _posed(rig, goal)
    pose = _feet_locked(rig, soles, goal, before) if lock_feet else before
    for wrist, places in (pins or {}).items():
        pose = _pinned(rig, pose, wrist, torch.from_numpy(places), goal)
    report = contact_report(
        motion, goal.positions, rig, soles, goal.R_world, before.positions, pose.positions
    )
    seconds = np.asarray(motion.timestamps - motion.timestamps[0], np.float64)
    return Retargeted(_animation(rig, pose, name, seconds, root), report, pose)


def _goal(motion: Motion, rig: Alignment, soles: Mapping[str, Sole]) -> _Goal:
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
    return _Goal(R_world, positions, hips, scale, motion.fps, contacts)


def _posed(rig: Alignment, goal: _Goal) -> Pose:
    turns = {node: driven(drive, goal.R_world) for node, drive in rig.drives.items()}
    return _pose(rig, turns, _hips_path(rig, turns, goal))


def _planted(goal: _Goal) -> _Goal:
    """A foot that rests on heel and ball keeps its direction: else one of the two slides."""
    R_world = goal.R_world.clone()
    settings = FootLockSettings()
    for leg, side in enumerate(SIDES):
        parts = [joint(f"{side}_{part}") for part in ("ankle", "foot")]
        flat = goal.contacts[:, 2 * leg : 2 * leg + 2].amin(-1) > settings.contact
        R = R_world[:, parts[0]]
        turn, held = torch.zeros(len(R), 3).to(R), torch.zeros(len(R), dtype=torch.bool)
        for first, end in contact_runs(flat, settings.shortest_s * goal.fps):
            mean = nearest_rotation(R[first:end].mean(0))
            way = matrix_to_axis_angle(mean @ R[first:end].transpose(-1, -2))
            if float(way.norm(dim=-1).max()) < _TURNS:
                turn[first:end], held[first:end] = way, True
        turn = faded(turn, held, max(1, round(settings.fade_s * goal.fps)))
        R_world[:, parts] = axis_angle_to_matrix(turn)[:, None] @ R_world[:, parts]
    return dataclasses.replace(goal, R_world=R_world)


def _toes_bent(rig: Alignment, soles: Mapping[str, Sole], goal: _Goal, pose: Pose) -> _Goal:
    """Toes that would go through the floor are bent up at the ball, where there is a joint."""
    R_world = goal.R_world.clone()
    for side, sole in soles.items():
        if sole.toe is None:
            continue
        foot = joint(f"{side}_foot")
        tip = torch.from_numpy(sole.toes[sole.toes[:, 2].argmax()])
        ball = foot_points(rig, sole, side, R_world, pose.positions)[0][:, 1, 1]
        stands = -float(sole.toes[:, 1].min())
        low = (-(R_world[:, foot, 1] @ tip) / tip.norm()).clamp(-1, 1)
        may = (ball.clamp(min=stands) / tip.norm()).clamp(-1, 1)
        bend = (torch.arcsin(low) - torch.arcsin(may)).clamp(0, _MOST_BENT)
        R_world[:, foot] = R_world[:, foot] @ rotation_about("x", -bend)
    return dataclasses.replace(goal, R_world=R_world)


def _hips_path(rig: Alignment, turns: Mapping[int, Tensor], goal: _Goal) -> Tensor:
    """Where the joint that travels has to be, for the hips to be where they should."""
    rest = rig.rest_positions
    middle = np.mean([rest[rig.joints[f"{side}_hip"]] for side in SIDES], axis=0)
    local = rig.rest_rotations[rig.hips].T @ (rest[rig.hips] - middle)
    return goal.hips + turns[rig.hips] @ torch.from_numpy(local)


def _pose(rig: Alignment, turns: Mapping[int, Tensor], hips_path: Tensor) -> Pose:
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


def _feet_locked(rig: Alignment, soles: Mapping[str, Sole], goal: _Goal, pose: Pose) -> Pose:
    pushes = {}
    for leg, side in enumerate(SIDES):
        feet, heights = foot_points(rig, soles[side], side, goal.R_world, pose.positions)
        contacts = goal.contacts[:, 2 * leg : 2 * leg + 2]
        push = goal.scale * locking(
            feet / goal.scale, heights / goal.scale, contacts, goal.fps, FootLockSettings()
        )
        push[:, 1] -= (heights.amin(-1) + push[:, 1] + _SINKS_M).clamp(max=0)
        pushes[side] = push
    shared = _shared(pushes, goal)
    shared[:, 1] -= _too_far(rig, pose, {s: p - shared for s, p in pushes.items()}, goal)
    turns = {node: pose.rotations[node] for node in rig.drives if node in pose.rotations}
    for side in SIDES:
        turns |= _limb(rig, pose, side, ("hip", "knee", "ankle"), pushes[side] - shared,
                       goal.R_world[:, joint(f"{side}_knee"), :, 0])  # fmt: skip
    return _pose(rig, turns, pose.positions[rig.hips] + shared)


def _shared(pushes: Mapping[str, Tensor], goal: _Goal) -> Tensor:
    """What both legs need alike, weighted by how much each carries; smooth in time."""
    carries = [goal.contacts[:, 2 * leg : 2 * leg + 2].amax(-1) + 0.05 for leg in range(len(SIDES))]
    both = torch.stack([pushes[side] for side in SIDES])
    weight = torch.stack(carries)[..., None]
    mean = ((weight * both).sum(0) / weight.sum(0)).numpy()
    return torch.from_numpy(gaussian_filter1d(mean, _SMOOTH_S * goal.fps, axis=0, mode="nearest"))


def _too_far(
    rig: Alignment, pose: Pose, pushes: Mapping[str, Tensor], goal: _Goal
) -> Float[Tensor, " frames"]:
    """By how much the hips are to come down so that legs reach where their feet rest, metres."""
    down = np.zeros(len(goal.hips))
    for side, push in pushes.items():
        hip, knee, ankle = (
            pose.positions[rig.joints[f"{side}_{p}"]] for p in ("hip", "knee", "ankle")
        )
        leg = (knee - hip).norm(dim=-1) + (ankle - knee).norm(dim=-1)
        reach = torch.maximum(_REACH * leg, (ankle - hip).norm(dim=-1))
        way = ankle + push - hip
        across = way[:, [0, 2]].square().sum(-1)
        highest = (reach.square() - across).clamp(min=0).sqrt()
        down = np.maximum(down, (-way[:, 1] - highest).clamp(min=0).numpy())
    width = _SMOOTH_S * goal.fps
    if not down.any():
        return torch.from_numpy(down)
    hull = maximum_filter1d(down, 2 * int(2 * width) + 1, mode="nearest")
    return torch.from_numpy(gaussian_filter1d(hull, width, mode="nearest"))


def _limb(
    rig: Alignment, pose: Pose, side: str, parts: tuple[str, str, str], push: Tensor, hinge: Tensor
) -> dict[int, Tensor]:
    """World rotations of a limb's two joints with its end moved by ``push``."""
    nodes = [rig.joints[f"{side}_{part}"] for part in parts]
    first, second, end = (pose.positions[node] for node in nodes)
    turns = limb_turns(second - first, end - second, hinge, push)
    return {node: turn @ pose.rotations[node] for node, turn in zip(nodes, turns, strict=False)}


def _pinned(rig: Alignment, pose: Pose, wrist: str, places: Tensor, goal: _Goal) -> Pose:
    """The pose with a hand where it is pinned, coming and going smoothly."""
    side = wrist.removesuffix("_wrist")
    free = places.isnan().any(-1)
    push = torch.where(free[:, None], 0.0, places.nan_to_num() - pose.positions[rig.joints[wrist]])
    eased = gaussian_filter1d(push.numpy(), _SMOOTH_S * goal.fps, axis=0, mode="nearest")
    push = torch.where(free[:, None], torch.from_numpy(eased), push)
    hinge = goal.R_world[:, joint(f"{side}_elbow"), :, 1] * (-1.0 if side == "left" else 1.0)
    turns = {node: pose.rotations[node] for node in rig.drives if node in pose.rotations}
    turns |= _limb(rig, pose, side, ("shoulder", "elbow", "wrist"), push, hinge)
    return _pose(rig, turns, pose.positions[rig.hips])


def _animation(
    rig: Alignment, pose: Pose, name: str, seconds: np.ndarray, root: RootMotion
) -> CharacterMotion:
    """World poses as what the file's nodes have: local rotations, and places of what travels."""
    parents, rest = rig.character.parents, rig.rest_rotations
    rotations = {}
    for node in sorted(rig.drives):
        if node not in pose.rotations:
            continue
        parent = parents[node]
        above = torch.from_numpy(rest[parent] if parent >= 0 else _own_axes(rig))
        above = pose.rotations.get(parent, above)
        rotations[node] = _quaternions(above.transpose(-1, -2) @ pose.rotations[node])
    path = pose.positions[rig.hips].numpy()
    level = path * np.array([1.0, 0.0, 1.0])
    translations = {rig.hips: _local(rig, rig.hips, path if root == "free" else path - level)}
    if root == "split":
        above_hips = parents[rig.hips]
        if above_hips < 0:
            raise InputError(
                f"{rig.character.source}: no joint above the hips could carry the path; use "
                "--root inplace"
            )
        start = rig.rest_positions[above_hips]
        translations[above_hips] = _local(rig, above_hips, start + level)
    return CharacterMotion(rig.character, name, seconds, rotations, translations)


def _own_axes(rig: Alignment) -> Float[np.ndarray, "3 3"]:
    """The turn from the file's axes to ours."""
    linear = rig.character.to_world[:3, :3]
    return linear / np.cbrt(np.linalg.det(linear))


def _local(rig: Alignment, node: int, places: np.ndarray) -> Float[np.ndarray, "frames 3"]:
    """Places in the world as a node's translation in its parent, in the file's own units."""
    parent = rig.character.parents[node]
    above = rig.character.rest_world[parent] if parent >= 0 else rig.character.to_world
    inverse = np.linalg.inv(above)
    return places @ inverse[:3, :3].T + inverse[:3, 3]


def _quaternions(R: Float[Tensor, "frames 3 3"]) -> Float[np.ndarray, "frames 4"]:
    """Unit quaternions (x, y, z, w) whose signs do not jump."""
    q = matrix_to_quaternion(R).numpy()
    same = (q[1:] * q[:-1]).sum(-1) >= 0
    q[1:] *= np.cumprod(np.where(same, 1.0, -1.0))[:, None]
    return q
