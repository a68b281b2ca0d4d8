"""Two dancers in one picture, each followed by a graph of its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vimoflow.keypoints import mediapipe_pose
from vimoflow.keypoints.estimators import extract_people, find_people_estimator
from vimoflow.keypoints.mediapipe_pose import MediaPipeEstimator
from vimoflow.keypoints.people_mediapipe import people_in
from vimoflow.registry import DETECTORS
from vimoflow.video import VideoFrame, VideoWriter, frames


def write_two(source: Path, path: Path, seconds: float) -> Path:
    """The dancer twice, the second time mirrored."""
    with VideoWriter(path, (1280, 720), 30.0) as writer:
        for frame in frames(source, end=seconds):
            half = frame.rgb[:, 320:960]
            writer.write(np.ascontiguousarray(np.hstack([half, half[:, ::-1]])), frame.time)
    return path


def test_everybody_is_found_and_told_apart(shared_data: Path, tmp_path: Path) -> None:
    path = write_two(shared_data / "video" / "hiphop.mp4", tmp_path / "two.mp4", 0.7)
    found = extract_people(path, MediaPipeEstimator())
    assert [one.person for one in found.people] == ["1", "2"]
    left, right = sorted(found.people, key=lambda one: one.points[..., 0].sum())
    assert left.observed.all() and right.observed.all()
    assert left.image_size == (1280, 720) and len(left) == len(right) >= 20
    # The mirrored dancer's nose is in the mirrored place.
    assert np.abs(1280 - left.points[:, 0, 0] - right.points[:, 0, 0]).max() < 25
    assert np.abs(left.points[:, 0, 1] - right.points[:, 0, 1]).max() < 25


def test_nobody_is_found_in_grey() -> None:
    grey = np.full((240, 320, 3), 90, np.uint8)
    stream = [VideoFrame(grey, k / 30, k) for k in range(3)]
    assert [len(people) for people in people_in(stream)] == [0, 0, 0]


@pytest.mark.parametrize("name", DETECTORS.names)
def test_all_detectors_follow_the_protocol(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # Models that MediaPipe would fetch are loaded when frames come, so none is needed here.
    monkeypatch.setattr(mediapipe_pose, "_have", lambda file: True)
    assert find_people_estimator(name)().name
