"""The 24-joint skeleton in SMPL order and the 17 COCO points that ride on it.

The rest pose is SMPL's T-pose with identity local frames: +Y up, +Z forward, +X to the figure's
left, so AIST++ and AMASS rotations apply unchanged. The offsets are this project's own, fitted by
``lab/fitting/skeleton.py`` (provenance and residuals in ``skeleton.json``); nothing of SMPL's
model files is in them.
"""

from __future__ import annotations

import dataclasses
import functools
import json
from dataclasses import dataclass
from importlib import resources

import numpy as np
from jaxtyping import Float

JOINT_NAMES = (
    "pelvis", "left_hip", "right_hip", "spine1", "left_knee", "right_knee", "spine2", "left_ankle",
    "right_ankle", "spine3", "left_foot", "right_foot", "neck", "left_collar", "right_collar",
    "head", "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist",
    "right_wrist", "left_hand", "right_hand",
)  # fmt: skip
PARENTS = (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21)
CONTACT_JOINTS = ("left_ankle", "left_foot", "right_ankle", "right_foot")
COCO_NAMES = (
    "nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder",
    "left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip",
    "left_knee", "right_knee", "left_ankle", "right_ankle",
)  # fmt: skip
COCO_BONES = tuple(
    (COCO_NAMES.index(a), COCO_NAMES.index(b))
    for a, b in (
        ("nose", "left_eye"), ("nose", "right_eye"), ("left_eye", "left_ear"),
        ("right_eye", "right_ear"), ("left_shoulder", "right_shoulder"),
        ("left_shoulder", "left_elbow"), ("left_elbow", "left_wrist"),
        ("right_shoulder", "right_elbow"), ("right_elbow", "right_wrist"),
        ("left_shoulder", "left_hip"), ("right_shoulder", "right_hip"), ("left_hip", "right_hip"),
        ("left_hip", "left_knee"), ("left_knee", "left_ankle"), ("right_hip", "right_knee"),
        ("right_knee", "right_ankle"),
    )
)  # fmt: skip
COCO_LIMBS = tuple(range(5, 17))  # shoulders to ankles: the points that accuracy is measured on


def joint(name: str) -> int:
    """Index of a joint by name."""
    return JOINT_NAMES.index(name)


def coco(name: str) -> int:
    """Index of a COCO point by name."""
    return COCO_NAMES.index(name)


def _mirror(names: tuple[str, ...]) -> tuple[int, ...]:
    swap = {"left": "right", "right": "left"}
    return tuple(
        names.index("_".join(swap.get(part, part) for part in name.split("_"))) for name in names
    )


MIRROR_JOINTS = _mirror(JOINT_NAMES)  # index of each joint's partner on the other side
MIRROR_COCO = _mirror(COCO_NAMES)
MIRROR_CONTACTS = _mirror(CONTACT_JOINTS)


@dataclass(frozen=True)
class Skeleton:
    """Bone offsets in metres and the rigid COCO points, each in its own joint's frame.

    Attributes:
        offsets: joint position in the parent's frame; row 0 (pelvis) is zero.
        coco_joints: for each COCO point, the index of the joint it rides on.
        coco_offsets: the point's position in that joint's frame.
        smpl_trans_to_pelvis: where SMPL's pelvis joint lies from SMPL's ``trans``, metres.
        scale: size relative to the canonical figure.
        provenance: how each group of values was obtained.
    """

    offsets: Float[np.ndarray, "24 3"]
    coco_joints: tuple[int, ...]
    coco_offsets: Float[np.ndarray, "17 3"]
    smpl_trans_to_pelvis: tuple[float, float, float]
    provenance: dict[str, str]
    scale: float = 1.0

    @property
    def leg_length(self) -> float:
        """Hip to ankle along the bones, metres, mean of both sides: corpora are scaled by it."""
        names = ("left_knee", "left_ankle", "right_knee", "right_ankle")
        return float(sum(np.linalg.norm(self.offsets[joint(n)]) for n in names) / 2)

    @property
    def stature(self) -> float:
        """Standing height in metres, from the sole to the top of the head, shoes off.

        The sole is 15 mm below the foot joint and the crown 0.11 m above the eyes.
        """
        heights = self.rest_positions()[:, 1]
        eyes = heights[joint("head")] + self.coco_offsets[coco("left_eye")][1]
        return float(eyes - heights[joint("left_foot")]) + 0.125 * self.scale

    def scaled(self, factor: float) -> Skeleton:
        """The same figure, ``factor`` times as large."""
        x, y, z = self.smpl_trans_to_pelvis
        return dataclasses.replace(
            self,
            offsets=self.offsets * factor,
            coco_offsets=self.coco_offsets * factor,
            scale=self.scale * factor,
            smpl_trans_to_pelvis=(factor * x, factor * y, factor * z),
        )

    def rest_positions(self) -> Float[np.ndarray, "24 3"]:
        """Joint positions of the T-pose with the pelvis at the origin, metres."""
        positions = np.zeros((len(JOINT_NAMES), 3))
        for index, parent in enumerate(PARENTS):
            if parent >= 0:
                positions[index] = positions[parent] + self.offsets[index]
        return positions


@functools.cache
def load_skeleton() -> Skeleton:
    """The canonical skeleton that ships with the package."""
    text = resources.files("vimoflow.motion").joinpath("skeleton.json").read_text("utf-8")
    data = json.loads(text)
    return Skeleton(
        offsets=np.array([data["offsets"][name] for name in JOINT_NAMES]),
        coco_joints=tuple(joint(data["coco_points"][name]["joint"]) for name in COCO_NAMES),
        coco_offsets=np.array([data["coco_points"][name]["offset"] for name in COCO_NAMES]),
        smpl_trans_to_pelvis=tuple(data["smpl_trans_to_pelvis"]),
        provenance=data["provenance"],
    )
