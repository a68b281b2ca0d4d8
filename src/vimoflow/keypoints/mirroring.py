"""Keypoints of mirrored video, such as a phone's selfies, as the camera saw them."""

from __future__ import annotations

import dataclasses

import numpy as np
from jaxtyping import Float

from vimoflow.conventions import COCO_NAMES
from vimoflow.keypoints.sequence import Keypoints2D

_OTHER = {"left": "right", "right": "left"}
# The number of each point's partner on the other side, its own where there is none.
OTHER_SIDE = [
    COCO_NAMES.index("_".join(_OTHER.get(part, part) for part in name.split("_")))
    for name in COCO_NAMES
]


def mirrored(keypoints: Keypoints2D) -> Keypoints2D:
    """Left and right of the picture exchanged, and so the person's; twice is as before.

    Points that were not seen stay zero.
    """
    points = mirrored_points(keypoints.points, keypoints.image_size[0])
    return dataclasses.replace(keypoints, points=points)


def mirrored_points(
    points: Float[np.ndarray, "*frames 17 3"], width: int
) -> Float[np.ndarray, "*frames 17 3"]:
    """The points (pixels, confidence) alone, in a picture of a width in pixels."""
    points = points[..., OTHER_SIDE, :].copy()
    seen = points[..., 2] > 0
    points[..., 0] = np.where(seen, width - points[..., 0], points[..., 0])
    return points
