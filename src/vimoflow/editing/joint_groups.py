"""Names of joints, COCO points and groups of joints, as a user writes them."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from vimoflow.conventions import COCO_NAMES
from vimoflow.errors import ConfigError
from vimoflow.motion.skeleton import JOINT_NAMES


def _side(side: str, *parts: str) -> tuple[str, ...]:
    return tuple(f"{side}_{part}" for part in parts)


_ARM = ("collar", "shoulder", "elbow", "wrist", "hand")
_LEG = ("hip", "knee", "ankle", "foot")
_SPINE = ("spine1", "spine2", "spine3")
_HEAD = ("neck", "head")
JOINT_GROUPS: dict[str, tuple[str, ...]] = {
    "left_arm": _side("left", *_ARM),
    "right_arm": _side("right", *_ARM),
    "arms": _side("left", *_ARM) + _side("right", *_ARM),
    "left_leg": _side("left", *_LEG),
    "right_leg": _side("right", *_LEG),
    "legs": _side("left", *_LEG) + _side("right", *_LEG),
    "spine": _SPINE,
    "upper": _SPINE + _HEAD + _side("left", *_ARM) + _side("right", *_ARM),
    "lower": ("pelvis", *_side("left", *_LEG), *_side("right", *_LEG)),
    "root": ("pelvis",),
    "all": JOINT_NAMES,
}


def named_joints(names: Sequence[str]) -> tuple[str, ...]:
    """Joints by their own names and those of groups, in skeleton order, each once.

    Raises:
        ConfigError: a name that is none of ours, such as one of another rig.
    """
    wanted: set[str] = set()
    for name in names:
        if name in JOINT_NAMES:  # before groups: "head" is a joint
            wanted.add(name)
        elif name in JOINT_GROUPS:
            wanted.update(JOINT_GROUPS[name])
        else:
            raise ConfigError(_unknown(name, (*JOINT_NAMES, *JOINT_GROUPS), "joint or group"))
    if not wanted:
        raise ConfigError(f"no joints named; groups are {', '.join(JOINT_GROUPS)}")
    return tuple(name for name in JOINT_NAMES if name in wanted)


def require_point(name: str) -> None:
    """Raise ``ConfigError`` unless there is a joint or a COCO point of this name."""
    if name not in JOINT_NAMES and name not in COCO_NAMES:
        known = tuple(dict.fromkeys((*JOINT_NAMES, *COCO_NAMES)))
        raise ConfigError(_unknown(name, known, "joint or COCO point"))


def _unknown(name: str, known: Sequence[str], what: str) -> str:
    close = difflib.get_close_matches(name.lower(), known, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(close)}?" if close else f"one of {', '.join(known)}"
    return (
        f"no {what} {name!r}: every rig is edited on this project's skeleton (SMPL names); {hint}"
    )
