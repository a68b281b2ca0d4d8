"""The weak-perspective fit: exact where the camera is one, blind to scale and place only."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from vimoflow.errors import InputError
from vimoflow.evaluation.metrics.reprojection import weak_perspective_error

FRONT = np.diag([1.0, -1.0, -1.0])


def body(rng: np.random.Generator, frames: int = 45) -> np.ndarray:
    return rng.normal(size=(frames, 12, 3)) * (0.3, 0.6, 0.2) + rng.normal(size=(1, 1, 3))


def image(points: np.ndarray, R: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    scale = rng.uniform(100, 300, (len(points), 1, 1))
    return scale * (points @ R.T)[..., :2] + rng.uniform(0, 500, (len(points), 1, 2))


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**31 - 1))
def test_any_weak_perspective_camera_near_the_front_is_found(seed):
    rng = np.random.default_rng(seed)
    points = body(rng)
    R = Rotation.from_euler("xyz", rng.uniform(-25, 25, 3), degrees=True).as_matrix() @ FRONT
    seen = rng.random((45, 12)) < 0.8
    assert weak_perspective_error(points, image(points, R, rng), seen, 30.0) < 0.3


def test_another_pose_and_unseen_points_count_as_they_should():
    rng = np.random.default_rng(0)
    points = body(rng)
    px = image(points, FRONT, rng)
    seen = np.ones((45, 12), bool)
    assert weak_perspective_error(body(rng), px, seen, 30.0) > 20
    px[:, 3] += 1000.0
    assert weak_perspective_error(points, px, seen, 30.0) > 20
    seen[:, 3] = False
    assert weak_perspective_error(points, px, seen, 30.0) < 0.01
    assert math.isnan(weak_perspective_error(points, px, ~seen & False, 30.0))


def test_points_that_are_not_finite_are_refused():
    with pytest.raises(InputError, match="not finite"):
        weak_perspective_error(
            np.full((5, 12, 3), np.nan), np.zeros((5, 12, 2)), np.ones((5, 12), bool), 30.0
        )
