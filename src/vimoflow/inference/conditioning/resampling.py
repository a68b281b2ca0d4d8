"""2D keypoints at the model's frame rate."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from vimoflow.keypoints.sequence import Keypoints2D

MODEL_FPS = 30.0
_LONGEST_BRIDGE_S = 0.15  # frames farther apart than this are a gap of the video, not its rate


def model_times(keypoints: Keypoints2D) -> Float[np.ndarray, "frames"]:
    """Times in seconds, 1/30 apart, that cover the input's."""
    span = float(keypoints.timestamps[-1] - keypoints.timestamps[0])
    count = int(np.ceil(span * MODEL_FPS - 1e-6)) + 1
    return keypoints.timestamps[0] + np.arange(count) / MODEL_FPS


def resample_keypoints(
    keypoints: Keypoints2D, times: Float[np.ndarray, "frames"]
) -> Float[Tensor, "frames 17 3"]:
    """Keypoints at other times, in pixels; confidence 0 where they cannot be known.

    Between two frames that both show a point it is interpolated. Where one of them does, it counts
    for times nearer to that frame. Nothing is invented inside gaps: filling them is the model's
    part.
    """
    source = keypoints.timestamps
    right = np.searchsorted(source, times, side="right").clip(1, max(1, len(source) - 1))
    right = np.minimum(right, len(source) - 1)
    left = np.maximum(right - 1, 0)
    gap = source[right] - source[left]
    weight = np.where(gap > 0, (times - source[left]) / np.where(gap > 0, gap, 1), 0.0).clip(0, 1)
    weight = np.where(gap > _LONGEST_BRIDGE_S, np.round(weight), weight)[:, None]
    a, b = keypoints.points[left], keypoints.points[right]
    seen_a, seen_b = a[..., 2] > 0, b[..., 2] > 0
    mixed = a + (b - a) * weight[..., None]
    points = np.where((seen_a & seen_b)[..., None], mixed, 0.0)
    points = np.where((seen_a & ~seen_b & (weight < 0.5))[..., None], a, points)
    points = np.where((~seen_a & seen_b & (weight >= 0.5))[..., None], b, points)
    far = np.minimum(np.abs(times - source[left]), np.abs(times - source[right]))
    points = np.where((far > _LONGEST_BRIDGE_S)[:, None, None], 0.0, points)
    return torch.from_numpy(points.astype(np.float32))
