"""How a camera moved, from corners that are followed over many frames."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from vimoflow.video.background import Corners, _bridged

RNG = np.random.default_rng(0)
FEW, MANY = 2, 40


def path_of_a_cropped_pan(lost: range) -> np.ndarray:
    """Shifts by the focal length that are found where a picture shifts by 0.01 a frame."""
    corners = Corners()
    corners.go_on(np.zeros((0, 2)), np.zeros(0, bool))
    for frame in range(40):
        places = RNG.uniform((-0.5, -0.3), (0.5, 0.3), (MANY, 2))
        if frame == 0:
            corners.begin(places)
        shift, noise = np.array((-0.01, 0.0)), RNG.normal(0, 2e-4, corners.places.shape)
        kept = np.full(len(corners.places), frame not in lost)
        if corners.go_on(corners.places + shift + noise, kept):
            corners.begin(places[: FEW if frame in lost else MANY])
    path = corners.path()
    assert path is not None and not path.travels and path.focal is not None
    assert (path.zoom == 1).all()
    return path.focal * path.heading


@pytest.mark.parametrize("lost", [range(0), range(18, 24)], ids=["always seen", "with a gap"])
def test_a_cropped_pan_shifts_as_it_did(lost: range) -> None:
    shifts = path_of_a_cropped_pan(lost)
    assert np.allclose(shifts, 0.01 * np.arange(41), atol=0.01)


def test_ten_minutes_of_steps_are_bridged_in_little_memory() -> None:
    """Every frame once, not every frame for every other: that took gigabytes."""
    steps = np.full((18_000, 4), 0.01)
    steps[100:110], steps[5_000:5_100] = np.nan, np.nan
    tracemalloc.start()
    try:
        filled = _bridged(steps)
        assert tracemalloc.get_traced_memory()[1] < 20e6
    finally:
        tracemalloc.stop()
    assert np.allclose(filled[100:110], 0.01) and not filled[5_030:5_070].any()
