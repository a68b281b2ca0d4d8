from __future__ import annotations

import numpy as np
import pytest

from vimoflow.keypoints.people_boxes import Box, box_of, following, window_around

SIZE = (1280, 720)


def box(*edges: float) -> Box:
    return Box(*map(float, edges))


def test_common_share() -> None:
    one = box(0, 0, 10, 20)
    assert one.common_share(one) == 1
    assert one.common_share(box(5, 10, 105, 110)) == pytest.approx(5 * 10 / 200)
    assert one.common_share(box(10, 0, 20, 20)) == 0


def test_box_of_the_seen_points_has_room() -> None:
    points = np.zeros((17, 3))
    assert box_of(points) is None
    points[:2] = (100, 200, 0.5), (150, 300, 0.5)
    assert box_of(points) == box(90, 190, 160, 310)


@pytest.mark.parametrize(
    "person", [box(10, 10, 60, 160), box(1200, 600, 1300, 760), box(0, 0, 9, 9)]
)
def test_windows_lie_in_the_picture_in_whole_pixels(person: Box) -> None:
    window = window_around(person, SIZE)
    assert window == window.within(SIZE)
    assert person.within(SIZE).common_share(window) == pytest.approx(1)


def test_a_window_stands_still_until_the_person_comes_near_its_edge() -> None:
    window = window_around(box(600, 200, 700, 400), SIZE)
    nudged = box(605, 203, 705, 403)
    assert following(window, nudged, SIZE) == window
    for x in range(600, 1000, 5):
        person = box(x, 200, x + 100, 400)
        moved = following(window, person, SIZE)
        assert moved is not None and (moved.width, moved.height) == (window.width, window.height)
        assert person.common_share(moved) == pytest.approx(1)
        window = moved
    assert window.left > 700


def test_who_comes_much_nearer_needs_another_window() -> None:
    window = window_around(box(600, 200, 700, 400), SIZE)
    assert following(window, box(500, 100, 700, 500), SIZE) is None
    assert following(window, box(640, 290, 660, 310), SIZE) is None
    whole = box(0, 0, *SIZE)
    assert following(whole, box(100, 0, 1250, 720), SIZE) == whole
