"""Plain coloured clothes, skin and hair: one colour a vertex of a body."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float

from lab.rendered.bodies import Body
from vimoflow.motion.kinematics import coco_points
from vimoflow.motion.skeleton import JOINT_NAMES, coco, joint, load_skeleton

_SKIN = ((0.93, 0.76, 0.65), (0.80, 0.60, 0.47), (0.55, 0.38, 0.28), (0.36, 0.24, 0.18))
_HAIR = ((0.10, 0.08, 0.07), (0.28, 0.18, 0.10), (0.55, 0.42, 0.22), (0.35, 0.33, 0.32))
_TOPS = ("pelvis", "spine", "collar", "shoulder")
_SHOES = ("ankle", "foot")
_WAIST_M = 0.06  # above the pelvis joint


def dress(body: Body, seed: int) -> Float[np.ndarray, "vertices 3"]:
    """Colours (linear, 0 to 1) of the body's vertices; the same seed gives the same clothes."""
    rng = np.random.default_rng((seed, 7))
    skin = np.array(_SKIN[int(rng.integers(len(_SKIN)))])
    hair = np.array(_HAIR[int(rng.integers(len(_HAIR)))])
    top, bottom, shoes = rng.uniform(0.05, 0.9, 3), rng.uniform(0.03, 0.5, 3), rng.uniform(0, 1, 3)
    sleeves = ("elbow",) if rng.random() < 0.5 else ()
    colors = np.tile(skin, (len(body.rest), 1))
    colors[_follows(body, _TOPS + sleeves)] = top
    colors[body.rest[:, 1] < _WAIST_M] = bottom
    colors[_follows(body, _SHOES)] = shoes
    _paint_head(colors, body, hair)
    return colors


def _follows(body: Body, kinds: tuple[str, ...]) -> np.ndarray:
    """Vertices of the joints whose names hold one of the words."""
    wanted = [j for j, name in enumerate(JOINT_NAMES) if any(kind in name for kind in kinds)]
    return np.isin(body.part, wanted)


def _paint_head(colors: np.ndarray, body: Body, hair: np.ndarray) -> None:
    eye = torch.eye(3, dtype=torch.float64).expand(24, 3, 3)
    face = coco_points(eye, torch.from_numpy(load_skeleton().rest_positions())).numpy()
    x, y, z = body.rest.T
    eyes = (face[coco("left_eye")] + face[coco("right_eye")]) / 2
    head = body.part == joint("head")
    behind = z < eyes[2] - 0.075
    hairy = head & ((y > eyes[1] + 0.06) | (behind & (y > eyes[1] - 0.05)))
    colors[hairy] = hair
    for side in ("left", "right"):
        point = face[coco(f"{side}_eye")]
        gap = np.hypot(x - point[0], y - point[1])
        front = head & (z > eyes[2] - 0.04)
        colors[front & (gap < 0.016)] = 0.9
        colors[front & (gap < 0.009)] = 0.05
        brow = front & (np.abs(x - point[0]) < 0.024) & (np.abs(y - point[1] - 0.024) < 0.006)
        colors[brow] = hair
    nose = face[coco("nose")]
    mouth = head & (np.abs(x) < 0.024) & (np.abs(y - nose[1] + 0.038) < 0.008)
    colors[mouth & (z > eyes[2] - 0.03)] = (0.6, 0.25, 0.25)
