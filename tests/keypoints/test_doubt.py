"""Doubt falls on limbs that do what limbs cannot, whatever the detector says of itself."""

from __future__ import annotations

import numpy as np
import pytest

from tests.keypoints.test_mending import swaying
from vimoflow.keypoints.doubt import POINTS, doubt_m, doubt_signs, trusted
from vimoflow.keypoints.mirroring import OTHER_SIDE

LEFT_LEG, RIGHT_LEG = [13, 15], [14, 16]


def confident() -> np.ndarray:
    points = swaying(90).points.copy()
    points[..., 2] = 1.0
    return points


def test_a_leg_taken_for_the_other_is_doubted_while_it_lasts() -> None:
    points = confident()
    points[30:45, LEFT_LEG, :2] = points[30:45, RIGHT_LEG, :2] + 1.0
    doubt = doubt_m(points)
    during, apart = doubt[32:43, LEFT_LEG].mean(), doubt[65:80, LEFT_LEG].mean()
    assert during > 2 * apart
    weights = trusted(points)[..., 2]
    assert weights[32:43, LEFT_LEG].max() < weights[65:80, LEFT_LEG].min()


def test_what_is_seen_stays_seen_and_where_it_was() -> None:
    points = confident()
    points[20:25, 9] = 0.0
    rng = np.random.default_rng(1)
    points[..., :2] += rng.normal(0, 30, points[..., :2].shape)
    found = trusted(points)
    assert np.array_equal(found[..., :2], points[..., :2])
    assert np.array_equal(found[..., 2] > 0.05, points[..., 2] > 0.05)
    assert (found[..., 2] <= points[..., 2]).all()
    assert (doubt_m(points)[:, :5] == 0).all() and (doubt_m(points)[20:25, 9] == 0).all()


@pytest.mark.parametrize("factor, shift", [(2.0, 0.0), (0.5, 300.0)])
def test_neither_size_nor_place_in_the_picture_counts(factor: float, shift: float) -> None:
    points = confident()
    moved = points.copy()
    moved[..., :2] = moved[..., :2] * factor + shift
    assert np.allclose(doubt_m(points), doubt_m(moved), rtol=1e-6)


def test_the_mirror_image_is_doubted_alike() -> None:
    points = confident()
    points[30:45, LEFT_LEG, :2] = points[30:45, RIGHT_LEG, :2] + 1.0
    mirrored = points[:, OTHER_SIDE] * (-1.0, 1.0, 1.0) + (640.0, 0.0, 0.0)
    assert np.allclose(doubt_m(mirrored), doubt_m(points)[:, OTHER_SIDE], rtol=1e-6)


def test_long_shots_are_read_in_pieces() -> None:
    points = np.tile(confident(), (42, 1, 1))
    assert trusted(points).shape == points.shape
    assert np.allclose(trusted(points)[90:180], trusted(points[:1800])[90:180])


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_shots_of_a_frame_or_two(frames: int) -> None:
    points = confident()[:frames]
    assert np.isfinite(doubt_signs(points)).all()
    assert doubt_signs(points).shape[:2] == (frames, len(POINTS))


def test_nobody_is_not_doubted() -> None:
    assert not trusted(np.zeros((10, 17, 3))).any()
