"""Keypoints of every second frame on the clock of all of them."""

from __future__ import annotations

import numpy as np

from vimoflow.keypoints.clock import on_every_frame
from vimoflow.keypoints.sequence import Keypoints2D


def _keypoints(points: np.ndarray, times: np.ndarray) -> Keypoints2D:
    return Keypoints2D(points, times, (640, 480), "clip.mp4", "test")


def _looks(count: int) -> np.ndarray:
    points = np.random.default_rng(1).uniform(0, 400, (count, 17, 3))
    points[..., 2] = 0.5 + points[..., 2] / 1000
    return points


def test_looks_are_exact_and_between_them_points_move_in_straight_lines() -> None:
    clock, points = np.arange(9) / 60, _looks(5)
    points[2, 3, 2] = 0.0
    found, cuts = on_every_frame(_keypoints(points, clock[::2]), clock)
    np.testing.assert_array_equal(found.points[::2], points)
    assert cuts == () and found.fps == 60
    middle = (points[:-1] + points[1:]) / 2
    np.testing.assert_allclose(found.points[1::2, :, :2], middle[..., :2], atol=1e-9)
    lower = np.minimum(points[:-1, :, 2], points[1:, :, 2])
    np.testing.assert_array_equal(found.points[1::2, :, 2], lower)
    np.testing.assert_array_equal(~found.observed[:, 3], np.isin(np.arange(9), [3, 4, 5]))


def test_nothing_is_mixed_across_a_cut_or_after_the_last_look() -> None:
    clock, points = np.arange(8) / 60, _looks(4)
    found, cuts = on_every_frame(_keypoints(points, clock[::2]), clock, (2,))
    assert cuts == (4,)
    np.testing.assert_array_equal(found.points[3], points[1])
    np.testing.assert_array_equal(found.points[4], points[2])
    np.testing.assert_array_equal(found.points[7], points[3])


def test_a_look_at_every_frame_is_left_alone() -> None:
    keypoints = _keypoints(_looks(4), np.arange(4) / 25)
    assert on_every_frame(keypoints, keypoints.timestamps, (1, 3)) == (keypoints, (1, 3))
