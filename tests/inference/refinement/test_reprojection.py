"""Derivatives of reprojections by points and cameras, through all that follows from the clip."""

from __future__ import annotations

import numpy as np
import pytest

from vimoflow.inference.refinement.reprojection import Reprojection, View, reproject
from vimoflow.inference.refinement.reprojection_derivatives import derivatives

FRAMES, STEP, MOTION = 6, 1e-6, 3
CAMERA = np.array([0.4, -0.2, 0.1, 0.2, -0.3])


def view(placed: list[bool], seed: int = 0) -> View:
    rng = np.random.default_rng(seed)
    weight = rng.uniform(0, 1, (FRAMES, 17)) * (rng.uniform(size=(FRAMES, 17)) < 0.8)
    weight[-1] = 0.0  # a frame in which nothing was seen
    points, track = rng.normal(size=(FRAMES, 17, 2)), rng.normal(size=(FRAMES, 2))
    return View(points, weight, track, np.array(placed))


def residual(seen: Reprojection) -> np.ndarray:
    return np.concatenate((seen.pose.reshape(FRAMES, -1), seen.place), axis=1)


PLACED = {
    "a still camera": [True] * FRAMES,
    "a moving camera": [False] * FRAMES,
    "a camera that begins to stand still": [False, False, True, True, False, True],
}


@pytest.mark.parametrize("placed", PLACED.values(), ids=PLACED)
@pytest.mark.parametrize("near", [False, True], ids=["far", "at the limits"])
def test_derivatives(placed: list[bool], near: bool) -> None:
    """Whatever the points depend on: random directions of the whole motion, and the camera."""
    rng = np.random.default_rng(1)
    points = rng.normal(size=(FRAMES, 17, 3)) * (4.0 if near else 0.5)
    ways = rng.normal(size=(FRAMES, 51, MOTION))
    seen = view(placed)

    def at(numbers: np.ndarray) -> np.ndarray:
        moved = points + (ways @ numbers[:MOTION]).reshape(points.shape)
        return residual(reproject(moved, CAMERA + numbers[MOTION:], seen))

    spans = (slice(0, 4), slice(4, FRAMES))
    d = [derivatives(reproject(points, CAMERA, seen), span, ways[span]) for span in spans]
    by = np.concatenate([x.residual for x in d])
    summaries = sum(x.summaries.sum(0) for x in d)
    own = MOTION + len(CAMERA)
    bound = np.linalg.solve(np.eye(4) - summaries[:, own:], summaries[:, :own])
    total = by[..., :own] + by[..., own:] @ bound
    for number in range(own):
        step = STEP * np.eye(own)[number]
        slope = (at(step) - at(-step)) / (2 * STEP)
        np.testing.assert_allclose(total[..., number], slope, atol=2e-6, rtol=2e-6)


def test_the_limits_are_reached_where_the_test_says_so() -> None:
    rng = np.random.default_rng(1)
    points = rng.normal(size=(FRAMES, 17, 3))
    far, near = (reproject(points * size, CAMERA, view([True] * FRAMES)) for size in (0.5, 4.0))
    assert far.depth_counts.all() and not near.depth_counts.all()
    assert far.scale_counts.any() and not near.scale_counts.all()
