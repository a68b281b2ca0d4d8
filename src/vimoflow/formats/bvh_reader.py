"""BVH, read and written.

Rotation channels compose in the order in which they are listed, ``R_first @ R_second @ R_third``
(Meredith & Maddock, "Motion Capture File Formats Explained", 2001). Position channels replace the
joint's OFFSET, at the root and at any other joint that has them.
"""

from __future__ import annotations

import math
import os
import re
import reprlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float

from vimoflow.errors import InputError
from vimoflow.foreign_files import refuse_foreign
from vimoflow.formats.bvh_rows import read_rows
from vimoflow.formats.bvh_writer import write_bvh
from vimoflow.geometry.rotations import rotation_about
from vimoflow.motion.source import SourceMotion

__all__ = ["BvhFile", "bvh_to_source_motion", "euler_to_matrix", "read_bvh", "write_bvh"]

CHANNEL_NAMES = tuple(f"{axis}{kind}" for kind in ("position", "rotation") for axis in "XYZ")
MAX_BYTES = 1 << 30
MAX_JOINTS = 2000
MAX_NAME = 500
MAX_POSES = 30_000_000  # joints times frames: three hours of 75 joints at 30 fps, some 5 GB posed
MAX_OFFSET = 1e5  # in the file's own unit: a kilometre of bone, should it be centimetres
END_SUFFIX = "_end"
_MOTION = re.compile(rb"[\r\n][ \t]*MOTION\s")
_TIMES = re.compile(
    rb"\s*Frames\s*:\s*(\S{1,40})\s+Frame\s+Time\s*:[ \t]*(\S{1,40})", re.IGNORECASE
)


@dataclass(frozen=True)
class BvhFile:
    """A BVH file as it stands: its own units, degrees, end sites as joints without channels.

    Attributes:
        names: joint names in file order; the end site of joint ``a`` is called ``a_end``.
        parents: index of each joint's parent, -1 for the root.
        offsets: OFFSET of each joint in its parent's frame, file units.
        channels: channel names of each joint in file order; empty for end sites.
        frame_time: seconds, as declared (some files declare 0).
        values: one row a frame, one column a channel, degrees and file units.
        source: file name, for messages.
        notes: what was left out or differs from the header, in words.
    """

    names: tuple[str, ...]
    parents: tuple[int, ...]
    offsets: Float[np.ndarray, "joints 3"]
    channels: tuple[tuple[str, ...], ...]
    frame_time: float
    values: Float[np.ndarray, "frames columns"]
    source: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Hierarchy:
    names: tuple[str, ...]
    parents: tuple[int, ...]
    offsets: np.ndarray
    channels: tuple[tuple[str, ...], ...]


def read_bvh(path: str | Path) -> BvhFile:
    """Read a BVH file.

    Nothing is allocated by what the header declares; values are parsed in one call.

    Raises:
        InputError: the file is missing, too large, not BVH, cut, or holds values that make no
            sense.
    """
    path = Path(path)
    refuse_foreign(path)
    try:
        with open(path, "rb") as file:
            if os.fstat(file.fileno()).st_size > MAX_BYTES:
                raise InputError(f"{path}: larger than {MAX_BYTES >> 20} MiB; split it")
            data = file.read()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from None
    motion = _MOTION.search(data)
    head = data[: motion.start()].decode("utf-8-sig", "replace").lstrip() if motion else ""
    if motion is None or not head.startswith("HIERARCHY"):
        raise InputError(f"{path}: not a BVH file (needs HIERARCHY and MOTION sections)")
    hierarchy = _parse_hierarchy(head, path)
    frames, frame_time, start = _parse_motion_header(data, motion.end(), path)
    columns = sum(len(c) for c in hierarchy.channels)
    rows = read_rows(data, start, columns, str(path))
    if len(rows.values) * len(hierarchy.names) > MAX_POSES:
        raise InputError(
            f"{path}: {len(rows.values)} frames of {len(hierarchy.names)} joints; split it"
        )
    return BvhFile(
        hierarchy.names,
        hierarchy.parents,
        hierarchy.offsets,
        hierarchy.channels,
        frame_time,
        rows.values,
        str(path),
        rows.notes(frames),
    )


