"""Corpora that are not BVH: HDM05 (ASF/AMC), unihsi (poselib npz) and DeepMimic (JSON)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lab.corpora.amc import find_asf, read_amc, read_asf
from lab.corpora.deepmimic import read_deepmimic
from lab.corpora.hdm05_repairs import (
    IMPOSSIBLE_TURN,
    largest_turn,
    mend_deep_knee,
    stiffen_flipping_hand,
)
from lab.corpora.poselib import read_poselib
from vimoflow.data.recording import Recording, Split
from vimoflow.data.rig_maps import Body, Bone, Rig, Side, joint_map
from vimoflow.errors import InputError
from vimoflow.motion.retarget import retarget
from vimoflow.motion.source import SourceMotion

HDM05_TEST_SUBJECT = "mm"
_DOWN, _KNEE, _ELBOW = (0.0, -1.0, 0.0), (1.0, 0.0, 0.0), (-1.0, 0.0, 0.0)


def _hdm05_side(letter: str, sign: float) -> Side:
    # ASF local frames are the world's at rest: arms out to the sides, legs spread by 20 degrees.
    # The hinges are the corpus' own axes of tibia and radius.
    leg, knee = (0.34 * sign, -0.94, 0.0), (0.94, 0.34 * sign, 0.0)
    arm = (0.0, -0.86 * sign, 0.5 * sign)
    return Side(
        hip=Bone(f"{letter}femur", leg, knee),
        knee=Bone(f"{letter}tibia", leg, knee),
        ankle=Body(f"{letter}foot"),
        toe=f"{letter}toes",
        shoulder=Bone(f"{letter}humerus", (sign, 0.0, 0.0), arm),
        elbow=Bone(f"{letter}radius", (sign, 0.0, 0.0), arm),
        wrist=f"{letter}hand",  # "wrist" in an ASF is the second half of the forearm
    )


HDM05 = Rig(
    pelvis=Body("root"),
    chest=Body("thorax"),
    head=Body("head"),
    left=_hdm05_side("l", 1.0),
    right=_hdm05_side("r", -1.0),
)


def _humanoid_side(hip: str, knee: str, ankle: str, toe: str, arm: tuple[str, str, str]) -> Side:
    # At rest the arms hang down, so all limb bones point down.
    return Side(
        hip=Bone(hip, _DOWN, _KNEE),
        knee=Bone(knee, _DOWN, _KNEE),
        ankle=Body(ankle),
        toe=toe,
        shoulder=Bone(arm[0], _DOWN, _ELBOW),
        elbow=Bone(arm[1], _DOWN, _ELBOW),
        wrist=arm[2],
    )


def _amp_side(side: str) -> Side:
    arm = (f"{side}_upper_arm", f"{side}_lower_arm", f"{side}_hand")
    legs = (f"{side}_thigh", f"{side}_shin", f"{side}_foot", f"{side}_toe")
    return _humanoid_side(*legs, arm=arm)


def _deepmimic_side(side: str) -> Side:
    arm = (f"{side}_shoulder", f"{side}_elbow", f"{side}_wrist")
    legs = (f"{side}_hip", f"{side}_knee", f"{side}_ankle", f"{side}_toe")
    return _humanoid_side(*legs, arm=arm)


AMP_HUMANOID = Rig(
    pelvis=Body("pelvis"),
    chest=Body("torso"),
    head=Body("head"),
    left=_amp_side("left"),
    right=_amp_side("right"),
)
DEEPMIMIC = Rig(
    pelvis=Body("root"),
    chest=Body("chest"),
    head=Body("neck"),
    left=_deepmimic_side("left"),
    right=_deepmimic_side("right"),
)


def list_hdm05(folder: Path) -> list[Path]:
    """AMC files below a folder, sorted (the corpus spells some of them ``.AMC``)."""
    return _list(folder, "HDM_*.[aA][mM][cC]", "HDM05")


def read_hdm05_file(path: Path) -> Recording:
    """One clip (120 fps) on its actor's skeleton; the actor ``mm`` is validation."""
    actor = path.stem.split("_")[1]
    split: Split = "validation" if actor == HDM05_TEST_SUBJECT else "train"
    return _recording(path, "hdm05", split, hdm05_source(path), HDM05)


def hdm05_source(path: Path) -> SourceMotion:
    """One clip on its own skeleton, repaired (``hdm05_repairs``).

    Raises:
        InputError: as the reader of AMC, or a limb flips over in a way that cannot be repaired.
    """
    source = read_amc(path, read_asf(find_asf(path)))
    for letter, sign in (("l", 1.0), ("r", -1.0)):
        hip, knee, ankle, shoulder, elbow, hand = (
            letter + bone for bone in ("femur", "tibia", "foot", "humerus", "radius", "hand")
        )
        hinge = np.array(_hdm05_side(letter, sign).hip.hinge)
        source = mend_deep_knee(source, hip, knee, ankle, hinge)
        source = stiffen_flipping_hand(source, elbow, hand)
        for limb in (hip, knee, ankle, shoulder, elbow):
            if largest_turn(source, limb) > IMPOSSIBLE_TURN:
                raise InputError(f"{path}: bone '{limb}' flips over; the recording is damaged")
    return source


def list_unihsi(folder: Path) -> list[Path]:
    """The npz files of the corpus, sorted."""
    return _list(folder, "*.npz", "unihsi")


def read_unihsi_file(path: Path) -> Recording:
    """One clip (30 fps). Every tenth file in sorted order is validation.

    "Every tenth" counts from the first file or from the tenth: both are kept out of training, so
    that neither reading leaks.
    """
    place = sorted(path.parent.glob("*.npz")).index(path)
    split: Split = "validation" if place % 10 in (0, 9) else "train"
    return _recording(path, "unihsi", split, read_poselib(path), AMP_HUMANOID)


def list_deepmimic(folder: Path) -> list[Path]:
    """Motion clips below a folder, sorted."""
    return _list(folder, "humanoid3d_*.txt", "DeepMimic")


def read_deepmimic_file(path: Path) -> Recording:
    """One clip (resampled to an even rate by its reader)."""
    return _recording(path, "deepmimic", "train", read_deepmimic(path), DEEPMIMIC)


def _list(folder: Path, pattern: str, what: str) -> list[Path]:
    files = sorted(Path(folder).rglob(pattern))
    if not files:
        raise InputError(f"{folder}: holds no {what} files ({pattern}); unpack the archive there")
    return files


def _recording(path: Path, corpus: str, split: Split, source: SourceMotion, rig: Rig) -> Recording:
    try:
        motion, report = retarget(source, joint_map(rig))
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    return Recording(path.stem, corpus, split, motion, retarget=report)
