"""Corpora of 2D detections without motions: several calibrated views make their own reference.

They teach what a real detector does wrong (``lab/fitting/detector_noise.py``); ``aistpp_2d`` fits
motions to their points.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float

from lab.calibrated.triangulation import project_with_lens, triangulate
from lab.corpora import aistpp_files as aistpp
from vimoflow.errors import InputError

_EVERY = 2  # 60 -> 30 fps by every second frame
# Both for images of 1920x1080: about three times the detector's error, and the median beyond which
# a view does not belong to its calibration (the good ones have 3 to 8).
_OUTLIER_PX, _OFF_CALIBRATION_PX = 25.0, 20.0


@dataclass(frozen=True)
class DetectedSequence:
    """Real detections at 30 fps with the 3D points that they agree on.

    Attributes:
        name: of the sequence.
        cameras: the views' calibration, lengths in the sequence's own units.
        keypoints_px: pixels and confidence of the detector, 0 where missing.
        points_world: triangulated COCO points in the cameras' units. Where fewer than two views
            agree they are interpolated in time, and false in ``agreed``.
        agreed: whether at least two views agree on a point.
        off_px: of each view, the median distance of its detections from the projected reference.
    """

    name: str
    cameras: tuple[aistpp.AistCamera, ...]
    keypoints_px: Float[np.ndarray, "views frames 17 3"]
    points_world: Float[np.ndarray, "frames 17 3"]
    agreed: Bool[np.ndarray, "frames 17"]
    off_px: Float[np.ndarray, " views"]

    @property
    def calibrated_views(self) -> Bool[np.ndarray, " views"]:
        """False where detections and calibration do not belong together (two of 45 in AIST++)."""
        return self.off_px < _OFF_CALIBRATION_PX


def list_aistpp_kp2d(folder: Path) -> list[Path]:
    """The pickles of detections in a folder, sorted.

    Raises:
        InputError: there are none.
    """
    files = sorted(Path(folder).glob("*.pkl"))
    if not files:
        raise InputError(f"{folder}: holds no AIST++ keypoints2d pickles (*.pkl)")
    return files


def read_aistpp_kp2d_file(path: Path, cameras: Path) -> DetectedSequence:
    """One sequence of AIST++ ``keypoints2d`` and its triangulated reference at 30 fps.

    ``cameras`` is AIST++'s folder of camera settings, with ``mapping.txt``. Every point weighs by
    its confidence, and views that disagree with the others are left out of it
    (``calibrated.triangulation``), so that a bad view cannot move the reference it is judged by.

    Raises:
        InputError: a damaged file, no camera setting for it, or hardly a point that views agree on.
    """
    name = path.stem
    setting = aistpp.read_camera_mapping(cameras).get(name)
    if setting is None:
        raise InputError(f"{cameras / 'mapping.txt'}: no camera setting for {name}")
    views = aistpp.read_cameras(cameras / f"{setting}.json")
    keypoints = aistpp.read_keypoints2d(path)[:, ::_EVERY]
    if len(keypoints) != len(views):
        raise InputError(f"{path}: {len(keypoints)} views, the camera setting has {len(views)}")
    lenses = aistpp.calibrated_cameras(views)
    flat = torch.from_numpy(keypoints).flatten(1, 2)
    frames = keypoints.shape[1]
    found = triangulate(flat, lenses, outlier_px=_OUTLIER_PX).points_world
    points = found.numpy().reshape(frames, 17, 3)
    agreed = np.isfinite(points).all(-1)
    if agreed.mean() < 0.5:
        raise InputError(f"{path}: the views agree on {agreed.mean():.0%} of the points only")
    points = _bridged(points, agreed, path)
    exact = project_with_lens(lenses, torch.from_numpy(points).flatten(0, 1)).numpy()
    off = np.linalg.norm(exact.reshape(*keypoints.shape[:3], 2) - keypoints[..., :2], axis=-1)
    off[keypoints[..., 2] <= 0] = np.nan
    return DetectedSequence(name, views, keypoints, points, agreed, np.nanmedian(off, axis=(1, 2)))


def _bridged(points: np.ndarray, known: np.ndarray, path: Path) -> np.ndarray:
    """Unknown points interpolated linearly in time, the ends held."""
    if not known.any(0).all():
        raise InputError(f"{path}: a point is never seen by two views that agree")
    frames = np.arange(len(points))
    filled = points.copy()
    for j in range(points.shape[1]):
        for axis in range(3):
            seen = known[:, j]
            filled[:, j, axis] = np.interp(frames, frames[seen], points[seen, j, axis])
    return filled