def _parse_hierarchy(head: str, path: Path) -> _Hierarchy:
    """The joint tree, word by word, by a stack of open braces."""
    names: list[str] = []
    parents: list[int] = []
    offsets: list[list[str]] = []
    channels: list[tuple[str, ...]] = []
    stack: list[int] = []
    words = head.replace("{", " { ").replace("}", " } ").split()
    at, count = 1, len(words)
    while at < count:
        keyword, start = words[at].upper(), at + 1
        at = start
        if keyword == "{":
            continue
        if keyword == "}" and stack:
            stack.pop()
        elif keyword == "OFFSET" and stack:
            at = start + 3
            offsets[stack[-1]] = words[start:at]
        elif keyword == "CHANNELS" and stack:
            at = start + 1 + _channel_count(words[start : start + 1])
            found = _channels(tuple(words[start:at]))
            if found is None:
                raise InputError(f"{path}: joint '{names[stack[-1]]}' has no valid CHANNELS")
            channels[stack[-1]] = found
        elif keyword in ("ROOT", "JOINT", "END"):
            while at < count and words[at] != "{":
                at += 1
            if (keyword == "ROOT") != (not stack) or (keyword == "ROOT" and names):
                raise InputError(f"{path}: a {keyword} is out of place; one root is needed")
            name = names[stack[-1]] + END_SUFFIX if keyword == "END" else " ".join(words[start:at])
            if len(names) == MAX_JOINTS or len(name) > MAX_NAME:
                raise InputError(f"{path}: over {MAX_JOINTS} joints or {MAX_NAME} letters a name")
            parents.append(stack[-1] if stack else -1)
            stack.append(len(names))
            names.append(name)
            offsets.append([])
            channels.append(())
        else:
            raise InputError(f"{path}: {reprlib.repr(keyword)} is out of place in the tree")
    if stack or not names:
        raise InputError(f"{path}: the BVH hierarchy is cut")
    return _Hierarchy(tuple(names), tuple(parents), _offsets(offsets, names, path), tuple(channels))


def _offsets(words: list[list[str]], names: list[str], path: Path) -> np.ndarray:
    offsets = _sensible_offsets(words)  # all at once; one by one only to name the joint
    if offsets is None:
        bad = next(n for n, w in zip(names, words, strict=True) if _sensible_offsets([w]) is None)
        raise InputError(f"{path}: joint '{bad}' has no OFFSET of three sensible numbers")
    return offsets


def _sensible_offsets(words: list[list[str]]) -> np.ndarray | None:
    try:
        offsets = np.array(words, dtype=np.float64)
    except ValueError:
        return None
    sensible = offsets.shape == (len(words), 3) and (np.abs(offsets) <= MAX_OFFSET).all()
    return offsets if sensible else None


def _channel_count(words: list[str]) -> int:
    return int(words[0]) if words and words[0] in ("0", "3", "6") else 0


@lru_cache(maxsize=64)  # most joints of a file have the same
def _channels(words: tuple[str, ...]) -> tuple[str, ...] | None:
    """The channels that a line ``3 Zrotation Xrotation Yrotation`` names; None if it is wrong."""
    known = {c.lower(): c for c in CHANNEL_NAMES}
    channels = tuple(known.get(w.lower(), "") for w in words[1:])
    ok = words[:1] == (str(len(channels)),) and "" not in channels
    rotations = sum(c.endswith("rotation") for c in channels)
    return channels if ok and len(set(channels)) == len(channels) and rotations in (0, 3) else None


def _parse_motion_header(data: bytes, start: int, path: Path) -> tuple[int, float, int]:
    """Declared number of frames, frame time in seconds, and where the values begin."""
    match = _TIMES.match(data, start)
    try:
        frames, frame_time = int(match[1]), float(match[2])  # type: ignore[index]
    except (TypeError, ValueError):
        raise InputError(f"{path}: 'Frames:' or 'Frame Time:' is missing or no number") from None
    if frames < 1 or not math.isfinite(frame_time) or frame_time < 0:
        raise InputError(f"{path}: {frames} frames of {frame_time} s make no sense")
    return frames, frame_time, match.end()  # type: ignore[union-attr]


