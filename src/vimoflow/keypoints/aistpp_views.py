"""The 2D detections of AIST++ (Li et al. 2021): pickles of nine views, read without unpickling."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Float

from vimoflow import pickles
from vimoflow.errors import InputError
from vimoflow.keypoints.sightings import Recording, Sighting, checked


def read_keypoints2d(path: Path) -> Float[np.ndarray, "views frames 17 3"]:
    """Real detections at 60 fps: pixels and confidence; what is missing (NaN) becomes zeros.

    Raises:
        InputError: the pickle is damaged, asks for more than arrays, or holds something else.
    """
    points = pickles.array_field(pickles.load(path), "keypoints2d", path, (17, 3))
    if points.ndim != 4:
        raise InputError(f"{path}: field 'keypoints2d' must be (views, frames, 17, 3)")
    return np.where(np.isfinite(points).all(-1, keepdims=True), points, 0.0)


def read_views(path: Path) -> Recording:
    """The views, at 60 fps and 1920 x 1080, stand in for people here: c01 to c09.

    Raises:
        InputError: as for `read_keypoints2d`, or the numbers are no pixels.
    """
    points = checked(read_keypoints2d(path), path, "keypoints2d")
    found = tuple(
        Sighting(frame, one, f"c{view + 1:02d}")
        for view, frames in enumerate(points)
        for frame, one in enumerate(frames)
    )
    return Recording("aistpp", found, tuple(range(points.shape[1])), 60.0, None, (1920, 1080))
