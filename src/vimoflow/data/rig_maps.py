"""Rig maps: which joints of a BVH hierarchy are hips, knees, shoulders.

A map is a TOML file; the shipped ones lie in ``data/rigs`` and a user's own has the same format
(``docs/rigs.md``). Names are enough: what else the retargeting needs to know is read from the file
(:mod:`vimoflow.data.rigs.axes`), unless the map states it.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np

from vimoflow.characters.hierarchy import Hierarchy, unit
from vimoflow.characters.joint_words import bare_name
from vimoflow.characters.recognition import recognise
from vimoflow.characters.toml_file import NEEDED, JointEntry, RigFields, parse_rig_map
from vimoflow.data.rigs.axes import joint_map
from vimoflow.data.rigs.rig import Axis, Body, Bone, Rig, Side
from vimoflow.errors import ConfigError, InputError
from vimoflow.formats.bvh_reader import BvhFile, bvh_to_source_motion

__all__ = [
    "Axis",
    "Body",
    "Bone",
    "Rig",
    "RigMap",
    "Side",
    "bare_name",
    "detect_rig_map",
    "joint_map",
    "load_rig_map",
    "rig_names",
]

RECOGNISED = "recognised"
_ALONG = np.cos(np.radians(20))
_THIGH_M = (0.1, 1.0)  # from a small child's to a giant's


@dataclass(frozen=True)
class RigMap(RigFields):
    """The joints of one maker's rigs, and what their files are known to get wrong.

    See :class:`~vimoflow.characters.toml_file.RigFields` for the attributes.
    """

    def missing(self, joint_names: Sequence[str]) -> list[str]:
        """Needed joints that a hierarchy lacks, as "left_knee (LeftLeg or LeftShin)"."""
        known = {*joint_names, *map(bare_name, joint_names)}
        return [
            f"{part} ({' or '.join(entry.names)})"
            for part, entry in self.joints.items()
            if entry.needed and known.isdisjoint(entry.names)
        ]

    def rig(self, joint_names: Sequence[str]) -> Rig:
        """The map applied to one hierarchy; optional joints that it lacks are left out.

        Raises:
            InputError: needed joints are missing; all of them are listed.
        """
        if missing := self.missing(joint_names):
            raise InputError(
                f"the skeleton is not a '{self.name}' rig, it lacks {', '.join(missing)}; "
                "name another rig, or write a map of its joints"
            )
        full_name = {bare_name(n): n for n in reversed(joint_names)} | {n: n for n in joint_names}
        found = {
            part: dataclasses.replace(entry, names=(full_name[name],))
            for part, entry in self.joints.items()
            if (name := next((n for n in entry.names if n in full_name), None))
        }
        return Rig(
            pelvis=_body(found["pelvis"]), chest=_body(found["chest"]), head=_body(found["head"]),
            left=_side("left", found), right=_side("right", found), stiff_feet=self.stiff_feet,
        )  # fmt: skip


def _side(side: str, found: Mapping[str, JointEntry]) -> Side:
    toe, collar = found.get(f"{side}_toe"), found.get(f"{side}_collar")
    wrist = found[f"{side}_wrist"]
    return Side(
        hip=_bone(found[f"{side}_hip"]),
        knee=_bone(found[f"{side}_knee"]),
        ankle=_body(found[f"{side}_ankle"]),
        toe=toe.names[0] if toe else None,
        shoulder=_bone(found[f"{side}_shoulder"]),
        elbow=_bone(found[f"{side}_elbow"]),
        wrist=_bone(wrist) if wrist.bone and wrist.hinge else wrist.names[0],
        collar=collar.names[0] if collar else None,
        collar_neutral=collar.neutral if collar else None,
    )


def _body(entry: JointEntry) -> Body:
    return Body(entry.names[0], entry.left, entry.up)


def _bone(entry: JointEntry) -> Bone:
    return Bone(entry.names[0], entry.bone, entry.hinge)


@functools.cache
def rig_names() -> tuple[str, ...]:
    """Names of the shipped maps."""
    folder = resources.files("vimoflow.data.rigs")
    return tuple(sorted(f.name[:-5] for f in folder.iterdir() if f.name.endswith(".toml")))


def load_rig_map(path_or_name: str | Path) -> RigMap:
    """A shipped map by name, such as "mixamo", or a TOML file of the user's.

    Raises:
        ConfigError: no shipped map has this name.
        InputError: the file cannot be read or is no rig map.
    """
    name = str(path_or_name)
    if name in rig_names():
        return _shipped(name)
    path = Path(path_or_name)
    if path.suffix.lower() != ".toml":
        raise ConfigError(
            f"unknown rig '{name}': one of {', '.join(rig_names())}, or a .toml file of your own"
        )
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise InputError(f"{path}: cannot be read ({reason})") from None
    return RigMap(**parse_rig_map(text, str(path), path.stem))


@functools.cache
def _shipped(name: str) -> RigMap:
    text = resources.files("vimoflow.data.rigs").joinpath(f"{name}.toml").read_text("utf-8")
    return RigMap(**parse_rig_map(text, f"{name}.toml", name))


def detect_rig_map(bvh: BvhFile) -> RigMap:
    """The map of a file whose rig nobody named.

    A shipped map's files are known by their names, if their bones lie as the map says and are of a
    person's length in its unit; every other rig is recognised joint by joint
    (:mod:`vimoflow.characters.recognition`).

    Raises:
        InputError: it is not recognised as a person's skeleton; the message says what it lacks.
    """
    known = {*bvh.names, *map(bare_name, bvh.names)}
    maps = [m for m in map(_shipped, rig_names()) if m.detect]
    fitting = [
        m
        for m in maps
        if known.issuperset(m.signature) and not m.missing(bvh.names) and _bones_fit(m, bvh)
    ]
    if fitting:
        return max(fitting, key=lambda m: m.matches(known))
    first = dataclasses.replace(bvh, values=bvh.values[:1])
    posed = bvh_to_source_motion(first, 1.0, fps=1.0)
    return recognised(
        Hierarchy(bvh.names, bvh.parents, posed.p_world_joint[0], posed.rest_positions)
    )


def recognised(skeleton: Hierarchy) -> RigMap:
    """The map of a skeleton, joint by joint.

    Raises:
        InputError: it is not recognised as a person's; the message says what it lacks.
    """
    entries = {
        part: JointEntry((name,), needed=part in NEEDED)
        for part, name in recognise(skeleton).items()
    }
    return RigMap(name=RECOGNISED, joints=entries)


def _bones_fit(rig_map: RigMap, bvh: BvhFile) -> bool:
    """Whether the file's limbs lie along the local axes and have the unit that the map states."""
    rig = rig_map.rig(bvh.names)
    for side in (rig.left, rig.right):
        thigh, arm = (bvh.offsets[bvh.names.index(b.name)] for b in (side.knee, side.elbow))
        for bone, offset in ((side.hip.bone, thigh), (side.shoulder.bone, arm)):
            if bone and unit(offset) @ unit(np.array(bone)) < _ALONG:
                return False
        length = np.linalg.norm(thigh) * (rig_map.metres_per_unit or np.nan)
        if length < _THIGH_M[0] or length > _THIGH_M[1]:
            return False
    return True
