"""Whether people stand upright in the picture."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Float

from vimoflow.conventions import COCO_NAMES
from vimoflow.keypoints.sequence import Keypoints2D

_SHOULDERS = [COCO_NAMES.index(f"{side}_shoulder") for side in ("left", "right")]
_HIPS = [COCO_NAMES.index(f"{side}_hip") for side in ("left", "right")]
_FEWEST_FRAMES = 5
_NEARLY_ALL = 0.9  # of the frames in which the trunk is seen
_UPRIGHT = 0.5  # cosine between the trunk and the picture's up: 60 degrees
_TURNS = {(0, -1): 0, (1, 0): 270, (0, 1): 180, (-1, 0): 90}  # clockwise, by where the head is


def trunk_directions(keypoints: Keypoints2D) -> Float[np.ndarray, "seen 2"]:
    """Unit vectors from hips to shoulders in the picture (x right, y down), where both are seen."""
    seen = keypoints.observed[:, _SHOULDERS + _HIPS].all(axis=1)
    points = keypoints.points[seen, :, :2]
    trunk = points[:, _SHOULDERS].mean(axis=1) - points[:, _HIPS].mean(axis=1)
    return np.asarray(trunk / np.maximum(np.linalg.norm(trunk, axis=-1, keepdims=True), 1e-9))


def sideways_hint(keypoints: Keypoints2D, rotated: int = 0) -> list[str]:
    """What to say where the trunk points sideways or down in nearly all frames; else nothing.

    Nothing is turned by itself: floor work and handstands look the same.
    """
    trunk = trunk_directions(keypoints)
    if len(trunk) < _FEWEST_FRAMES or (-trunk[:, 1] < _UPRIGHT).mean() < _NEARLY_ALL:
        return []
    middle = np.median(trunk, axis=0)
    turn = next(turn for way, turn in sorted(_TURNS.items(), key=lambda item: -middle @ item[0]))
    lies = "upside down" if turn == 180 else "on its side"
    return [
        f"the person is {lies} in nearly all frames: is the video turned? --rotate "
        f"{(rotated + turn) % 360} puts it upright"
    ]


def turned(keypoints: Keypoints2D, degrees: int) -> Keypoints2D:
    """The keypoints of the picture that is turned clockwise by 0, 90, 180 or 270 degrees."""
    for _ in range(degrees // 90 % 4):
        width, height = keypoints.image_size
        points = keypoints.points.copy()
        points[..., 0] = np.where(keypoints.observed, height - keypoints.points[..., 1], 0.0)
        points[..., 1] = np.where(keypoints.observed, keypoints.points[..., 0], 0.0)
        keypoints = replace(keypoints, points=points, image_size=(height, width))
    return keypoints
