"""How fast a person moves in a picture, from keypoints that tremble."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from scipy.ndimage import gaussian_filter1d

from vimoflow.conventions import MODEL_FPS
from vimoflow.inference.refinement.reprojection_error import View
from vimoflow.motion.skeleton import COCO_LIMBS

_CALM, _AROUND = 2.5, 3.0  # frames: shorter than a kick, longer than a detector's trembling
_LEAST_SEEN = 0.3  # of the frames around
_QUICKER_HALF = 75  # percentile of the limbs' points: two of three may stand still in a kick


def pace(views: Sequence[View]) -> Float[np.ndarray, " steps"]:
    """Speed of the quicker limb points about their mean from each frame to the next, m/s.

    Of several views the quickest counts.
    """
    speeds = [_seen_by(view) for view in views]
    return np.max(speeds, axis=0)


def _seen_by(view: View) -> Float[np.ndarray, " steps"]:
    if len(view.weight) < 2:
        return np.zeros(0)
    limbs = list(COCO_LIMBS)
    weight, points = view.weight[:, limbs, None], view.pose[:, limbs]
    weight = np.sqrt(weight[1:] * weight[:-1])
    velocity = gaussian_filter1d(np.diff(points, axis=0) * weight, _CALM, axis=0) * MODEL_FPS
    velocity /= np.maximum(gaussian_filter1d(weight, _CALM, axis=0), 1e-6)
    around = gaussian_filter1d((weight[..., 0] > 0).astype(float), _CALM, axis=0)
    speed = np.where(around > _LEAST_SEEN, np.linalg.norm(velocity, axis=-1), np.nan)
    seen = np.isfinite(speed).any(axis=1)
    if not seen.any():
        return np.zeros(len(speed))
    steps = np.arange(len(speed))
    quick = np.nanpercentile(speed[seen], _QUICKER_HALF, axis=1)
    return gaussian_filter1d(np.interp(steps, steps[seen], quick), _AROUND)
