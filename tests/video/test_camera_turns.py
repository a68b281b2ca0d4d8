"""Turns, zoom and focal length from corners of the background."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from vimoflow.video.camera_turns import (
    Span,
    best_focal,
    best_lens,
    fitted_turn,
    fitted_turns,
    travel_of,
    travelling_focal,
)

RNG = np.random.default_rng(0)
CORNERS = RNG.uniform(-0.5, 0.5, (100, 2)) * (1, 0.6)


def turned(vector: tuple[float, float, float], focal: float, zoom: float = 1.0) -> np.ndarray:
    """Where the corners are after the directions to them turned by a rotation vector."""
    rays = np.concatenate((CORNERS / focal, np.ones((len(CORNERS), 1))), axis=1)
    rays = rays @ Rotation.from_rotvec(vector).as_matrix().T
    return zoom * focal * rays[:, :2] / rays[:, 2:]


@pytest.mark.parametrize("focal", [0.6, 0.8, 1.6])
def test_a_turn_and_a_zoom_are_found_though_a_fifth_of_the_corners_goes_its_own_way(
    focal: float,
) -> None:
    after = turned((0.02, -0.08, 0.03), focal, 1.1)
    after[:20] += RNG.normal(0, 0.05, (20, 2))
    found = fitted_turn(CORNERS, after, focal)
    assert np.allclose(Rotation.from_matrix(found.R).as_rotvec(), (0.02, -0.08, 0.03), atol=2e-4)
    assert found.zoom == pytest.approx(1.1, rel=1e-3)


def test_spans_of_unequal_corners_are_fitted_together_as_alone() -> None:
    spans = [
        Span(0, 9, CORNERS[:count], turned((0.01, angle, 0), 0.8)[:count])
        for count, angle in ((100, 0.1), (31, -0.05), (8, 0.02))
    ]
    for span, found in zip(spans, fitted_turns(spans), strict=True):
        alone = fitted_turn(span.before, span.after)
        assert np.allclose(found.R, alone.R, atol=1e-9)
        assert (found.zoom, found.off) == pytest.approx((alone.zoom, alone.off), abs=1e-9)


@pytest.mark.parametrize("zooms", [True, False])
@pytest.mark.parametrize("focal", [0.6, 1.2, 1.6])
def test_large_turns_tell_the_focal_length(focal: float, zooms: bool) -> None:
    spans = [Span(0, 9, CORNERS, turned((0, angle, 0), focal)) for angle in (0.15, -0.12)]
    assert best_focal(spans, zooms).focal == pytest.approx(focal, rel=0.13)


def test_small_turns_tell_none() -> None:
    assert best_focal([Span(0, 9, CORNERS, turned((0, 0.01, 0), 1.5))]).focal is None


def test_what_only_shifts_has_a_long_lens_and_does_not_zoom() -> None:
    aside = CORNERS[CORNERS[:, 0] > 0.2]  # on one side of the picture a wrong lens looks like zoom
    found = aside + RNG.normal(0, 3e-4, aside.shape)
    spans = [Span(0, 9, aside, found + np.array((shift, 0))) for shift in (0.15, -0.2)]
    focal, zooms = best_lens(spans)
    assert focal is not None and focal > 5 and not zooms


def test_a_zoom_is_one() -> None:
    spans = [Span(0, 9, CORNERS, turned((0, 0.02, 0), 0.8, zoom)) for zoom in (1.1, 0.9)]
    assert best_lens(spans)[1]


def seen_on_the_way(focal: float, turn: float, way: tuple[float, float, float]) -> Span:
    """Corners of a room before and after a camera went a way (metres) and turned, not noiseless."""
    room = np.c_[CORNERS * 8, RNG.uniform(3, 9, len(CORNERS))]
    R = Rotation.from_rotvec((0, turn, 0)).as_matrix()
    places = [focal * x[:, :2] / x[:, 2:] for x in (room, (room - np.array(way)) @ R.T)]
    noisy = [x + RNG.normal(0, 5e-4, x.shape) for x in places]
    noisy[1][:15] += RNG.normal(0, 0.05, (15, 2))
    return Span(0, 9, *noisy)


def orbit(focal: float, turn: float, height: float = 0.6) -> Span:
    """Around somebody five metres away, rising: no way in a plane with the camera's axes."""
    way = (-5 * np.sin(turn), -height, 5 * (1 - np.cos(turn)))
    return seen_on_the_way(focal, turn, way)


@pytest.mark.parametrize("focal", [0.5, 0.8, 1.3])
def test_a_camera_that_circles_tells_its_lens_and_how_far_it_turned(focal: float) -> None:
    spans = [orbit(focal, turn) for turn in (0.3, -0.4, 0.5)]
    found = travelling_focal(spans)
    assert (found or 0.8) == pytest.approx(focal, rel=0.1)
    for span, turn in zip(spans, (0.3, -0.4, 0.5), strict=True):
        travel = travel_of(span, focal)
        assert travel is not None
        assert np.allclose(Rotation.from_matrix(travel.R).as_rotvec(), (0, turn, 0), atol=0.01)


def test_a_camera_that_goes_straight_on_tells_no_lens() -> None:
    assert travelling_focal([seen_on_the_way(1.3, 0.0, (0.5, 0, 0.2)) for _ in range(3)]) is None
