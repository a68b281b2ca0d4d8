"""Cuts: told by jumping keypoints and changing pictures, and by nothing else."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from vimoflow.keypoints.cuts import CutWatch, keypoint_cuts
from vimoflow.video import VideoFrame


def mirrored_from(keypoints, cut: int):
    """From ``cut`` on seen from behind: x mirrored about another place."""
    points = keypoints.points.copy()
    points[cut:, :, 0] = 1000 - 0.8 * points[cut:, :, 0]
    return dataclasses.replace(keypoints, points=points)


def test_one_shot_has_no_cut(swaying_keypoints):
    assert keypoint_cuts(swaying_keypoints(90)) == ()
    assert keypoint_cuts(swaying_keypoints(3)) == ()


@pytest.mark.parametrize("cut", [12, 40, 80])
def test_another_camera_is_found(swaying_keypoints, cut):
    assert keypoint_cuts(mirrored_from(swaying_keypoints(90), cut)) == (cut,)


def test_a_detector_that_has_just_found_somebody_makes_no_cut(swaying_keypoints):
    """As MediaPipe in the demo clip: found at frame 3, where they are from frame 7 on."""
    keypoints = swaying_keypoints(90)
    points = keypoints.points.copy()
    points[3:7, :, 0] += 300
    points[:3] = 0
    assert keypoint_cuts(dataclasses.replace(keypoints, points=points)) == ()


def test_a_moment_elsewhere_is_no_cut(swaying_keypoints):
    keypoints = swaying_keypoints(90)
    lost = keypoints.points.copy()
    lost[50:57, :, 0] += 300
    assert keypoint_cuts(dataclasses.replace(keypoints, points=lost)) == ()


class Counting:
    """An estimator that says how many frames it has seen since it was made."""

    name = "counting"

    def estimate(self, frames):
        for number, _ in enumerate(frames):
            yield np.full((17, 3), float(number))


def test_the_detector_starts_anew_where_the_picture_changes():
    rng = np.random.default_rng(0)
    scenes = [np.kron(rng.integers(0, 255, (5, 8, 3)), np.ones((20, 20, 1))) for _ in range(2)]
    frames = [VideoFrame(scenes[i >= 6].astype(np.uint8), i / 30, i) for i in range(10)]
    watch = CutWatch(Counting)
    rows = [row[0, 0] for row in watch.estimate(frames)]
    assert rows == [0, 1, 2, 3, 4, 5, 0, 1, 2, 3] and watch.name == "counting"
