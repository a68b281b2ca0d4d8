"""The TOML format of a rig map."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from vimoflow.documents import build, parse_document
from vimoflow.errors import ConfigError, InputError
from vimoflow.motion.retarget_report import SIDES

Axis = tuple[float, float, float]
NEEDED = (
    "pelvis", "chest", "head",
    *(f"{s}_{p}" for s in SIDES for p in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")),
)  # fmt: skip
OPTIONAL = tuple(f"{s}_{p}" for s in SIDES for p in ("toe", "collar"))
Rest = Literal["auto", "zero", "first_frame", "motion"]
Up = Literal["auto", "y", "z", "-y"]
_TRUNK_AXES, _LIMB_AXES = ("left", "up"), ("bone", "hinge")


@dataclass(frozen=True)
class JointEntry:
    """One joint of a map.

    Attributes:
        names: what the joint may be called; the first one that a file has counts.
        left, up, bone, hinge: directions in the joint's local frame (``rig.py``), where stated.
        neutral: for collars, the direction to the shoulder at rest, in the chest's axes (left, up,
            forward).
        needed: whether a motion can be retargeted without it.
    """

    names: tuple[str, ...]
    left: Axis | None = None
    up: Axis | None = None
    bone: Axis | None = None
    hinge: Axis | None = None
    neutral: Axis | None = None
    needed: bool = True


@dataclass(frozen=True)
class RigFields:
    """The fields of a rig map.

    Attributes:
        name: of the map.
        joints: by canonical part, such as "left_knee".
        description: whose files it is for.
        signature: other joints that tell the rig from one with the same limbs.
        metres_per_unit: the files' unit; None finds it from the length of the legs.
        fps: the files' true rate, where headers are wrong; None believes the header.
        up: the axis that points up, "y", "z" or "-y"; "auto" finds it from the figure.
        rest: where the rest pose is (``rest_pose.find_rest_pose``).
        stiff_feet: leave the feet rigid on the shanks.
        detect: whether the map is tried on files whose rig nobody named.
    """

    name: str
    joints: Mapping[str, JointEntry]
    description: str = ""
    signature: tuple[str, ...] = ()
    metres_per_unit: float | None = None
    fps: float | None = None
    up: Up = "auto"
    rest: Rest = "auto"
    stiff_feet: bool = False
    detect: bool = True

    def matches(self, joint_names: set[str]) -> int:
        """How many of the map's joints, the signature's included, are among the names."""
        entries = sum(not joint_names.isdisjoint(e.names) for e in self.joints.values())
        return entries + len(joint_names.intersection(self.signature))


def parse_rig_map(text: str, where: str, name: str) -> dict[str, Any]:
    """The fields of a map from its TOML text.

    Args:
        where: file name, for messages.
        name: the map's name, unless the file states one.

    Raises:
        InputError: not TOML, or an entry that makes no sense.
    """
    table = parse_document(text, where)
    joints = _joints(table, where)
    try:
        rig = build(RigFields, {"name": name, **table, "joints": {}}, where)
    except ConfigError as error:
        raise InputError(str(error)) from error
    for key in ("metres_per_unit", "fps"):
        value = getattr(rig, key)
        if value is not None and not (math.isfinite(value) and value > 0):
            raise InputError(f"{where}: '{key}' makes no sense; it must be above 0")
    return vars(rig) | {"joints": joints}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _joints(table: dict[str, Any], where: str) -> dict[str, JointEntry]:
    given = table.pop("joints", None)
    if not isinstance(given, dict):
        raise InputError(f"{where}: a rig map needs a [joints] table")
    if missing := [part for part in NEEDED if part not in given]:
        raise InputError(f"{where}: [joints] lacks {', '.join(missing)}")
    if unknown := [part for part in given if part not in NEEDED + OPTIONAL]:
        known = ", ".join(NEEDED + OPTIONAL)
        raise InputError(f"{where}: [joints] knows no '{unknown[0]}'; it takes {known}")
    return {part: _entry(part, value, where) for part, value in given.items()}


def _entry(part: str, value: object, where: str) -> JointEntry:
    axes: dict[str, Any] = dict(value) if isinstance(value, dict) else {"name": value}
    names = axes.pop("name", None)
    names = [names] if isinstance(names, str) else names
    if not isinstance(names, list) or not names or not all(isinstance(n, str) for n in names):
        raise InputError(f"{where}: joint '{part}' needs a name or a list of names")
    allowed: tuple[str, ...] = ("neutral",) if part.endswith("_collar") else ()
    if not part.endswith(("_collar", "_toe")):
        trunk = part in ("pelvis", "chest", "head") or part.endswith("_ankle")
        allowed = _TRUNK_AXES if trunk else _LIMB_AXES
    for key, axis in axes.items():
        if key not in allowed:
            told = ", ".join(("name", *allowed))
            raise InputError(f"{where}: joint '{part}' has no field '{key}'; it takes {told}")
        axes[key] = _axis(axis, f"{where}: '{key}' of joint '{part}'")
    return JointEntry(tuple(names), needed=part in NEEDED, **axes)


def _axis(value: object, what: str) -> Axis:
    numbers = value if isinstance(value, list) and len(value) == 3 else ["none"]
    if all(map(_is_number, numbers)):
        x, y, z = map(float, numbers)
        if 1e-6 < math.hypot(x, y, z) < 1e6:
            return (x, y, z)
    raise InputError(f"{what} is not a direction, three numbers such as [0, 1, 0]")
