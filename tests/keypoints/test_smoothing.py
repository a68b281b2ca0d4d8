"""The One-Euro filter: rest becomes steady, motion stays, gaps and clocks are respected."""

from __future__ import annotations

import numpy as np
import pytest

from vimoflow.errors import ConfigError
from vimoflow.keypoints.mirroring import mirrored
from vimoflow.keypoints.sequence import Keypoints2D
from vimoflow.keypoints.smoothing import OneEuro, smooth

HEIGHT = 500.0  # pixels


def person(times: np.ndarray, offset: np.ndarray | float = 0.0) -> Keypoints2D:
    """Somebody who stands, all points moved by ``offset`` (frames, 2)."""
    rest = np.stack([np.full(17, 300.0), np.linspace(100, 100 + HEIGHT, 17)], axis=-1)
    moved = np.zeros((len(times), 2)) + offset
    places = rest + moved[:, None]
    confidence = np.full((len(times), 17, 1), 0.8)
    return Keypoints2D(np.concatenate([places, confidence], -1), times, (640, 720))


def test_noise_at_rest_is_at_least_halved() -> None:
    times = np.arange(300) / 30
    noise = np.random.default_rng(0).normal(0, 0.004 * HEIGHT, (300, 2))
    before = person(times, noise)
    after = smooth(before)
    jitter = [np.diff(k.points[20:-20, :, :2], axis=0).std() for k in (before, after)]
    assert jitter[1] < 0.5 * jitter[0]


@pytest.mark.parametrize(("hz", "kept"), [(1, 0.97), (2, 0.92), (4, 0.85)])
def test_motion_keeps_its_amplitude_and_does_not_lag(hz: float, kept: float) -> None:
    times = np.arange(240) / 60
    wave = 0.05 * HEIGHT * np.sin(2 * np.pi * hz * times)
    after = smooth(person(times, np.stack([0 * wave, wave], 1)))
    got = after.points[60:180, 0, 1] - 100.0
    basis = np.stack([np.sin(2 * np.pi * hz * times), np.cos(2 * np.pi * hz * times)], 1)[60:180]
    (sine, cosine), *_ = np.linalg.lstsq(basis, got, rcond=None)
    assert sine / (0.05 * HEIGHT) > kept and abs(np.arctan2(cosine, sine)) < 0.02


def test_uneven_clocks_give_what_an_even_one_does() -> None:
    fine = np.arange(2400) / 240
    kept = np.sort(np.random.default_rng(0).choice(2400, 800, replace=False))
    walk = np.stack([30 * fine, 20 * np.sin(fine)], 1)
    even, uneven = smooth(person(fine, walk)), smooth(person(fine[kept], walk[kept]))
    difference = uneven.points[50:-50, :, :2] - even.points[kept][50:-50, :, :2]
    assert np.abs(difference).max() < 0.01 * HEIGHT


def test_a_gap_starts_anew_and_unseen_points_stay() -> None:
    times = np.arange(60) / 30
    jump = np.where(np.arange(60)[:, None] < 30, 0.0, 200.0) * np.ones(2)
    before = person(times, jump)
    before.points[20:40] = 0.0
    after = smooth(before)
    np.testing.assert_allclose(after.points[40:], before.points[40:], atol=1e-9)
    np.testing.assert_allclose(after.points[:20], before.points[:20], atol=1e-9)
    assert not after.points[20:40].any()


def test_a_doubtful_place_counts_for_less() -> None:
    times = np.arange(60) / 30
    jump = np.zeros((60, 2))
    jump[30] = 0.02 * HEIGHT
    sure, doubtful = person(times, jump), person(times, jump)
    doubtful.points[30, :, 2] = 0.1
    moved = [np.abs(smooth(k).points[30, :, 0] - 300).max() for k in (sure, doubtful)]
    assert moved[1] < 0.6 * moved[0]


def test_settings_that_make_no_sense() -> None:
    with pytest.raises(ConfigError):
        OneEuro(rest_hz=0.0)


def test_mirrored_keypoints_exchange_sides_and_come_back() -> None:
    keypoints = person(np.arange(3) / 30)
    keypoints.points[:, 9, :2] = (10.0, 20.0)  # left wrist
    keypoints.points[:, 3] = 0.0  # left ear, not seen
    other = mirrored(keypoints)
    assert other.points[0, 10].tolist() == [630.0, 20.0, 0.8]
    assert not other.points[:, 4].any() and other.observed[:, 3].all()
    np.testing.assert_allclose(mirrored(other).points, keypoints.points)
