"""BVH, read and written.

Rotation channels compose in the order in which they are listed, ``R_first @ R_second @ R_third``
(Meredith & Maddock, "Motion Capture File Formats Explained", 2001). Position channels replace the
joint's OFFSET, at the root and at any other joint that has them.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float

from vimoflow.errors import InputError
from vimoflow.formats.bvh_writer import write_bvh
from vimoflow.formats.number_text import parse_numbers
from vimoflow.geometry.rotations import rotation_about
from vimoflow.motion.source import SourceMotion

__all__ = ["BvhFile", "bvh_to_source_motion", "euler_to_matrix", "read_bvh", "write_bvh"]

CHANNEL_NAMES = tuple(f"{axis}{kind}" for kind in ("position", "rotation") for axis in "XYZ")
MAX_OFFSET = 1e5  # in the file's own unit: a kilometre of bone, should it be centimetres
MAX_VALUE = 1e7
END_SUFFIX = "_end"


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
    """

    names: tuple[str, ...]
    parents: tuple[int, ...]
    offsets: Float[np.ndarray, "joints 3"]
    channels: tuple[tuple[str, ...], ...]
    frame_time: float
    values: Float[np.ndarray, "frames columns"]
    source: str = ""


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
        InputError: the file is missing, not BVH, cut, or holds values that make no sense.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from None
    head_bytes, found, tail = data.partition(b"MOTION")
    head = head_bytes.decode("utf-8-sig", errors="replace").lstrip()
    if not found or not head.startswith("HIERARCHY"):
        raise InputError(f"{path}: not a BVH file (needs HIERARCHY and MOTION sections)")
    hierarchy = _parse_hierarchy(head, path)
    frames, frame_time, body = _parse_motion_header(tail, path)
    columns = sum(len(c) for c in hierarchy.channels)
    values = _parse_values(body, frames, columns, path)
    return BvhFile(
        hierarchy.names,
        hierarchy.parents,
        hierarchy.offsets,
        hierarchy.channels,
        frame_time,
        values,
        str(path),
    )


def _parse_hierarchy(head: str, path: Path) -> _Hierarchy:
    """The joint tree, by a stack of open braces."""
    names: list[str] = []
    parents: list[int] = []
    offsets: list[list[float]] = []
    channels: list[tuple[str, ...]] = []
    stack: list[int] = []
    for line in head.splitlines()[1:]:
        words = line.split()
        if not words or words[0] == "{":
            continue
        keyword, rest = words[0].upper(), words[1:]
        if keyword in ("ROOT", "JOINT", "END"):
            if (keyword == "ROOT") != (not stack) or (keyword == "ROOT" and names):
                raise InputError(f"{path}: '{line.strip()}' is out of place; one root is needed")
            parents.append(stack[-1] if stack else -1)
            name = names[stack[-1]] + END_SUFFIX if keyword == "END" else " ".join(rest)
            stack.append(len(names))
            names.append(name.rstrip("{ "))
            channels.append(())
        elif keyword == "OFFSET" and stack:
            offsets.append(_offset(rest, names[stack[-1]], path))
        elif keyword == "CHANNELS" and stack:
            channels[stack[-1]] = _channels(rest, names[stack[-1]], path)
        elif keyword == "}" and stack:
            stack.pop()
        else:
            raise InputError(f"{path}: '{line.strip()[:60]}' does not belong in a BVH hierarchy")
    if stack or not names or len(offsets) != len(names):
        raise InputError(f"{path}: the BVH hierarchy is cut or has joints without an OFFSET")
    return _Hierarchy(tuple(names), tuple(parents), np.array(offsets), tuple(channels))


def _offset(words: list[str], name: str, path: Path) -> list[float]:
    try:
        offset = [float(w) for w in words]
    except ValueError:
        offset = []
    if len(offset) != 3 or not all(abs(v) <= MAX_OFFSET for v in offset):
        raise InputError(f"{path}: the OFFSET of joint '{name}' is not three sensible numbers")
    return offset


def _channels(words: list[str], name: str, path: Path) -> tuple[str, ...]:
    known = {c.lower(): c for c in CHANNEL_NAMES}
    channels = tuple(known.get(w.lower(), "") for w in words[1:])
    ok = words[:1] == [str(len(channels))] and "" not in channels
    rotations = sum(c.endswith("rotation") for c in channels)
    if not ok or len(set(channels)) != len(channels) or rotations not in (0, 3):
        raise InputError(f"{path}: the CHANNELS of joint '{name}' are not valid BVH channels")
    return channels


def _parse_motion_header(tail: bytes, path: Path) -> tuple[int, float, bytes]:
    """Declared number of frames, frame time in seconds, and the text of the values."""
    match = re.match(rb"\s*Frames\s*:\s*(\S+)\s+Frame\s+Time\s*:[ \t]*(\S+)", tail, re.IGNORECASE)
    try:
        frames, frame_time = int(match[1]), float(match[2])  # type: ignore[index]
    except (TypeError, ValueError):
        raise InputError(f"{path}: 'Frames:' or 'Frame Time:' is missing or no number") from None
    if frames < 1 or not math.isfinite(frame_time) or frame_time < 0:
        raise InputError(f"{path}: {frames} frames of {frame_time} s make no sense")
    return frames, frame_time, tail[match.end() :]  # type: ignore[union-attr]


def _parse_values(body: bytes, frames: int, columns: int, path: Path) -> np.ndarray:
    try:
        values = parse_numbers(body)
    except ValueError as error:
        raise InputError(f"{path}: a frame holds a word that is no number ({error})") from None
    if columns == 0 or values.size != frames * columns:
        raise InputError(
            f"{path}: the header declares {frames} frames of {columns} values, but the file holds "
            f"{values.size}; it is cut or damaged"
        )
    first_row = body[: 400 * columns].lstrip().partition(b"\n")[0].split()
    if len(first_row) != columns:
        raise InputError(
            f"{path}: the first frame has {len(first_row)} values, the hierarchy needs {columns}"
        )
    if not np.isfinite(values).all() or np.abs(values).max() > MAX_VALUE:
        raise InputError(f"{path}: holds NaN, infinite or absurdly large values")
    return values.reshape(frames, columns)


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
            raise InputError(f"{bvh.source}: the frame time is 0; give the frame rate")
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
