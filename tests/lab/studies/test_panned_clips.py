"""Real clips panned: what a virtual camera sees of a picture, and the table."""

from __future__ import annotations

import numpy as np
import pytest

from lab.studies.panned_clips import KINDS, Filming, Seen, panned_table
from vimoflow.geometry.camera_path import CameraPath
from vimoflow.video import VideoFrame

SIZE = (1600, 900)


def places(filming: Filming, time_s: float) -> np.ndarray:
    """Where in the real picture the view's corners and its middle are."""
    height = 640 * filming.tall * SIZE[1] / (filming.share * SIZE[0])
    own = np.array([[0, 0, 1], [640, 0, 1], [0, height, 1], [640, height, 1], [320, height / 2, 1]])
    there = own @ filming.mapping(time_s, SIZE).T
    return there[:, :2] / there[:, 2:]


@pytest.mark.parametrize("kind", KINDS)
def test_the_view_stays_in_the_picture_but_for_a_turned_ones_corners(kind: str) -> None:
    seen = np.stack([places(Filming(kind), t) for t in np.linspace(0, 3, 31)])
    beyond = 0.07 * SIZE[0] if kind == "turned, 0.8" else 1
    assert (seen >= -beyond).all() and (seen <= np.array(SIZE) + beyond).all()
    assert (seen[:, 4] > 0.3 * np.array(SIZE)).all() and (seen[:, 4] < 0.7 * np.array(SIZE)).all()


def test_crops_shift_and_turns_bend() -> None:
    still, crop, turned = (Filming(kind) for kind in ("still", "cropped", "turned, 0.8"))
    shift = places(crop, 0.0) - places(still, 0.0)
    assert np.allclose(shift, (0.15 * SIZE[0], 0))
    assert np.allclose(places(crop, 0.75), places(still, 0.0))  # a quarter of the period
    left, right = places(turned, 0.0)[[0, 2]], places(turned, 0.0)[[1, 3]]
    assert np.ptp(right[:, 1]) > 1.05 * np.ptp(left[:, 1])  # the far side is drawn out
    assert np.allclose(places(turned, 0.0)[4], places(crop, 0.0)[4])  # it looks as far aside


def test_pictures_are_what_the_mapping_says() -> None:
    rgb = np.zeros((*SIZE[::-1], 3), np.uint8)
    rgb[:, 800:] = 255
    view = next(Filming("cropped").views([VideoFrame(rgb, 0.0, 0)])).rgb
    edge = int(np.argmax(view[100, :, 0] > 127))
    filming = Filming("cropped")
    assert view.shape[1] == 640
    assert (filming.mapping(0.0, SIZE) @ (edge, 100, 1))[0] == pytest.approx(800, abs=2)


def test_the_table_compares_with_the_still_camera() -> None:
    path = np.zeros((5, 3))
    moved = path + np.array([0.03, 9.0, 0.04])
    both = [Seen("still", path, CameraPath.still(5)), Seen("cropped", moved, None)]
    lines = panned_table("a.mp4", both).splitlines()
    assert lines[0] == "a.mp4:" and "the camera stood still" in lines[1]
    assert "off the still one 0 mm" in lines[1] and "off the still one 50 mm" in lines[2]
