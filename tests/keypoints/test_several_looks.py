"""Three looks at a picture: which of them count, and what a mirror image tells."""

from __future__ import annotations

from itertools import islice, permutations
from pathlib import Path

import numpy as np
import pytest

from vimoflow.keypoints.estimators import extract, find_estimator
from vimoflow.keypoints.mediapipe_pose import PoseGraph, import_mediapipe
from vimoflow.keypoints.mirroring import OTHER_SIDE
from vimoflow.keypoints.several_looks import _unmirrored, in_their_midst
from vimoflow.video import VideoFrame, frames


def _looks(seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    place = rng.uniform(0, 500, (17, 2))
    xy = place + rng.normal(0, 2, (3, 17, 2))
    return np.concatenate((xy, rng.uniform(0.3, 1, (3, 17, 1))), axis=-1)


def test_two_that_agree_outvote_a_third_however_far_it_is() -> None:
    looks = _looks()
    strayed = looks.copy()
    strayed[1, :, :2] += 300
    between = strayed[[0, 2], :, :2].mean(axis=0)
    off = np.linalg.norm(in_their_midst(strayed, 3.0)[:, :2] - between, axis=-1)
    apart = np.linalg.norm(strayed[0, :, :2] - strayed[2, :, :2], axis=-1)
    assert (off < np.maximum(apart, 6.0)).all()  # their mean would be off by 140


def test_the_order_of_the_looks_does_not_matter_and_equal_looks_are_kept() -> None:
    looks = _looks(1)
    expected = in_their_midst(looks, 3.0)
    for order in permutations(range(3)):
        np.testing.assert_allclose(in_their_midst(looks[list(order)], 3.0), expected, atol=2e-3)
    np.testing.assert_allclose(in_their_midst(looks[[0, 0, 0]], 3.0), looks[0], atol=1e-3)


def test_who_has_not_seen_a_point_has_no_say() -> None:
    looks = _looks(2)
    looks[0, 3] = 0
    looks[:, 9] = 0
    middle = in_their_midst(looks, 3.0)
    np.testing.assert_allclose(middle[3], looks[1:, 3].mean(axis=0), atol=1e-2)
    assert not middle[9].any()


def test_a_mirror_image_is_looked_at_as_the_picture_is(shared_data) -> None:
    """What is seen in the mirror image of a mirrored frame is what is seen in the frame."""
    shown = list(islice(frames(shared_data / "video" / "hiphop.mp4"), 4))
    width = shown[0].rgb.shape[1]
    with PoseGraph() as plain, PoseGraph() as other:
        for frame in shown:
            points = plain.points(frame)
            turned = VideoFrame(np.ascontiguousarray(frame.rgb[:, ::-1]), frame.time, frame.index)
            seen = _unmirrored(other, turned)[OTHER_SIDE]
            np.testing.assert_allclose(width - seen[:, 0], points[:, 0], atol=0.01)
            np.testing.assert_allclose(seen[:, 1:], points[:, 1:], atol=0.01)


def test_three_looks_see_the_dancer(shared_data) -> None:
    models = Path(import_mediapipe().__file__).parent / "modules" / "pose_landmark"
    if not (models / "pose_landmark_heavy.tflite").is_file():
        pytest.skip("pose_landmark_heavy.tflite is not where MediaPipe looks for it")
    clip = shared_data / "video" / "hiphop.mp4"
    found = extract(clip, find_estimator("mediapipe-three")(), end=0.3).keypoints
    heavy = extract(clip, find_estimator("mediapipe-heavy")(), end=0.3).keypoints
    assert found.estimator == "mediapipe-three-0.10.21"
    assert np.median(np.linalg.norm((found.points - heavy.points)[..., :2], axis=-1)) < 15
