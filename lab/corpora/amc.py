"""Acclaim skeletons (ASF) and motions (AMC), as CMU's and HDM05's motion capture come.

A bone's rotation acts in a frame of its own (``axis``) fixed in the rest pose: with C that frame
and M the rotation of its degrees of freedom, a bone turns its parent's frame by C M C^T, so joint
frames are aligned with the world at rest. Angles and axes listed x, y, z compose as Rz Ry Rx
(Lander, "Working with Motion Capture File Formats", 1998). A bone's joint is where the bone
begins; the far end of a bone without children is a joint called ``<bone>_end``.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from lab.corpora.joint_tree import JointTree
from vimoflow.errors import InputError
from vimoflow.geometry.rotations import rotation_about
from vimoflow.motion.source import SourceMotion

END_SUFFIX = "_end"
_INCH = 0.0254
_MAX_BYTES = 512 * 2**20
_MAX_BONES = 1000
_MAX_VALUE = 1e6  # degrees or file units
_ROOT = "root"


@dataclass(frozen=True)
class AsfBone:
    """One bone: where it ends at rest, the frame its angles act in, and which angles it has."""

    name: str
    parent: str
    offset_to_end: np.ndarray  # (3,) metres, world axes at rest
    R_world_axis: np.ndarray  # (3, 3)
    channels: tuple[str, ...]


@dataclass(frozen=True)
class AsfSkeleton:
    """A skeleton; ``bones`` starts with the root, and parents come before children."""

    bones: tuple[AsfBone, ...]
    root_position: np.ndarray  # (3,) metres
    metres_per_unit: float

    @property
    def channels(self) -> dict[str, tuple[str, ...]]:
        """Channels of each bone that has any, in the order in which an AMC lists their values."""
        return {bone.name: bone.channels for bone in self.bones if bone.channels}


def find_asf(amc: str | Path) -> Path:
    """The skeleton beside a motion: ``05.asf`` for ``05_01.amc``.

    Raises:
        InputError: no ASF in the folder fits.
    """
    amc = Path(amc)
    candidates = [p for p in sorted(amc.parent.glob("*")) if p.suffix.lower() == ".asf"]
    fitting = [p for p in candidates if amc.stem.lower().startswith(p.stem.lower())]
    if not fitting:
        raise InputError(f"{amc}: needs its skeleton, an .asf whose name begins '{amc.stem}'")
    return max(fitting, key=lambda p: len(p.stem))


def read_amc(path: str | Path, skeleton: AsfSkeleton, fps: float = 120.0) -> SourceMotion:
    """Read a motion of ``skeleton``; AMC files do not say their rate (HDM05 and most of CMU: 120).

    Raises:
        InputError: the file is missing, not AMC, cut, of another skeleton, or holds NaN.
    """
    path = Path(path)
    radians, values = _parse_amc(_lines(path), skeleton.channels, path)
    angle_scale = 1.0 if radians else math.pi / 180
    R_local = np.empty((len(values), len(skeleton.bones), 3, 3))
    root = np.broadcast_to(skeleton.root_position, (len(values), 3)).copy()
    column = 0
    for j, bone in enumerate(skeleton.bones):
        block = values[:, column : column + len(bone.channels)]
        column += len(bone.channels)
        M = _compose(bone.channels, block * angle_scale)
        R_local[:, j] = bone.R_world_axis @ M @ bone.R_world_axis.T
        for k, channel in enumerate(bone.channels):
            if channel[0] == "t":
                root[:, "xyz".index(channel[1])] += block[:, k] * skeleton.metres_per_unit
    return _joint_tree(skeleton).pose(R_local, root, float(fps))


def _compose(channels: tuple[str, ...], angles: np.ndarray) -> np.ndarray:
    """Rotations (frames, 3, 3) of the angle channels, first listed applied first."""
    result = np.broadcast_to(np.eye(3), (len(angles), 3, 3))
    for k, channel in enumerate(channels):
        if channel[0] == "r":
            turn = rotation_about(channel[1], torch.from_numpy(np.ascontiguousarray(angles[:, k])))
            result = turn.numpy() @ result
    return result


def _joint_tree(skeleton: AsfSkeleton) -> JointTree:
    """Joints where bones begin, in the order of the bones, then the ends of the leaves."""
    names = [bone.name for bone in skeleton.bones]
    by_name = {bone.name: bone for bone in skeleton.bones}
    parents = [names.index(bone.parent) if bone.parent else -1 for bone in skeleton.bones]
    offsets = [
        by_name[bone.parent].offset_to_end if bone.parent else np.zeros(3)
        for bone in skeleton.bones
    ]
    leaves = [b for b in skeleton.bones if b.parent and names.index(b.name) not in parents]
    return JointTree(
        (*names, *(leaf.name + END_SUFFIX for leaf in leaves)),
        (*parents, *(names.index(leaf.name) for leaf in leaves)),
        np.stack((*offsets, *(leaf.offset_to_end for leaf in leaves))),
    )


def _parse_amc(
    lines: list[str], channels: dict[str, tuple[str, ...]], path: Path
) -> tuple[bool, np.ndarray]:
    """Whether angles are in radians, and the values (frames, columns) in the skeleton's order."""
    radians = False
    first, width = {}, 0
    for name, names in channels.items():
        first[name], width = width, width + len(names)
    rows: list[list[float]] = []
    bones_seen = 0
    for number, line in enumerate(lines, start=1):
        words = line.split()
        if not words or words[0][0] == "#":
            continue
        if words[0][0] == ":":
            radians = radians or words[0].lower() == ":radians"
        elif len(words) == 1 and words[0].isdigit():
            _check_complete(rows, bones_seen, len(channels), path)
            rows.append([math.nan] * width)
            bones_seen = 0
        else:
            name, columns = words[0], channels.get(words[0])
            if not rows or columns is None or len(words) != 1 + len(columns):
                raise InputError(
                    f"{path}: line {number} '{line.strip()[:40]}' does not fit the skeleton"
                )
            try:
                rows[-1][first[name] : first[name] + len(columns)] = map(float, words[1:])
            except ValueError:
                raise InputError(
                    f"{path}: line {number} holds something that is no number"
                ) from None
            bones_seen += 1
    _check_complete(rows, bones_seen, len(channels), path)
    if not rows:
        raise InputError(f"{path}: not an AMC file (no frames)")
    values = np.array(rows)
    if not np.isfinite(values).all() or np.abs(values).max() > _MAX_VALUE:
        raise InputError(f"{path}: holds NaN, infinite or absurdly large values")
    return radians, values


