"""The pose from which a rig's axes are read.

That is the file's zero pose (all rotations zero: the OFFSETs alone), if a person could stand so
(T-pose, A-pose, arms hanging); else the first frame, if it is a T-pose. Rigs whose bones all lie
along one axis have neither: their axes are measured on the motion.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from vimoflow.characters.hierarchy import unit
from vimoflow.data.rigs.rig import Rig
from vimoflow.motion.source import SourceMotion

SNAP = np.cos(np.radians(20))  # rest poses are made along the axes of their file


@dataclass(frozen=True)
class RestPose:
    """A person standing straight, arms out or down.

    Attributes:
        R_world_joint: world rotation of each joint's local frame in this pose.
        p_world_joint: positions, metres.
        R_world_figure: columns are the figure's left, up and forward; the world of this pose need
            not be the motion's (some files rest Z-up and move Y-up).
    """

    R_world_joint: Float[np.ndarray, "joints 3 3"]
    p_world_joint: Float[np.ndarray, "joints 3"]
    R_world_figure: Float[np.ndarray, "3 3"]


def find_rest_pose(source: SourceMotion, rig: Rig, wanted: str = "auto") -> RestPose | None:
    """The rest pose of a motion; None where the axes must be measured on the motion.

    Args:
        wanted: "auto", or where to look: "zero", "first_frame" or "motion" (a rig map's ``rest``).
    """
    if wanted == "motion":
        return None
    zero = source.rest_positions
    if wanted == "zero" or (wanted == "auto" and _stands(_landmarks(source, rig, zero))):
        eye = np.broadcast_to(np.eye(3), (len(zero), 3, 3))
        return RestPose(eye, zero, _figure(_landmarks(source, rig, zero), None))
    first = source.p_world_joint[0]
    landmarks = _landmarks(source, rig, first)
    if wanted == "first_frame" or _is_t_pose(landmarks):
        figure = _figure(landmarks, np.array([0.0, 1.0, 0.0]))
        return RestPose(source.R_world_joint[0], first, figure)
    return None


@dataclass(frozen=True)
class _Landmarks:
    """Of both sides, left first: positions in metres."""

    hip: np.ndarray
    knee: np.ndarray
    ankle: np.ndarray
    shoulder: np.ndarray
    elbow: np.ndarray
    wrist: np.ndarray

    @property
    def trunk(self) -> np.ndarray:
        return unit(self.shoulder.mean(0) - self.hip.mean(0))

    @property
    def left(self) -> np.ndarray:
        return unit(self.hip[0] - self.hip[1])


def _landmarks(source: SourceMotion, rig: Rig, positions: np.ndarray) -> _Landmarks:
    def both(part: str) -> np.ndarray:
        joints = [getattr(side, part) for side in (rig.left, rig.right)]
        names = [j if isinstance(j, str) else j.name for j in joints]
        return positions[[source.joint_names.index(n) for n in names]]

    return _Landmarks(
        both("hip"), both("knee"), both("ankle"), both("shoulder"), both("elbow"), both("wrist")
    )


def _stands(p: _Landmarks) -> bool:
    """Whether a person could stand so: legs down from the trunk, arms not up, each on its side."""
    legs, arms = unit(p.ankle - p.hip), unit(p.wrist - p.shoulder)
    straight = (unit(p.knee - p.hip) * unit(p.ankle - p.knee)).sum(-1) > 0.5
    own_side = (arms @ p.left) * np.array([1.0, -1.0]) > -0.3
    across = abs(p.left @ p.trunk) < 0.5
    return bool(
        (legs @ p.trunk < -0.8).all()
        and (arms @ p.trunk < 0.7).all()
        and straight.all()
        and own_side.all()
        and across
    )


def _is_t_pose(p: _Landmarks) -> bool:
    up = np.array([0.0, 1.0, 0.0])
    arms = unit(p.wrist - p.shoulder) @ p.left * np.array([1.0, -1.0])
    elbows = (unit(p.elbow - p.shoulder) * unit(p.wrist - p.elbow)).sum(-1)
    knees = (unit(p.knee - p.hip) * unit(p.ankle - p.knee)).sum(-1)
    upright = p.trunk @ up > 0.96 and (unit(p.ankle - p.hip) @ up < -0.93).all()
    return bool(upright and (arms > 0.93).all() and (elbows > 0.94).all() and (knees > 0.96).all())


def _figure(p: _Landmarks, up: np.ndarray | None) -> np.ndarray:
    """Left, up and forward of the figure, as columns."""
    up = _snap(unit(p.shoulder.mean(0) - p.ankle.mean(0))) if up is None else up
    left = unit(p.left - (p.left @ up) * up)
    snapped = _snap(left)
    left = snapped if abs(snapped @ up) < 1e-9 else left
    return np.stack((left, up, np.cross(left, up)), axis=1)


def _snap(direction: np.ndarray) -> np.ndarray:
    """The coordinate axis that a direction is close to, or the direction."""
    axis = np.abs(direction).argmax()
    snapped = np.eye(3)[axis] * np.sign(direction[axis])
    return snapped if direction @ snapped > SNAP else direction
