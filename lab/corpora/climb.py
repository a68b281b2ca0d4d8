"""Climbing over boxes: positions of 53 joints, no rotations (demonstrations of holosoma).

Pelvis, chest and hands are rigid bodies of several points, so their rotations follow from the
points. Limbs have a direction only: a straight one keeps the hinge of the T-pose, swung to where
the limb is, and retargeting takes the hinge of a bent one from its bend.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Float

from lab.corpora.floors import lowest_floor
from vimoflow.data.recording import Recording, Split
from vimoflow.data.rigs.rest_pose import unit
from vimoflow.data.rigs.rig import SIDES
from vimoflow.data.rigs.swings import canonical_bone, flexion_axis, swing_hinge
from vimoflow.errors import InputError
from vimoflow.motion.retarget import retarget
from vimoflow.motion.skeleton import joint, load_skeleton
from vimoflow.motion.source import JointMap, SourceJoint, SourceMotion

FPS = 120.0  # not stated; the speeds of feet and hands, and falls, fit 120
VALIDATION = "mocap_climb_seq_4"
POINTS = 53
# Which of the points is which, by what moves rigidly with what; the others are fingers and soles.
JOINTS = {
    "pelvis": 0, "spine": 1, "chest": 2, "neck": 3, "head": 4,
    "left_collar": 5, "left_shoulder": 6, "left_elbow": 7, "left_wrist": 8,
    "right_collar": 24, "right_shoulder": 25, "right_elbow": 26, "right_wrist": 27,
    "left_hip": 43, "left_knee": 44, "left_ankle": 45, "left_toe": 46,
    "right_hip": 47, "right_knee": 48, "right_ankle": 49, "right_toe": 50,
}  # fmt: skip
KNUCKLES = {"left": {"index": 12, "little": 21}, "right": {"index": 31, "little": 40}}
_TO_Y_UP = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])  # the files are Z-up
_LEFT, _UP, _FORWARD = np.eye(3)
# Sine by which the line to the toe of a resting foot falls, median of the training files.
_TOE_DOWN = 0.385
_COLLAR = np.array([0.98, -0.15, -0.12])  # to the shoulder of an upright figure, likewise
_UPRIGHT = np.cos(np.radians(12))
_MIN_UPRIGHT = 30  # frames
_STRAIGHT = 0.2  # sine of the bend below which a limb's own plane counts less than the trunk's


def list_climb(folder: Path) -> list[Path]:
    """The npy files of the corpus, sorted.

    Raises:
        InputError: there are none.
    """
    files = sorted(Path(folder).rglob("mocap_climb_seq_*_joint_positions*.npy"))
    if not files:
        raise InputError(f"{folder}: holds no climbs (mocap_climb_seq_*.npy); unpack the archive")
    return files


def read_climb_file(path: Path) -> Recording:
    """One climb (metres, Z-up, 120 fps); the fifth is validation.

    Raises:
        InputError: not an array of 53 finite points a frame.
    """
    motion, report = retarget(climb_source(read_points(path)), _MAP, lowest_floor)
    split: Split = "validation" if path.stem.startswith(VALIDATION) else "train"
    name = path.stem.replace("_joint_positions", "")
    return Recording(name, "climb", split, motion, retarget=report)


def read_points(path: Path) -> Float[np.ndarray, "frames 53 3"]:
    """The file's points, metres, +Y up.

    Raises:
        InputError: not an array of 53 finite points a frame.
    """
    try:
        points = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"{path}: not an npy array ({' '.join(str(error).split())})") from None
    if (
        not isinstance(points, np.ndarray)
        or points.dtype.kind != "f"
        or points.shape[1:] != (POINTS, 3)
        or not len(points)
        or not np.isfinite(points).all()
    ):
        raise InputError(f"{path}: not {POINTS} finite points a frame, (frames, {POINTS}, 3)")
    return points.astype(np.float64) @ _TO_Y_UP.T


def climb_source(points: Float[np.ndarray, "frames 53 3"]) -> SourceMotion:
    """The points as joints whose local frames are those of the canonical T-pose, turned with it."""
    p = {name: points[:, index] for name, index in JOINTS.items()}
    across = p["left_collar"] - p["right_collar"]
    pelvis = _turned((_LEFT, _UP), (p["left_hip"] - p["right_hip"], p["spine"] - p["pelvis"]))
    upright = unit(p["neck"] - p["pelvis"])[:, 1] > _UPRIGHT
    chest_line, head_line = p["neck"] - p["chest"], p["head"] - p["neck"]
    chest = _turned((_LEFT, _lean(chest_line, across, upright)), (across, chest_line))
    R = {name: chest for name in JOINTS} | {"pelvis": pelvis, "spine": pelvis}
    R["head"] = _turned((_lean(head_line, across, upright), _LEFT), (head_line, across))
    for side in SIDES:
        at = {part.removeprefix(f"{side}_"): v for part, v in p.items() if part.startswith(side)}
        at |= {name: points[:, index] for name, index in KNUCKLES[side].items()}
        limbs = _leg(side, at, pelvis) | _arm(side, at, chest)
        R |= {f"{side}_{part}": rotation for part, rotation in limbs.items()}
    names = tuple(JOINTS)
    positions = np.stack([p[name] for name in names], axis=1)
    rotations = np.stack([R[name] for name in names], axis=1)
    return SourceMotion(names, (-1,) * len(names), rotations, positions, positions[0], FPS)


def _lean(line: np.ndarray, across: np.ndarray, upright: np.ndarray) -> np.ndarray:
    """Where a line of the trunk points under an upright figure: rigs differ by 20 degrees there.

    Returns:
        its direction by left, up and forward, without the part to the left.
    """
    if upright.sum() < _MIN_UPRIGHT:
        return _UP
    left = unit(across * (1.0, 0.0, 1.0))
    forward = np.cross(left, _UP)
    ahead, up = (np.median((unit(line) * v).sum(-1)[upright]) for v in (forward, _UP))
    return unit(np.array([0.0, up, ahead]))


def _leg(side: str, at: Mapping[str, np.ndarray], pelvis: np.ndarray) -> dict[str, np.ndarray]:
    """World rotations of hip, knee and ankle."""
    thigh, shin = unit(at["knee"] - at["hip"]), unit(at["ankle"] - at["knee"])
    hinge = _hinge(f"{side}_hip", pelvis, thigh, shin)
    x, _, z = load_skeleton().offsets[joint(f"{side}_foot")]
    forward = np.sqrt(1 - _TOE_DOWN**2) * unit(np.array([x, 0.0, z]))
    toe = forward - _TOE_DOWN * _UP
    return {
        "hip": _turned((canonical_bone(f"{side}_hip"), _LEFT), (thigh, hinge)),
        "knee": _turned((canonical_bone(f"{side}_knee"), _LEFT), (shin, hinge)),
        "ankle": _turned((toe, _LEFT), (at["toe"] - at["ankle"], hinge)),
    }


def _arm(side: str, at: Mapping[str, np.ndarray], chest: np.ndarray) -> dict[str, np.ndarray]:
    """World rotations of shoulder, elbow and wrist; the forearm turns half as far as the hand."""
    upper, lower = unit(at["elbow"] - at["shoulder"]), unit(at["wrist"] - at["elbow"])
    hinge = _hinge(f"{side}_shoulder", chest, upper, lower)
    axis, bone = flexion_axis(f"{side}_elbow"), canonical_bone(f"{side}_elbow")
    middle = (at["index"] + at["little"]) / 2 - at["wrist"]
    hand = _turned((bone, _FORWARD), (middle, at["index"] - at["little"]))
    between = unit(hinge) + hand @ axis
    return {
        "shoulder": _turned((canonical_bone(f"{side}_shoulder"), axis), (upper, hinge)),
        "elbow": _turned((bone, axis), (lower, between)),
        "wrist": hand,
    }


def _hinge(name: str, trunk: np.ndarray, upper: np.ndarray, lower: np.ndarray) -> np.ndarray:
    """What a limb bends about: its plane's normal; if straight the swung T-pose's hinge."""
    return np.cross(upper, lower) + _STRAIGHT * swing_hinge(name, trunk, upper)


def _turned(
    local: tuple[np.ndarray, np.ndarray], world: tuple[np.ndarray, np.ndarray]
) -> Float[np.ndarray, "frames 3 3"]:
    """The rotation that takes a first direction exactly, a second one as nearly as it can."""
    return _basis(*world) @ _basis(*local).T


def _basis(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    x = unit(first)
    y = unit(second - (second * x).sum(-1, keepdims=True) * x)
    return np.stack((x, y, np.cross(x, y)), axis=-1)


_IDENTITY = np.eye(3)
_MAP = JointMap(
    {"pelvis": SourceJoint("pelvis", _IDENTITY), "spine3": SourceJoint("chest", _IDENTITY)}
    | {"head": SourceJoint("head", _IDENTITY)}
    | {
        f"{side}_{part}": SourceJoint(f"{side}_{part}", _IDENTITY)
        for side in SIDES
        for part in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")
    }
    | {f"{side}_foot": SourceJoint(f"{side}_toe") for side in SIDES}
    | {
        f"{side}_collar": SourceJoint(f"{side}_collar", neutral=_COLLAR * (sign, 1.0, 1.0))
        for side, sign in zip(SIDES, (1.0, -1.0), strict=True)
    }
)
