"""Keypoints of any frame rate at the model's 30 fps."""

from __future__ import annotations

import numpy as np
import pytest

from vimoflow.inference.conditioning.resampling import model_times, resample_keypoints
from vimoflow.keypoints.sequence import Keypoints2D


def moving(times: np.ndarray, start: float = 0.0) -> Keypoints2D:
    """All points move evenly: x = 100 t + joint, y = 50 t, confidence 0.8."""
    points = np.empty((len(times), 17, 3))
    points[..., 0] = 100 * times[:, None] + np.arange(17)
    points[..., 1] = 50 * times[:, None]
    points[..., 2] = 0.8
    return Keypoints2D(points=points, timestamps=times + start, image_size=(640, 480))


def test_30_fps_is_left_as_it_is() -> None:
    keypoints = moving(np.arange(40) / 30)
    times = model_times(keypoints)
    np.testing.assert_allclose(times, keypoints.timestamps)
    np.testing.assert_allclose(resample_keypoints(keypoints, times), keypoints.points, atol=1e-4)


@pytest.mark.parametrize("fps", [60.0, 120.0, 24000 / 1001, 25.0, 30000 / 1001, 12.0])
@pytest.mark.parametrize("start", [0.0, 3.7])
def test_other_rates_keep_the_clock(fps: float, start: float) -> None:
    keypoints = moving(np.arange(90) / fps, start)
    times = model_times(keypoints)
    assert times[0] == start
    np.testing.assert_allclose(np.diff(times), 1 / 30)
    assert -1e-6 < times[-1] - keypoints.timestamps[-1] < 1 / 30 + 1e-6  # covers, and no more
    points = resample_keypoints(keypoints, times)
    inside = times <= keypoints.timestamps[-1] + 1e-6
    np.testing.assert_allclose(points[inside], moving(times - start).points[inside], atol=1e-3)
    np.testing.assert_allclose(points[~inside][..., 2], 0.8, atol=1e-6)  # held for part of a frame


def test_uneven_times_are_respected() -> None:
    times = np.cumsum(np.random.default_rng(0).uniform(0.01, 0.1, 50))
    keypoints = moving(times - times[0])
    wanted = model_times(keypoints)[:-1]
    expected = moving(wanted).points
    np.testing.assert_allclose(resample_keypoints(keypoints, wanted), expected, atol=1e-3)


def test_a_gap_of_the_video_is_not_bridged() -> None:
    times = np.concatenate((np.arange(30), np.arange(60, 90))) / 30  # a second is missing
    points = resample_keypoints(keypoints := moving(times), wanted := model_times(keypoints))
    far = (wanted > times[29] + 0.151) & (wanted < times[30] - 0.151)
    assert far.sum() >= 20 and not points[far].any()
    near = ~far
    assert (points[near][..., 2] > 0).all()
    # Next to the gap the nearer frame's points are held; nothing slides across.
    x = points[near][:, 0, 0].numpy()
    assert np.abs(x[:, None] - 100 * times).min(axis=1).max() < 1e-3


def test_a_missing_point_stays_missing_until_it_is_nearer() -> None:
    keypoints = moving(np.arange(10) / 60)
    keypoints.points[4:6, 3] = 0.0
    points = resample_keypoints(keypoints, (np.arange(36) + 0.5) / 240)  # quarters of a frame
    seen = points[:, 3, 2] > 0
    expected = np.ones(36, dtype=bool)
    expected[14:22] = False  # from half a frame after frame 3 to half a frame before frame 6
    np.testing.assert_array_equal(seen, expected)
    assert (points[:, 4, 2] > 0).all()
    assert not points[:, 3][~seen].any()


def test_one_frame() -> None:
    keypoints = moving(np.array([0.0]))
    times = model_times(keypoints)
    assert len(times) == 1
    np.testing.assert_allclose(resample_keypoints(keypoints, times), keypoints.points)
