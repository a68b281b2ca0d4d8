"""Turns, zoom and focal length from corners of the background."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from vimoflow.video.camera_turns import Span, best_focal, best_lens, fitted_turn

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
