"""How fast somebody moves, told from keypoints that tremble."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from vimoflow.inference.refinement.pace import pace
from vimoflow.inference.refinement.reprojection_error import View

FRAMES = 90


def view(points: np.ndarray, weight: np.ndarray | None = None) -> View:
    weight = np.ones(points.shape[:2]) if weight is None else weight
    return View(points, weight, np.zeros((len(points), 2)), np.ones(len(points), bool))


def standing(noise_m: float = 0.0, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    pose = rng.uniform(-0.8, 0.8, (17, 2))
    return pose + noise_m * rng.normal(size=(FRAMES, 17, 2))


def turning(radius_m: float, hz: float) -> np.ndarray:
    """All points but for the mean's circle about their places; opposite ones in opposite phase."""
    points = standing()
    phase = 2 * np.pi * hz * np.arange(FRAMES)[:, None] / 30 + np.pi * (np.arange(17) % 2)
    return points + radius_m * np.stack((np.cos(phase), np.sin(phase)), axis=-1)


def test_who_stands_still_is_slow_although_keypoints_tremble():
    assert pace([view(standing())]).max() < 1e-9
    assert pace([view(standing(0.02))]).max() < 0.25


@pytest.mark.parametrize("hz", [0.3, 0.6])
def test_the_speed_is_that_of_the_limbs(hz):
    middle = pace([view(turning(0.3, hz))])[20:-20]
    np.testing.assert_allclose(middle, 2 * np.pi * 0.3 * hz, rtol=0.2)


def test_a_burst_is_told_where_it_is():
    points = standing()
    points[40:50, 15] += np.linspace(0, 1.5, 10)[:, None]  # one ankle alone is no quick person
    slow = pace([view(points)]).max()
    points[40:50, 5:17:2] += np.linspace(0, 1.5, 10)[:, None, None]
    found = pace([view(points)])
    assert found[40:50].min() > 3 * slow and found.argmax() in range(38, 54)


def test_unseen_frames_take_the_speed_of_their_neighbours():
    moving = turning(0.3, 0.5)
    weight = np.ones((FRAMES, 17))
    weight[30:60] = 0
    moving[30:60] = 1e3  # never looked at
    np.testing.assert_allclose(pace([view(moving, weight)])[35:55], pace([view(moving)])[20], 0.3)
    assert pace([view(moving, np.zeros((FRAMES, 17)))]).max() == 0


def test_of_several_views_the_quickest_counts():
    slow, fast = view(turning(0.1, 0.5)), view(turning(0.3, 0.5))
    np.testing.assert_array_equal(pace([slow, fast]), pace([fast]))
    dark = dataclasses.replace(fast, weight=np.zeros((FRAMES, 17)))
    np.testing.assert_array_equal(pace([slow, dark]), pace([slow]))
