"""Doubt falls on limbs that do what limbs cannot, whatever the detector says of itself."""

from __future__ import annotations

import numpy as np
import pytest

from tests.keypoints.test_mending import swaying
from vimoflow.keypoints.doubt import POINTS, doubt_m, doubt_signs, trust
from vimoflow.keypoints.mirroring import OTHER_SIDE

LEFT_LEG, RIGHT_LEG, ARM = [13, 15], [14, 16], [7, 9]


def confident() -> np.ndarray:
    points = swaying(90).points.copy()
    points[..., 2] = 1.0
    return points


def test_a_leg_that_jumps_about_is_doubted_while_it_does() -> None:
    points = confident()
    points[30:45, LEFT_LEG, :2] += np.random.default_rng(2).normal(0, 40, (15, 1, 2))
    doubt, count = doubt_m(points), trust(points)
    assert doubt[32:43, LEFT_LEG].mean() > 2 * doubt[65:80, LEFT_LEG].mean()
    assert count[32:43, LEFT_LEG].mean() < 0.5 < count[65:80, LEFT_LEG].min()
    assert doubt[32:43, LEFT_LEG].mean() > 2 * doubt[32:43, ARM].mean()


def test_trust_is_a_share_and_the_face_and_the_unseen_are_left_alone() -> None:
    points = confident()
    points[20:25, 9] = 0.0
    points[..., :2] += np.random.default_rng(1).normal(0, 30, points[..., :2].shape)
    found = trust(points)
    assert ((found > 0) & (found <= 1)).all() and found[:, 5:].min() < 0.2
    assert (found[:, :5] == 1).all() and (found[20:25, 9] == 1).all()


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
    assert np.allclose(trust(points)[90:180], trust(points[:1800])[90:180])
    assert trust(points).shape == points.shape[:2]


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_shots_of_a_frame_or_two(frames: int) -> None:
    points = confident()[:frames]
    assert np.isfinite(doubt_signs(points)).all()
    assert doubt_signs(points).shape[:2] == (frames, len(POINTS))


def test_nobody_is_not_doubted() -> None:
    assert (trust(np.zeros((10, 17, 3))) == 1).all()
