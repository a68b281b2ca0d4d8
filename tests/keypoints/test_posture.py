"""People who stand, lie and hang in the picture, and keypoints that are turned."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from vimoflow.keypoints.posture import sideways_hint, turned
from vimoflow.keypoints.sequence import Keypoints2D

Make = Callable[..., Keypoints2D]


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_the_hint_says_the_turn_that_puts_it_upright(swaying_keypoints: Make, degrees: int) -> None:
    upright = swaying_keypoints(30)
    (hint,) = sideways_hint(turned(upright, degrees))
    assert f"--rotate {360 - degrees} " in hint
    np.testing.assert_allclose(
        turned(turned(upright, degrees), 360 - degrees).points, upright.points, atol=1e-9
    )
    (hint,) = sideways_hint(turned(upright, degrees), rotated=90)
    assert f"--rotate {(450 - degrees) % 360} " in hint


def test_who_stands_is_left_alone(swaying_keypoints: Make) -> None:
    assert sideways_hint(swaying_keypoints(30)) == []


def test_floor_work_in_half_the_frames_is_no_hint(swaying_keypoints: Make) -> None:
    upright = swaying_keypoints(30)
    points = upright.points.copy()
    points[10:] = turned(upright, 90).points[10:]
    mixed = Keypoints2D(points, upright.timestamps, (1280, 1280))
    assert sideways_hint(mixed) == []


def test_a_moment_is_no_hint(swaying_keypoints: Make) -> None:
    assert sideways_hint(turned(swaying_keypoints(3), 90)) == []


def test_a_turned_picture_has_turned_places() -> None:
    points = np.zeros((1, 17, 3))
    points[0, 0] = (100, 20, 1)  # near the top of a wide picture: at its right edge afterwards
    found = turned(Keypoints2D(points, np.zeros(1), (640, 480)), 90)
    assert found.points[0, 0].tolist() == [460, 100, 1] and found.image_size == (480, 640)
    assert not found.points[0, 1:].any()
