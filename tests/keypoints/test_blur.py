"""Blur around the person: told by pictures that were blurred, and by these alone."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from vimoflow.conventions import COCO_NAMES
from vimoflow.keypoints.blur import BlurWatch, blur_around
from vimoflow.motion.kinematics import coco_points
from vimoflow.motion.skeleton import load_skeleton
from vimoflow.video import VideoFrame

HEIGHT_PX = 300


def standing() -> np.ndarray:
    """COCO points of the skeleton at rest in a picture of 640 x 480, all seen."""
    import torch

    eye = torch.eye(3, dtype=torch.float64).expand(24, 3, 3)
    places = coco_points(eye, torch.from_numpy(load_skeleton().rest_positions())).numpy()
    scale = HEIGHT_PX / 1.7
    xy = np.stack((320 + scale * places[:, 0], 240 - scale * places[:, 1]), axis=-1)
    return np.concatenate((xy, np.ones((len(COCO_NAMES), 1))), axis=-1)


def picture(along_px: int = 0) -> np.ndarray:
    """Shapes with sharp edges, blurred along one direction."""
    rng = np.random.default_rng(0)
    rgb = np.full((480, 640, 3), 128, np.uint8)
    for _ in range(150):
        x, y, w, h = rng.integers((0, 0, 15, 15), (640, 480, 80, 80))
        colour = tuple(int(c) for c in rng.integers(0, 255, 3))
        cv2.rectangle(rgb, (int(x), int(y)), (int(x + w), int(y + h)), colour, -1)
    return cv2.blur(rgb, (along_px, 1)) if along_px else rgb


def test_blur_grows_with_how_far_the_picture_is_smeared() -> None:
    found = [blur_around(picture(n), standing()) for n in (0, 5, 9, 18, 36)]
    assert found == sorted(found)
    assert found[0] < 0.45 < 0.52 < found[3]


@pytest.mark.parametrize("factor", [0.6, 2.0])
def test_it_is_relative_to_the_person(factor: float) -> None:
    points = standing() * (factor, factor, 1.0)
    for along in (0, 24):
        rgb = cv2.resize(picture(along), None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        assert blur_around(rgb, points) == pytest.approx(
            blur_around(picture(along), standing()), abs=0.05
        )


def test_who_is_small_or_unseen_counts_as_sharp() -> None:
    assert blur_around(picture(36), standing() * (0.3, 0.3, 1.0)) == 0
    assert blur_around(picture(36), standing() * 0) == 0
    beyond = standing()
    beyond[:, 0] += 5000.0
    assert blur_around(picture(36), beyond) == 0


class Told:
    """A detector that knows where people are."""

    name = "told"

    def __init__(self, people: int) -> None:
        self.people = people

    def estimate(self, frames):  # type: ignore[no-untyped-def]
        for _ in frames:
            yield np.concatenate([standing()] * self.people or [np.zeros((0, 3))])


@pytest.mark.parametrize("people", [1, 2])
def test_the_seconds_of_blurred_pictures_are_told(people: int) -> None:
    watch = BlurWatch(Told(people))
    seen = [VideoFrame(picture(36 if 2 <= i / 10 < 3 else 0), i / 10, i) for i in range(50)]
    assert len(list(watch.estimate(seen))) == 50
    ((start, end),) = watch.spans_s
    assert start == pytest.approx(2.0, abs=0.5) and end == pytest.approx(3.0, abs=0.5)


def test_nobody_is_not_blurred() -> None:
    watch = BlurWatch(Told(0))
    assert len(list(watch.estimate([VideoFrame(picture(36), 0.0, 0)]))) == 1
    assert watch.spans_s == ()
