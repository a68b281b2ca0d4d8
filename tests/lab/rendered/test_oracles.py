"""Readings of found points that know the truth."""

from __future__ import annotations

import numpy as np

from lab.rendered.oracles import (
    READINGS,
    exact_beyond,
    exchanges_undone,
    found_error,
    unseen_beyond,
)
from tests.keypoints.test_mending import swaying
from vimoflow.keypoints.mirroring import OTHER_SIDE

EXACT = swaying(40).points.astype(np.float32)


def test_errors_are_shares_of_the_height() -> None:
    found = EXACT.copy()
    found[..., 1] += 0.1 * 0.5 * (200 + 200)
    share = found_error(found, EXACT)
    assert np.allclose(share, share[0, 0]) and 0.05 < share[0, 0] < 0.2


def test_far_points_are_unseen_or_exact_and_near_ones_stay() -> None:
    found = EXACT.copy()
    found[3, 15, 0] += 100
    found[4, 15, 0] += 1
    unseen, exact = unseen_beyond(0.1)(found, EXACT), exact_beyond(0.1)(found, EXACT)
    assert unseen[3, 15, 2] == 0 and (unseen[4] == found[4]).all()
    assert np.array_equal(exact[3], EXACT[3]) and np.array_equal(exact[4], found[4])


def test_exchanged_legs_are_put_back_and_arms_left_alone() -> None:
    found = EXACT.copy()
    legs = [13, 14, 15, 16]
    rows = np.ix_(range(10, 20), legs)
    found[rows] = found[:, OTHER_SIDE][rows]
    assert np.array_equal(exchanges_undone(found, EXACT), EXACT)


def test_every_reading_keeps_the_shape() -> None:
    for reading in READINGS.values():
        assert reading(EXACT, EXACT).shape == EXACT.shape