def _check_complete(rows: list[list[float]], seen: int, expected: int, path: Path) -> None:
    if rows and seen != expected:
        raise InputError(
            f"{path}: frame {len(rows)} has {seen} of the skeleton's {expected} bones; the file is "
            "cut or belongs to another skeleton"
        )


def read_asf(path: str | Path) -> AsfSkeleton:
    """Read a skeleton. Lengths become metres: value / length unit, in inches.

    Raises:
        InputError: the file is missing, not ASF, or describes no tree of bones.
    """
    path = Path(path)
    sections = _sections(_lines(path))
    try:
        units = {words[0]: words[1] for words in sections["units"] if len(words) > 1}
        metres = _INCH / float(units.get("length", "1"))
        radians = units.get("angle", "deg").lower().startswith("rad")
        if not 0 < metres < 1e3:
            raise InputError(f"{path}: the length unit '{units.get('length')}' makes no sense")
        root, root_position = _root(sections["root"], metres, radians)
        parents = _parents(sections["hierarchy"], path)
        blocks = _bone_blocks(sections["bonedata"])
        bones = {b.name: b for b in (_bone(block, parents, metres, radians) for block in blocks)}
    except (KeyError, IndexError, ValueError, ZeroDivisionError) as error:
        raise InputError(f"{path}: not a complete ASF skeleton ({error})") from None
    return AsfSkeleton(_in_tree_order(root, bones, parents, path), root_position, metres)


