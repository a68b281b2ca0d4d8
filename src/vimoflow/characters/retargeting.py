"""A motion onto a character: bones point where the motion's do, and feet rest on its own floor.

Rotations go over joint by joint (:mod:`vimoflow.characters.alignment`), the path of the hips is
scaled to the character's legs. Other proportions of thigh and shin, hips and soles then make
resting feet slide, which :mod:`vimoflow.characters.resting_feet` mends.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Float
from scipy.ndimage import gaussian_filter1d
from torch import Tensor

from vimoflow.characters.alignment import Alignment
from vimoflow.characters.contact_report import ContactReport, contact_report
from vimoflow.characters.posing import Goal, Pose, goal_of, limb_moved, pose_from, posed
from vimoflow.characters.resting_feet import feet_locked, planted, toes_bent
from vimoflow.characters.retarget_options import RootMotion
from vimoflow.characters.soles import find_soles
from vimoflow.errors import InputError
from vimoflow.geometry.rotations import matrix_to_quaternion
from vimoflow.motion.character import CharacterMotion
from vimoflow.motion.clip import Motion
from vimoflow.motion.skeleton import joint

_PIN_S = 0.12  # a pinned hand comes and goes over this time


@dataclass(frozen=True)
class Retargeted:
    """A motion on a character, and what became of its contacts."""

    motion: CharacterMotion
    report: ContactReport
    pose: Pose = field(repr=False)


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
    goal = goal_of(motion, rig, soles)
    if lock_feet:
        goal = planted(goal)
    before = posed(rig, goal)
    if lock_feet:
        goal = toes_bent(rig, soles, goal, before)
        before = posed(rig, goal)
    pose = feet_locked(rig, soles, goal, before) if lock_feet else before
    for wrist, places in (pins or {}).items():
        pose = _pinned(rig, pose, wrist, torch.from_numpy(places), goal)
    report = contact_report(
        motion, goal.positions, rig, soles, goal.R_world, before.positions, pose.positions
    )
    seconds = np.asarray(motion.timestamps - motion.timestamps[0], np.float64)
    return Retargeted(_animation(rig, pose, name, seconds, root), report, pose)


def _pinned(rig: Alignment, pose: Pose, wrist: str, places: Tensor, goal: Goal) -> Pose:
    """The pose with a hand where it is pinned, coming and going smoothly."""
    side = wrist.removesuffix("_wrist")
    free = places.isnan().any(-1)
    push = torch.where(free[:, None], 0.0, places.nan_to_num() - pose.positions[rig.joints[wrist]])
    eased = gaussian_filter1d(push.numpy(), _PIN_S * goal.fps, axis=0, mode="nearest")
    push = torch.where(free[:, None], torch.from_numpy(eased), push)
    hinge = goal.R_world[:, joint(f"{side}_elbow"), :, 1] * (-1.0 if side == "left" else 1.0)
    turns = {node: pose.rotations[node] for node in rig.drives if node in pose.rotations}
    turns |= limb_moved(rig, pose, side, ("shoulder", "elbow", "wrist"), push, hinge)
    return pose_from(rig, turns, pose.positions[rig.hips])


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
