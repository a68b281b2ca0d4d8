"""Keypoints of mirrored video, such as a phone's selfies, as the camera saw them."""

from __future__ import annotations

import dataclasses

import numpy as np

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
    points = keypoints.points[:, OTHER_SIDE].copy()
    seen = points[..., 2] > 0
    points[..., 0] = np.where(seen, keypoints.image_size[0] - points[..., 0], points[..., 0])
    return dataclasses.replace(keypoints, points=points)