def _lines(path: Path) -> list[str]:
    """Lines of a text file; comments may hold any bytes and stray carriage returns."""
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise InputError(f"{path}: larger than {_MAX_BYTES >> 20} MiB; split it")
        return re.split(r"[\r\n]+", path.read_bytes().decode("latin-1"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from None


def _sections(lines: list[str]) -> dict[str, list[list[str]]]:
    """Words of each line, by the ``:section`` that the line stands in."""
    sections: dict[str, list[list[str]]] = {}
    current: list[list[str]] = []
    for line in lines:
        words = line.split()
        if not words or words[0][0] == "#":
            continue
        if words[0][0] == ":":
            current = sections.setdefault(words[0][1:].lower(), [])
        else:
            current.append(words)
    return sections


def _vector(words: list[str]) -> np.ndarray:
    vector = np.array([float(w) for w in words])
    if vector.shape != (3,) or not np.isfinite(vector).all() or np.abs(vector).max() > _MAX_VALUE:
        raise ValueError(f"'{' '.join(words)[:40]}' is not three sensible numbers")
    return vector


def _axis(angles: list[str], order: str, radians: bool) -> np.ndarray:
    values = _vector(angles) * (1.0 if radians else math.pi / 180)
    if sorted(order.lower()) != ["x", "y", "z"]:
        raise ValueError(f"axis order '{order}' is not an order of X, Y and Z")
    return _compose(tuple("r" + axis for axis in order.lower()), values[None])[0]


def _root(lines: list[list[str]], metres: float, radians: bool) -> tuple[AsfBone, np.ndarray]:
    entries = {words[0].lower(): words[1:] for words in lines}
    channels = tuple(word.lower() for word in entries["order"])
    if sorted(channels) != ["rx", "ry", "rz", "tx", "ty", "tz"]:
        raise ValueError("the root's order must list TX TY TZ RX RY RZ")
    order = entries.get("axis", ["XYZ"])[0]
    R = _axis(entries.get("orientation", ["0", "0", "0"]), order, radians)
    position = _vector(entries.get("position", ["0", "0", "0"])) * metres
    return AsfBone(_ROOT, "", np.zeros(3), R, channels), position


def _parents(lines: list[list[str]], path: Path) -> dict[str, str]:
    parents: dict[str, str] = {}
    for words in lines:
        if words[0] not in ("begin", "end"):
            for child in words[1:]:
                if child in parents or child == _ROOT:
                    raise InputError(f"{path}: bone '{child}' has two parents")
                parents[child] = words[0]
    return parents


def _bone_blocks(lines: list[list[str]]) -> list[dict[str, list[str]]]:
    blocks: list[dict[str, list[str]]] = []
    for words in lines:
        if words[0] == "begin":
            blocks.append({})
        elif words[0] != "end":
            blocks[-1][words[0].lower()] = words[1:]
    if not 1 <= len(blocks) <= _MAX_BONES:
        raise ValueError(f"{len(blocks)} bones")
    return blocks


def _bone(
    block: dict[str, list[str]], parents: dict[str, str], metres: float, radians: bool
) -> AsfBone:
    name = block["name"][0]
    channels = tuple(word.lower() for word in block.get("dof", []))
    if not set(channels) <= {"rx", "ry", "rz"} or len(set(channels)) != len(channels):
        raise ValueError(f"bone '{name}' has degrees of freedom other than rx, ry, rz")
    length = float(block["length"][0]) * metres
    if not 0 <= length < 10:
        raise ValueError(f"bone '{name}' is {length:.3g} m long")
    direction = _vector(block["direction"])
    axis = block["axis"]
    R = _axis(axis[:3], axis[3] if len(axis) > 3 else "XYZ", radians)
    return AsfBone(name, parents[name], direction * length, R, channels)


def _in_tree_order(
    root: AsfBone, bones: dict[str, AsfBone], parents: dict[str, str], path: Path
) -> tuple[AsfBone, ...]:
    """Depth first from the root; bones out of its reach (a cycle, a typing error) are an error."""
    children: dict[str, list[str]] = {}
    for child, parent in parents.items():
        children.setdefault(parent, []).append(child)
    ordered, waiting = [root], children.get(_ROOT, [])[::-1]
    while waiting:
        name = waiting.pop()
        if name not in bones:
            raise InputError(f"{path}: the hierarchy names '{name}', which is not among the bones")
        ordered.append(bones[name])
        waiting.extend(children.get(name, [])[::-1])
    if len(ordered) != len(bones) + 1:
        raise InputError(f"{path}: some bones do not hang on the root")
    return tuple(ordered)
