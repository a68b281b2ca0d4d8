"""Keypoints of a moving figure, made by the project's own kinematics and a virtual camera."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from vimoflow.geometry.rotations import axis_angle_to_matrix
from vimoflow.keypoints.sequence import Keypoints2D
from vimoflow.motion.kinematics import coco_points, forward_kinematics
from vimoflow.motion.skeleton import joint


@pytest.fixture(scope="session")
def swaying_keypoints() -> Callable[..., Keypoints2D]:
    """Somebody who swings arms and legs, seen from the front at 5 m, 1280 x 720."""

    def make(frames: int, fps: float = 30.0) -> Keypoints2D:
        times = np.arange(frames) / fps
        swing = 0.5 * np.sin(2 * np.pi * 0.8 * times)
        turns = np.zeros((frames, 24, 3))
        for side, sign in (("left", 1.0), ("right", -1.0)):
            turns[:, joint(f"{side}_hip"), 0] = sign * swing
            turns[:, joint(f"{side}_knee"), 0] = 0.4 * (1 - np.cos(2 * np.pi * 0.8 * times))
            turns[:, joint(f"{side}_shoulder"), 2] = -sign * (1.0 + 0.3 * swing)
        root = np.stack((0.2 * times, np.full(frames, 0.95), 0 * times), axis=1)
        R, p = forward_kinematics(axis_angle_to_matrix(torch.tensor(turns)), torch.tensor(root))
        points = coco_points(R, p).numpy()
        depth = 5.0 - points[..., 2]
        x = 640 + 900 * points[..., 0] / depth
        y = 360 - 900 * (points[..., 1] - 1.0) / depth
        seen = np.full_like(x, 0.9)
        return Keypoints2D(np.stack((x, y, seen), axis=-1), times, (1280, 720), "test", "test")

    return make
