"""What animation programs expect of a skeleton: names, unit and the axis that is up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from vimoflow.formats.file_space import FileSpace
from vimoflow.formats.vrma import HUMAN_BONES
from vimoflow.motion.skeleton import JOINT_NAMES

PresetName = Literal["blender", "motionbuilder", "unity", "unreal"]


@dataclass(frozen=True)
class Preset:
    """How a program has a skeleton.

    Attributes:
        names: of the joints, by ours.
        space: unit and axis that is up.
        order: of rotation channels, the same for all joints; None for those that lock least.
    """

    names: Mapping[str, str]
    space: FileSpace
    order: str | None = None


def _sided(trunk: Mapping[str, str], limbs: Mapping[str, str], form: str) -> dict[str, str]:
    """Names of all joints; ``form`` has {side}, {Side}, {s}, {S} and {part}."""
    sided = {
        f"{side}_{part}": form.format(
            side=side, Side=side.title(), s=side[0], S=side[0].upper(), part=name
        )
        for side in ("left", "right")
        for part, name in limbs.items()
    }
    return dict(trunk) | sided


_PARTS = ("hip", "knee", "ankle", "foot", "collar", "shoulder", "elbow", "wrist", "hand")
_BLENDER = _sided(
    {n: n for n in JOINT_NAMES if "_" not in n}, {part: part for part in _PARTS}, "{part}.{S}"
)
_HUMAN_IK = _sided(
    {"pelvis": "Hips", "spine1": "Spine", "spine2": "Spine1", "spine3": "Spine2", "neck": "Neck",
     "head": "Head"},
    dict(zip(_PARTS, ("UpLeg", "Leg", "Foot", "ToeBase", "Shoulder", "Arm", "ForeArm", "Hand",
                      "HandMiddle1"), strict=True)),
    "{Side}{part}",
)  # fmt: skip
_UNITY = {n: bone[0].upper() + bone[1:] for n, bone in HUMAN_BONES.items()} | {
    f"{side}_hand": f"{side.title()}MiddleProximal" for side in ("left", "right")
}
_MANNEQUIN = _sided(
    {"pelvis": "pelvis", "spine1": "spine_01", "spine2": "spine_02", "spine3": "spine_03",
     "neck": "neck_01", "head": "head"},
    dict(zip(_PARTS, ("thigh", "calf", "foot", "ball", "clavicle", "upperarm", "lowerarm", "hand",
                      "middle_01"), strict=True)),
    "{part}_{s}",
)  # fmt: skip
PRESETS: Mapping[PresetName, Preset] = {
    "blender": Preset(_BLENDER, FileSpace("y", "m")),
    "motionbuilder": Preset(_HUMAN_IK, FileSpace("y", "cm"), "ZXY"),
    "unity": Preset(_UNITY, FileSpace("y", "m")),
    "unreal": Preset(_MANNEQUIN, FileSpace("z", "cm")),
}


def our_names(names: Sequence[str]) -> tuple[str, ...]:
    """The joints' names with those of a preset, or of VRM, put back to ours.

    Names of other files come out as they are, and so do those that happen to be a preset's.
    """
    bare = [name.rpartition(":")[2] for name in names]
    known = (*(preset.names for preset in PRESETS.values()), HUMAN_BONES)
    for table in known:
        if set(table.values()) <= set(bare):
            back = {theirs: ours for ours, theirs in table.items()}
            return tuple(back.get(b, name) for b, name in zip(bare, names, strict=True))
    return tuple(names)
