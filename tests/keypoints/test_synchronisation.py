"""Views are brought together by their motion: synthetic cameras, and real ones of AIST++."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from vimoflow.geometry.correlation import Lag
from vimoflow.keypoints.aistpp_views import read_keypoints2d
from vimoflow.keypoints.sequence import Keypoints2D
from vimoflow.keypoints.synchronisation import motion_offsets, spanning_offsets

_T = np.arange(0, 12, 1 / 240)


def dancer(heading: float) -> np.ndarray:
    """(frames at 240 Hz, 17, 2): points that move without repeating, seen from a side."""
    rng = np.random.default_rng(3)
    rates, phases = rng.uniform(0.3, 2.5, (17, 3, 6)), rng.uniform(0, 6, (17, 3, 6))
    rest = np.stack([rng.uniform(-0.3, 0.3, 17), np.linspace(1.7, 0.1, 17), 0 * rates[:, 0, 0]], 1)
    swing = np.sin(2 * np.pi * rates * _T[:, None, None, None] + phases).sum(-1)
    x, y, z = np.moveaxis(rest + 0.05 * swing, -1, 0)
    depth = 5 + z * np.cos(heading) - x * np.sin(heading)
    sideways = x * np.cos(heading) + z * np.sin(heading)
    return np.stack([960 + 1000 * sideways / depth, 540 - 1000 * (y - 1) / depth], axis=-1)


def view(heading: float, start_s: float, fps: int, length_s: float = 8.0) -> Keypoints2D:
    step = 240 // fps
    first = round(start_s * 240)
    xy = dancer(heading)[first : first + round(length_s * 240) : step]
    noise = np.random.default_rng(round(100 * abs(heading))).normal(0, 2, xy.shape)
    points = np.concatenate([xy + noise, np.full((*xy.shape[:2], 1), 0.9)], axis=-1)
    return Keypoints2D(points, np.arange(len(xy)) / fps, (1920, 1080), f"{heading}")


def offset_s(first: Keypoints2D, other: Keypoints2D) -> float:
    return motion_offsets([first, other])[1].seconds


@pytest.mark.parametrize(("start", "fps"), [(0.0, 30), (1.9, 60), (0.9125, 24), (3.0, 240)])
def test_another_side_another_rate_another_length(start: float, fps: int) -> None:
    first, other = view(0.0, 1.0, 30), view(1.8, start, fps, 7.0)
    assert offset_s(first, other) == pytest.approx(start - 1.0, abs=0.5 / 60)


def test_a_person_who_leaves_and_returns() -> None:
    first, other = view(0.0, 1.0, 30), view(-0.9, 2.0, 30)
    first.points[60:110] = 0.0
    other.points[100:150, 9:] = 0.0
    assert offset_s(first, other) == pytest.approx(1.0, abs=0.5 / 60)


def test_clocks_that_start_elsewhere() -> None:
    first, other = view(0.0, 1.0, 30), view(0.5, 1.5, 30)
    later = Keypoints2D(other.points, other.timestamps + 7.0, other.image_size)
    found = motion_offsets([first, later])
    assert [o.method for o in found] == ["first", "motion"]
    assert found[1].seconds == pytest.approx(0.5 - 7.0, abs=0.01)


def test_a_view_is_reached_through_others() -> None:
    sure, wrong = 0.9, 0.1
    lags = {
        (0, 1): Lag(1.0, sure, 0.8),
        (1, 2): Lag(-0.25, sure, 0.5),
        (0, 2): Lag(9.0, wrong, 0.0),
    }
    found = spanning_offsets(lags, 3)
    assert [lag.seconds for lag in found] == [0.0, 1.0, 0.75]
    assert found[2].certainty == 0.5


def test_real_views_of_one_dance(shared_data: Path) -> None:
    """Within a frame of 30 Hz; the cameras themselves are up to a frame apart (docs/video.md)."""
    path = shared_data / "aistpp" / "keypoints2d" / "gJS_sBM_cAll_d03_mJS2_ch07.pkl"
    points = read_keypoints2d(path)
    for number, (i, j) in enumerate(itertools.pairwise((0, 2, 5, 8))):
        late = 17 * number + 40
        clock = np.arange(points.shape[1]) / 60
        first = Keypoints2D(points[i], clock, (1920, 1080))
        other = Keypoints2D(points[j, late::2], clock[late::2] - clock[late], (1920, 1080))
        assert offset_s(first, other) == pytest.approx(late / 60, abs=1 / 30)