def bvh_to_source_motion(
    bvh: BvhFile, metres_per_unit: float, fps: float | None = None
) -> SourceMotion:
    """Pose the file's skeleton in the world (forward kinematics over all frames at once).

    Args:
        metres_per_unit: 0.01 for a file in centimetres.
        fps: frame rate in Hz, where the header's is known to be wrong or is missing.

    Raises:
        InputError: the file declares a frame time of 0 and no ``fps`` is given.
    """
    if fps is None:
        if bvh.frame_time <= 0:
            raise InputError(f"{bvh.source}: the frame time is 0; give the frame rate with --fps")
        fps = 1 / bvh.frame_time
    frames, joints = len(bvh.values), len(bvh.names)
    R_local = _local_rotations(bvh)
    R_world = np.empty((frames, joints, 3, 3))
    p_world = np.empty((frames, joints, 3))
    rest = np.zeros((joints, 3))
    for j, (parent, t_local) in enumerate(zip(bvh.parents, _local_positions(bvh), strict=True)):
        if parent < 0:
            R_world[:, j], p_world[:, j], rest[j] = R_local[:, j], t_local, bvh.offsets[j]
            continue
        R_world[:, j] = R_world[:, parent] @ R_local[:, j]
        p_world[:, j] = p_world[:, parent] + (R_world[:, parent] @ t_local[..., None])[..., 0]
        rest[j] = rest[parent] + bvh.offsets[j]
    scale = metres_per_unit
    return SourceMotion(bvh.names, bvh.parents, R_world, p_world * scale, rest * scale, float(fps))


def _columns(bvh: BvhFile) -> list[int]:
    """First column of each joint's channels."""
    return [0, *np.cumsum([len(c) for c in bvh.channels])[:-1].tolist()]


def _local_positions(bvh: BvhFile) -> list[np.ndarray]:
    """Position of each joint in its parent's frame, (frames, 3) or (1, 3), file units."""
    positions = []
    for offset, names, first in zip(bvh.offsets, bvh.channels, _columns(bvh), strict=True):
        position = offset[None]
        if any(n.endswith("position") for n in names):
            position = np.repeat(position, len(bvh.values), axis=0)
            for k, name in enumerate(names):
                if name.endswith("position"):
                    position[:, "XYZ".index(name[0])] = bvh.values[:, first + k]
        positions.append(position)
    return positions


def _local_rotations(bvh: BvhFile) -> np.ndarray:
    """(frames, joints, 3, 3); joints that share an order of axes are computed together."""
    result = np.broadcast_to(np.eye(3), (len(bvh.values), len(bvh.names), 3, 3)).copy()
    by_order: dict[str, list[int]] = {}
    for j, names in enumerate(bvh.channels):
        by_order.setdefault(_rotation_order(names), []).append(j)
    by_order.pop("", None)
    first = _columns(bvh)
    for order, joints in by_order.items():
        columns = [
            [first[j] + bvh.channels[j].index(f"{axis}rotation") for axis in order] for j in joints
        ]
        angles = torch.from_numpy(np.radians(bvh.values[:, columns]))
        result[:, joints] = euler_to_matrix(order, angles).numpy()
    return result


def _rotation_order(channels: tuple[str, ...]) -> str:
    return "".join(c[0] for c in channels if c.endswith("rotation"))


def euler_to_matrix(
    order: str, angles: Float[torch.Tensor, "*batch 3"]
) -> Float[torch.Tensor, "*batch 3 3"]:
    """``R = R_first @ R_second @ R_third`` for an order such as "ZXY", angles in radians."""
    first, second, third = (rotation_about(a.lower(), angles[..., k]) for k, a in enumerate(order))
    return first @ second @ third
