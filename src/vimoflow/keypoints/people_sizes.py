"""How large people are in the picture, and how they are built, told by their keypoints."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from vimoflow.conventions import STATURE_M
from vimoflow.keypoints.coco import COCO_NAMES

# Lengths of body parts in standing heights, of the canonical skeleton (motion/skeleton.json).
_PARTS = (
    ("left_shoulder", "right_shoulder", 0.206),
    ("left_hip", "right_hip", 0.126),
    ("left_shoulder", "left_hip", 0.315),
    ("right_shoulder", "right_hip", 0.315),
    ("left_shoulder", "left_elbow", 0.153),
    ("right_shoulder", "right_elbow", 0.153),
    ("left_elbow", "left_wrist", 0.136),
    ("right_elbow", "right_wrist", 0.136),
    ("left_hip", "left_knee", 0.233),
    ("right_hip", "right_knee", 0.233),
    ("left_knee", "left_ankle", 0.228),
    ("right_knee", "right_ankle", 0.228),
)
_FIRST = [COCO_NAMES.index(a) for a, _, _ in _PARTS]
_SECOND = [COCO_NAMES.index(b) for _, b, _ in _PARTS]
_LENGTH = np.array([length for _, _, length in _PARTS])
_LONG = _LENGTH > 0.2  # parts whose length noise does not drown


def box_height_px(points: Float[np.ndarray, "*batch 17 3"]) -> Float[np.ndarray, "*batch"]:
    """The larger side of the box around what is seen, pixels; 0 where nothing is."""
    seen = points[..., 2:] > 0
    low = np.where(seen, points[..., :2], np.inf).min(axis=-2)
    high = np.where(seen, points[..., :2], -np.inf).max(axis=-2)
    return np.asarray(np.where(seen.any(axis=-2), high - low, 0.0).max(axis=-1))


def part_heights_px(points: Float[np.ndarray, "*batch 17 3"]) -> Float[np.ndarray, "*batch parts"]:
    """The standing height that each body part's length tells, pixels; NaN where it is not seen.

    Parts that point at the camera look short: of several frames the largest are right.
    """
    a, b = points[..., _FIRST, :], points[..., _SECOND, :]
    seen = (a[..., 2] > 0) & (b[..., 2] > 0)
    length = np.linalg.norm(a[..., :2] - b[..., :2], axis=-1)
    return np.where(seen, length / _LENGTH, np.nan)


def figure_height_px(points: Float[np.ndarray, "*batch 17 3"]) -> Float[np.ndarray, "*batch"]:
    """Standing height in pixels of somebody seen in one frame in any pose.

    The second largest of what the long body parts tell; NaN where fewer than two are seen.
    """
    parts = np.nan_to_num(part_heights_px(points)[..., _LONG], nan=0.0)
    second = np.sort(parts, axis=-1)[..., -2]
    return np.where(second > 0, second, np.nan)


def metre_px(points: Float[np.ndarray, "frames 17 3"]) -> float:
    """Pixels per metre of somebody of usual stature, over a whole shot; 1 where nothing is seen.

    A bone's image is never longer than its length times the scale, so a high quantile over the
    frames counts, and the median over the bones (as ``person_size_px`` does for conditions).
    """
    parts = part_heights_px(points)
    parts = parts[:, np.isfinite(parts).any(axis=0)]
    heights = np.nanquantile(parts, 0.9, axis=0) if parts.size else np.zeros(0)
    return float(np.median(heights)) / STATURE_M if heights.any() else 1.0
