"""Where a character's soles are: the lowest vertices of its feet, or what its bones tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from vimoflow.characters.alignment import Alignment
from vimoflow.motion.contacts import standing_heights
from vimoflow.motion.retarget_report import SIDES
from vimoflow.motion.skeleton import joint, load_skeleton

_BALL_BELOW_M = 0.015  # of our skeleton: the sole below the ball of the foot
_FRONT = 0.8  # of the way from the ankle to the ball
_THICK = 0.35  # of the ankle's height: vertices above are no sole


@dataclass(frozen=True)
class Sole:
    """A foot's points that touch the floor.

    Attributes:
        points: from the ankle at rest, in the axes of our ankle joint, metres.
        toe_share: how far each rides on the toes rather than on the foot, 0 to 1.
        shin_share: how far each rides on the shin, as skins of heels do.
        R_knee_ankle: from the axes of our ankle joint to those of our knee joint, at rest.
        front: which lie below the ball and the toes; the others are the heel.
        ball_from_ankle: where the ball is at rest, in the axes of our ankle joint.
        toe: the joint at the ball; None if the character has none.
    """

    points: Float[np.ndarray, "points 3"]
    toe_share: Float[np.ndarray, " points"]
    shin_share: Float[np.ndarray, " points"]
    R_knee_ankle: Float[np.ndarray, "3 3"]
    front: Bool[np.ndarray, " points"]
    ball_from_ankle: Float[np.ndarray, "3"]
    toe: int | None

    @property
    def ankle_height(self) -> float:
        """Of the ankle above the floor when the foot stands, metres."""
        return -float(self.points[:, 1].min())

    @property
    def toes(self) -> Float[np.ndarray, "toes 3"]:
        """The front points, from the ball."""
        return self.points[self.front] - self.ball_from_ankle


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
    R_knee_ankle = rig.turns[f"{side}_knee"] @ rig.turns[f"{side}_ankle"].T
    vertices, toe_share, shin_share = _foot_vertices(rig, ankle, toe)
    if not len(vertices):
        points = to_ours @ (rig.rest_positions[_below(rig, ankle)] - origin).T
        floor = min(points[1].min(), offset[1] - _BALL_BELOW_M * scale)
        if toe is None:
            floor = -float(standing_heights()[0]) * scale
        points = np.array([[0.0, floor, 0.0], [offset[0], floor, offset[2]]])
        share, front = np.array([0.0, 1.0]), np.array([False, True])
        return Sole(points, share, np.zeros(2), R_knee_ankle, front, offset, toe)
    points = (vertices - origin) @ to_ours.T
    front = points[:, 2] > _FRONT * offset[2]
    low = points[:, 1] < (1 - _THICK) * points[:, 1].min()
    kept = [n for part in (front, ~front) for n in _extremes(points, np.flatnonzero(low & part))]
    points, front = points[kept], front[kept]
    toe_share, shin_share = toe_share[kept], shin_share[kept]
    for at, there in ((0.0, ~front), (offset[2], front)):
        if not there.any():  # a foot whose mesh ends early
            points = np.append(points, [[0.0, points[:, 1].min(), at]], axis=0)
            toe_share, shin_share = np.append(toe_share, 0.0), np.append(shin_share, 0.0)
            front = np.append(front, at > 0)
    return Sole(points, toe_share, shin_share, R_knee_ankle, front, offset, toe)


def _below(rig: Alignment, top: int) -> list[int]:
    """A node and all that hangs on it."""
    found = {top}
    for node, parent in enumerate(rig.character.parents):
        if parent in found:
            found.add(node)
    return sorted(found)


def _foot_vertices(rig: Alignment, ankle: int, toe: int | None) -> tuple[np.ndarray, ...]:
    """What the foot carries, and the shares that the toes and the shin have in it."""
    mesh = rig.character.mesh
    if mesh is None:
        return np.zeros((0, 3)), np.zeros(0), np.zeros(0)
    carried = (mesh.weights * np.isin(mesh.joints, _below(rig, ankle))).sum(1)
    foot = carried > 0.5
    share = np.zeros(len(mesh.vertices))
    if toe is not None:
        share = (mesh.weights * np.isin(mesh.joints, _below(rig, toe))).sum(1)
    return mesh.vertices[foot], share[foot], (1 - carried[foot]).clip(0)


def _extremes(points: Float[np.ndarray, "points 3"], among: np.ndarray) -> list[int]:
    """The points that stand out downwards and to all sides: others touch no floor before them."""
    angle = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    ring = np.stack((np.cos(angle), np.zeros(12), np.sin(angle)), axis=1)
    ways = np.concatenate([ring * lean - np.array([0.0, 1.0, 0.0]) for lean in (0.05, 0.5, 1.5)])
    return among[np.unique((points[among] @ ways.T).argmax(0))].tolist() if len(among) else []


def floor_height(soles: Mapping[str, Sole]) -> float:
    """Of the ankles above the floor, metres."""
    return float(np.mean([sole.ankle_height for sole in soles.values()]))


def foot_points(
    rig: Alignment, sole: Sole, side: str, R_world: Tensor, positions: Mapping[int, Tensor]
) -> tuple[Tensor, Tensor]:
    """Where ankle and ball of a foot are, (frames, 2, 3), and how high the sole below each."""
    R_ankle, R_foot = (R_world[:, joint(f"{side}_{part}")] for part in ("ankle", "foot"))
    ankle = positions[rig.joints[f"{side}_ankle"]]
    offset = torch.from_numpy(sole.ball_from_ankle)
    ball = ankle + R_ankle @ offset
    points, share = torch.from_numpy(sole.points.T), torch.from_numpy(sole.toe_share)
    on_foot = ankle[:, 1:2] + R_ankle[:, 1] @ points
    on_toes = ball[:, 1:2] + R_foot[:, 1] @ (points - offset[:, None])
    R_knee = R_world[:, joint(f"{side}_knee")] @ torch.from_numpy(sole.R_knee_ankle)
    on_shin = ankle[:, 1:2] + R_knee[:, 1] @ points
    shin = torch.from_numpy(sole.shin_share)
    heights = on_foot + share * (on_toes - on_foot) + shin * (on_shin - on_foot)
    front = torch.from_numpy(sole.front)
    lows = [heights[:, part].amin(-1) for part in (~front, front)]
    return torch.stack((ankle, ball), 1), torch.stack(lows, 1)
