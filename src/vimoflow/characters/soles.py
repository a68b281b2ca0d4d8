"""Where a character's soles are: the lowest vertices of its feet, or what its bones tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from vimoflow.characters.alignment import Alignment
from vimoflow.motion.contacts import standing_heights
from vimoflow.motion.retarget_report import SIDES
from vimoflow.motion.skeleton import joint, load_skeleton

_BALL_BELOW_M = 0.015  # of our skeleton: the sole below the ball of the foot
_THICK = 0.35  # of the ankle's height: vertices above are no sole


@dataclass(frozen=True)
class Sole:
    """A foot's points that touch the floor.

    Attributes:
        heel: from the ankle, in the axes of our ankle joint, metres.
        ball: from the ball of the foot, in the axes of our foot joint.
        ball_from_ankle: where the ball is at rest, in the axes of our ankle joint.
        toe: the joint at the ball; None if the character has none.
    """

    heel: Float[np.ndarray, "heel 3"]
    ball: Float[np.ndarray, "ball 3"]
    ball_from_ankle: Float[np.ndarray, "3"]
    toe: int | None

    @property
    def ankle_height(self) -> float:
        """Of the ankle above the floor when the foot stands, metres."""
        ball = self.ball[:, 1].min() + self.ball_from_ankle[1]
        return -float(min(self.heel[:, 1].min(), ball))


def find_soles(rig: Alignment) -> dict[str, Sole]:
    """By side."""
    return {side: _sole(rig, side) for side in SIDES}


def _sole(rig: Alignment, side: str) -> Sole:
    ankle, toe = rig.joints[f"{side}_ankle"], rig.joints.get(f"{side}_toe")
    to_ours = rig.turns[f"{side}_ankle"] @ rig.figure.T
    scale = rig.leg_length / load_skeleton().leg_length
    offset = load_skeleton().offsets[joint(f"{side}_foot")] * scale
    origin = rig.rest_positions[ankle]
    if toe is not None:
        offset = to_ours @ (rig.rest_positions[toe] - origin)
    vertices = _foot_vertices(rig, ankle)
    if vertices is None:
        points = to_ours @ (rig.rest_positions[_below(rig, ankle)] - origin).T
        floor = min(points[1].min(), offset[1] - _BALL_BELOW_M * scale)
        if toe is None:
            floor = -float(standing_heights()[0]) * scale
        heel = np.array([[0.0, floor, 0.0]])
        return Sole(heel, np.array([[0.0, floor - offset[1], 0.0]]), offset, toe)
    points = (vertices - origin) @ to_ours.T
    low = points[:, 1] < (1 - _THICK) * points[:, 1].min()
    front = points[:, 2] > 0.8 * offset[2]
    if toe is None:
        offset = offset * np.array([1.0, 0.0, 1.0])
    heel, ball = (_extremes(points[low & part]) for part in (~front, front))
    heel = heel if len(heel) else np.array([[0.0, points[:, 1].min(), 0.0]])
    ball = ball if len(ball) else np.array([[0.0, points[:, 1].min(), offset[2]]])
    return Sole(heel, ball - offset, offset, toe)


def _below(rig: Alignment, top: int) -> list[int]:
    """A node and all that hangs on it."""
    found = {top}
    for node, parent in enumerate(rig.character.parents):
        if parent in found:
            found.add(node)
    return sorted(found)


def _foot_vertices(rig: Alignment, ankle: int) -> Float[np.ndarray, "vertices 3"] | None:
    mesh = rig.character.mesh
    if mesh is None:
        return None
    carried = np.isin(mesh.joints, _below(rig, ankle))
    foot = (mesh.weights * carried).sum(1) > 0.5
    return mesh.vertices[foot] if foot.sum() >= 4 else None


def _extremes(points: Float[np.ndarray, "points 3"]) -> Float[np.ndarray, "extremes 3"]:
    """The points that stand out downwards and to all sides: others touch no floor before them."""
    angle = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    ring = np.stack((np.cos(angle), np.zeros(12), np.sin(angle)), axis=1)
    ways = np.concatenate([ring * lean - np.array([0.0, 1.0, 0.0]) for lean in (0.05, 0.5, 1.5)])
    return points[np.unique((points @ ways.T).argmax(0))] if len(points) else points


def _heights(
    sole: Sole,
    R_ankle: Float[Tensor, "frames 3 3"],
    R_foot: Float[Tensor, "frames 3 3"],
    ankle: Float[Tensor, "frames 3"],
    ball: Float[Tensor, "frames 3"],
) -> Float[Tensor, "frames 2"]:
    """Height of the lowest point of heel and of ball, metres.

    Args:
        sole: of the foot.
        R_ankle, R_foot: world rotations of our two joints.
        ankle, ball: where the character's are.
    """
    lows = [
        place[:, 1] + (R[:, 1] @ torch.from_numpy(points.T)).amin(-1)
        for points, R, place in ((sole.heel, R_ankle, ankle), (sole.ball, R_foot, ball))
    ]
    return torch.stack(lows, dim=-1)


def floor_height(soles: Mapping[str, Sole]) -> float:
    """Of the ankles above the floor, metres."""
    return float(np.mean([sole.ankle_height for sole in soles.values()]))


def foot_points(
    rig: Alignment, sole: Sole, side: str, R_world: Tensor, positions: Mapping[int, Tensor]
) -> tuple[Tensor, Tensor]:
    """Where ankle and ball of a foot are, (frames, 2, 3), and how high the sole below each."""
    R_ankle, R_foot = (R_world[:, joint(f"{side}_{part}")] for part in ("ankle", "foot"))
    ankle = positions[rig.joints[f"{side}_ankle"]]
    ball = ankle + R_ankle @ torch.from_numpy(sole.ball_from_ankle)
    return torch.stack((ankle, ball), 1), _heights(sole, R_ankle, R_foot, ankle, ball)
