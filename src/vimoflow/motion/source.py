"""Motions on other skeletons, and what ties their joints to the canonical ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize

from vimoflow.errors import InputError
from vimoflow.geometry.rotations import nearest_rotation


@dataclass(frozen=True)
class SourceMotion:
    """A motion on some other skeleton, posed in the world: metres, +Y up, right-handed.

    Attributes:
        joint_names: the source's own names, end sites included under names of the reader's choice.
        parents: index of each joint's parent, -1 for the root; parents come before children.
        R_world_joint: world rotation of each joint's own local frame.
        p_world_joint: world positions, metres.
        rest_positions: joint positions, metres, when all local rotations are identity.
        fps: frames per second.
    """

    joint_names: tuple[str, ...]
    parents: tuple[int, ...]
    R_world_joint: Float[np.ndarray, "frames joints 3 3"]
    p_world_joint: Float[np.ndarray, "frames joints 3"]
    rest_positions: Float[np.ndarray, "joints 3"]
    fps: float


@dataclass(frozen=True)
class SourceJoint:
    """What a joint of the canonical skeleton is driven by.

    Attributes:
        name: the source's joint; its position stands for the target joint's.
        R_source_target: turns vectors of the target joint's local frame into the source joint's
            local frame; None where only the position counts (toes without articulation).
        neutral: for collars, the direction from collar to shoulder at rest, in the frame of the
            target's ``spine3``; None leaves the collar rigid on the chest.
    """

    name: str
    R_source_target: Float[np.ndarray, "3 3"] | None = None
    neutral: Float[np.ndarray, "3"] | None = None


@dataclass(frozen=True)
class JointMap:
    """The source joint of each canonical joint, by canonical name.

    Needed: pelvis, spine3 and, for both sides, hip, knee, ankle, shoulder, elbow, wrist. The other
    joints are used where present.
    """

    joints: Mapping[str, SourceJoint]


def axes_to_matrix(
    first_target: Float[Tensor, "3"],
    second_target: Float[Tensor, "3"],
    first_source: Float[Tensor, "3"],
    second_source: Float[Tensor, "3"],
) -> Float[np.ndarray, "3 3"]:
    """The rotation that takes the first pair of directions to the second (first axis exactly).

    Used to state :attr:`SourceJoint.R_source_target` by two axes known in both local frames.
    """
    frames = []
    for first, second in ((first_target, second_target), (first_source, second_source)):
        x = normalize(first, dim=-1)
        z = normalize(torch.linalg.cross(x, second, dim=-1), dim=-1)
        frames.append(torch.stack((x, torch.linalg.cross(z, x, dim=-1), z), dim=-1))
    return nearest_rotation(frames[1] @ frames[0].T).numpy()


class SourceTracks:
    """World rotations and positions of the mapped source joints, by canonical name."""

    def __init__(self, source: SourceMotion, joint_map: JointMap) -> None:
        missing = [s.name for s in joint_map.joints.values() if s.name not in source.joint_names]
        if missing:
            raise InputError(
                f"the skeleton lacks the joints {', '.join(missing)}; is it another rig?"
            )
        self._map = joint_map.joints
        self._index = {t: source.joint_names.index(s.name) for t, s in self._map.items()}
        self._rotations = torch.as_tensor(source.R_world_joint, dtype=torch.float64)
        self._positions = torch.as_tensor(source.p_world_joint, dtype=torch.float64)

    def has_rotation(self, name: str) -> bool:
        """Whether the target joint is driven by a rotation, not only placed."""
        return name in self._map and self._map[name].R_source_target is not None

    def neutral(self, name: str) -> Tensor | None:
        """See :attr:`SourceJoint.neutral`."""
        neutral = self._map[name].neutral if name in self._map else None
        return None if neutral is None else torch.as_tensor(neutral, dtype=torch.float64)

    def rotation(self, name: str) -> Tensor:
        """World rotation of the target joint as the source joint has it, (frames, 3, 3)."""
        constant = torch.as_tensor(self._map[name].R_source_target, dtype=torch.float64)
        return self._rotations[:, self._index[name]] @ constant

    def position(self, name: str) -> Tensor:
        """World position of the source joint, (frames, 3), metres."""
        return self._positions[:, self._index[name]]

    def bone(self, start: str, end: str) -> Tensor:
        """Vector from one joint to another, (frames, 3), metres."""
        return self.position(end) - self.position(start)

    def leg_length(self) -> float:
        """Hip to ankle along the bones, metres, mean of both sides."""
        pairs = (("hip", "knee"), ("knee", "ankle"))
        bones = [self.bone(f"{s}_{a}", f"{s}_{b}") for s in ("left", "right") for a, b in pairs]
        return float(sum(bone.norm(dim=-1).median() for bone in bones) / 2)
