"""A BVH as a character: its skeleton, and its own header with other frames."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float

from vimoflow.characters.hierarchy import Hierarchy, unit
from vimoflow.characters.recognition import recognise
from vimoflow.errors import InputError
from vimoflow.formats.bvh_reader import END_SUFFIX, BvhFile, bvh_to_source_motion, read_bvh
from vimoflow.formats.bvh_writer import joint_angles
from vimoflow.formats.up_axis import UP
from vimoflow.geometry.rotations import quaternion_to_matrix
from vimoflow.motion.character import Character, CharacterMotion
from vimoflow.motion.retarget_report import SIDES

_UNITS = (1.0, 0.01, 0.001, 0.0254)  # metres
_STANDS = 0.7  # cosine between the legs and the trunk's way down
_MOTION = re.compile(rb"[\r\n][ \t]*MOTION\s")


def bvh_character(path: str | Path) -> Character:
    """The skeleton of a BVH, in its zero pose or, if nobody stands so, in its first frame.

    The unit is the one that makes the figure nearest to a person's size, the axis that is up the
    one along which it stands.

    Raises:
        InputError: not a readable BVH.
    """
    bvh = read_bvh(path)
    first = BvhFile(**{**vars(bvh), "values": bvh.values[:1]})
    posed = bvh_to_source_motion(first, 1.0, fps=1.0)
    poses = [(posed.rest_positions, np.tile(np.eye(3), (len(bvh.names), 1, 1))),
             (posed.p_world_joint[0], posed.R_world_joint[0])]  # fmt: skip
    trunks = [_standing_trunk(bvh, at) for at, _ in poses]
    which = 1 if trunks[0] is None and trunks[1] is not None else 0
    at, R_world = poses[which]
    rest = _local(bvh, at, R_world)
    trunk = trunks[which]
    up = "y" if trunk is None else _up(trunk)
    height = float(np.ptp(at @ UP[up].T, axis=0)[1]) or 1.0
    to_world = np.eye(4)
    to_world[:3, :3] = UP[up] * min(_UNITS, key=lambda u: abs(np.log(height * u / 1.7)))
    bones = np.array([not name.endswith(END_SUFFIX) for name in bvh.names])
    return Character(_unique(bvh.names), bvh.parents, rest, to_world, bones, source=str(path))


def _local(
    bvh: BvhFile, at: Float[np.ndarray, "joints 3"], R_world: Float[np.ndarray, "joints 3 3"]
) -> Float[np.ndarray, "joints 4 4"]:
    rest = np.tile(np.eye(4), (len(bvh.names), 1, 1))
    for j, parent in enumerate(bvh.parents):
        above = R_world[parent].T if parent >= 0 else np.eye(3)
        rest[j, :3, :3] = above @ R_world[j]
        rest[j, :3, 3] = above @ (at[j] - at[parent]) if parent >= 0 else at[j]
    return rest


def _unique(names: tuple[str, ...]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for number, name in enumerate(names):
        found[name if name not in found else f"{name}#{number}"] = None
    return tuple(found)


def _standing_trunk(bvh: BvhFile, at: Float[np.ndarray, "joints 3"]) -> np.ndarray | None:
    """The trunk's direction, if the legs hang down from it; None if nobody stands so."""
    names = _unique(bvh.names)
    try:
        joints = recognise(Hierarchy(names, bvh.parents, at, at))
    except InputError:
        return None
    places = {part: at[names.index(name)] for part, name in joints.items()}
    middle = {
        part: np.mean([places[f"{side}_{part}"] for side in SIDES], axis=0)
        for part in ("hip", "ankle", "shoulder")
    }
    trunk = unit(middle["shoulder"] - middle["hip"])
    return trunk if trunk @ unit(middle["ankle"] - middle["hip"]) < -_STANDS else None


def _up(trunk: Float[np.ndarray, "3"]) -> str:
    return max(UP, key=lambda axis: float((UP[axis] @ trunk)[1]))


def with_frames(path: str | Path, motion: CharacterMotion) -> bytes:
    """The file's own header with the motion's frames.

    Raises:
        InputError: not a readable BVH.
    """
    bvh = read_bvh(path)
    head = Path(path).read_bytes()
    match = _MOTION.search(head)
    assert match is not None  # it was read
    frames = len(motion.times)
    rest = motion.character.rest_local
    columns: list[np.ndarray] = []
    angles = _angles(bvh, motion.rotations, rest, frames)
    for j, names in enumerate(bvh.channels):
        places = motion.translations.get(j, np.broadcast_to(rest[j, :3, 3], (frames, 3)))
        turns = iter(angles[j].T if j in angles else ())
        columns += [
            places[:, "XYZ".index(name[0])] if name.endswith("position") else next(turns)
            for name in names
        ]
    rows = np.stack(columns, axis=1)
    step = float(motion.times[-1]) / (frames - 1) if frames > 1 else 1 / 30
    line = " ".join(["%.6f"] * rows.shape[1]) + "\n"
    body = (line * frames) % tuple((rows + 0.0).ravel().tolist())
    times = f"\nMOTION\nFrames: {frames}\nFrame Time: {step:.10f}\n"
    return head[: match.start()] + (times + body).encode()


def _angles(
    bvh: BvhFile, rotations: Mapping[int, np.ndarray], rest: np.ndarray, frames: int
) -> dict[int, Float[np.ndarray, "frames 3"]]:
    """Degrees of each joint that has rotation channels, in their order."""
    orders = {
        j: "".join(name[0] for name in names if name.endswith("rotation"))
        for j, names in enumerate(bvh.channels)
    }
    joints = [j for j, order in orders.items() if order]
    R = np.broadcast_to(rest[joints, :3, :3], (frames, len(joints), 3, 3)).copy()
    for k, j in enumerate(joints):
        if j in rotations:
            R[:, k] = quaternion_to_matrix(torch.from_numpy(rotations[j])).numpy()
    angles = np.degrees(joint_angles(R, [orders[j] for j in joints]))
    return dict(zip(joints, angles, strict=True))
