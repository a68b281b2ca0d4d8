"""Which keypoint of which tool is which of COCO's 17: the one table of conversions.

All sets below share COCO's names for the points they have in common with it, so a shared point is
taken over as it is; docs/keypoints.md says what is known of the offsets between detectors. Points
that COCO lacks are derived when written: neck and mid-hip are the means of shoulders and hips.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from vimoflow.conventions import COCO_NAMES

_OPENPOSE_ARMS = (
    "nose", "neck", "right_shoulder", "right_elbow", "right_wrist",
    "left_shoulder", "left_elbow", "left_wrist",
)  # fmt: skip
_OPENPOSE_HEAD = ("right_eye", "left_eye", "right_ear", "left_ear")
_RIGHT_LEG = ("right_hip", "right_knee", "right_ankle")
_LEFT_LEG = ("left_hip", "left_knee", "left_ankle")


@dataclass(frozen=True)
class JointSet:
    """A tool's keypoints in its order, under COCO's names, "neck", "mid_hip" or, for others, "".

    Attributes:
        name: for messages.
        joints: one name a keypoint.
    """

    name: str
    joints: tuple[str, ...]

    def to_coco(
        self, points: Float[np.ndarray, "*batch joints 3"]
    ) -> Float[np.ndarray, "*batch 17 3"]:
        """The 17 COCO keypoints; those that the set lacks have confidence 0."""
        coco = np.zeros((*points.shape[:-2], 17, 3))
        for index, name in enumerate(COCO_NAMES):
            if name in self.joints:
                coco[..., index, :] = points[..., self.joints.index(name), :]
        return coco

    def from_coco(
        self, coco: Float[np.ndarray, "*batch 17 3"]
    ) -> Float[np.ndarray, "*batch joints 3"]:
        """The set's keypoints; zero where COCO has no such point."""
        points = np.zeros((*coco.shape[:-2], len(self.joints), 3))
        for index, name in enumerate(self.joints):
            if name in COCO_NAMES:
                points[..., index, :] = coco[..., COCO_NAMES.index(name), :]
            elif name in _BETWEEN:
                a, b = (coco[..., COCO_NAMES.index(end), :] for end in _BETWEEN[name])
                middle = (a + b) / 2
                middle[..., 2] = np.minimum(a[..., 2], b[..., 2])
                points[..., index, :] = np.where(middle[..., 2:] > 0, middle, 0.0)
        return points


_FEWEST_NAMED = 6  # shoulders, hips and two more tell a pose
_BETWEEN = {"neck": ("left_shoulder", "right_shoulder"), "mid_hip": ("left_hip", "right_hip")}
COCO_17 = JointSet("COCO-17", COCO_NAMES)
COCO_18 = JointSet("COCO-18", (*_OPENPOSE_ARMS, *_RIGHT_LEG, *_LEFT_LEG, *_OPENPOSE_HEAD))
BODY_25 = JointSet(
    "BODY_25", (*_OPENPOSE_ARMS, "mid_hip", *_RIGHT_LEG, *_LEFT_LEG, *_OPENPOSE_HEAD, *[""] * 6)
)
BODY_25B = JointSet("BODY_25B", (*COCO_NAMES, "neck", *[""] * 7))
HALPE_26 = JointSet("Halpe-26", (*COCO_NAMES, "", "neck", "mid_hip", *[""] * 6))
HALPE_136 = JointSet("Halpe-136", (*HALPE_26.joints, *[""] * 110))
WHOLE_BODY_133 = JointSet("COCO-WholeBody-133", (*COCO_NAMES, *[""] * 116))

BY_COUNT = {
    len(joint_set.joints): joint_set
    for joint_set in (COCO_17, COCO_18, BODY_25, HALPE_26, HALPE_136, WHOLE_BODY_133)
}


def named_joint_set(names: Sequence[str]) -> JointSet | None:
    """The set that a file's own names of its points are; None where too few are known.

    An empty name is a point that COCO does not have.
    """
    indices = [coco_index(name) for name in names]
    joints = tuple("" if index is None else COCO_NAMES[index] for index in indices)
    return JointSet("named", joints) if len(set(joints) - {""}) >= _FEWEST_NAMED else None


def body_25_or_b(people: Float[np.ndarray, "people 25 3"]) -> JointSet:
    """Which of OpenPose's two sets of 25 points these are; files do not say.

    The middle of the hips lies between them in BODY_25, and the neck between the shoulders in
    BODY_25B; read the wrong way, these are an elbow beside a leg and an ear beside an arm.
    """

    def beside(point: int, first: int, second: int) -> Float[np.ndarray, "people"]:
        middle = (people[:, first, :2] + people[:, second, :2]) / 2
        seen = (people[:, [point, first, second], 2] > 0).all(axis=1)
        off = np.linalg.norm(people[:, point, :2] - middle, axis=-1)
        return np.asarray(np.where(seen, off, np.nan))

    names_25, names_b = BODY_25.joints.index, BODY_25B.joints.index
    hips = beside(names_25("mid_hip"), names_25("left_hip"), names_25("right_hip"))
    neck = beside(names_b("neck"), names_b("left_shoulder"), names_b("right_shoulder"))
    further = hips - neck
    further = further[np.isfinite(further)]
    return BODY_25B if len(further) and np.median(further) > 0 else BODY_25


def _spellings(name: str) -> tuple[str, ...]:
    side, _, part = name.rpartition("_")
    if not side:
        return (name,)
    return side + part, side[0] + part, part + side, part + side[0]


_BY_SPELLING = {
    spelling: index for index, name in enumerate(COCO_NAMES) for spelling in _spellings(name)
}


def coco_index(name: str) -> int | None:
    """The COCO keypoint that a name such as ``LHip``, ``left_hip`` or ``hip-L`` means, if any."""
    return _BY_SPELLING.get(re.sub(r"[^a-z]", "", name[:60].lower()))
