"""Sides exchanged for a while are found along time, and what stands or moves fast is left alone."""

from __future__ import annotations

import numpy as np
import pytest

from vimoflow.keypoints import mending
from vimoflow.keypoints.mending import mended
from vimoflow.keypoints.mirroring import OTHER_SIDE
from vimoflow.keypoints.sequence import Keypoints2D

STANDING = np.array(
    [(0, 0), (3, -3), (-3, -3), (6, 0), (-6, 0), (18, 25), (-18, 25), (22, 52), (-22, 52),
     (24, 76), (-24, 76), (11, 78), (-11, 78), (12, 118), (-12, 118), (13, 157), (-13, 157)],
    float,
)  # fmt: skip


def swaying(frames: int = 60) -> Keypoints2D:
    """Somebody who sways and lifts the arms, seen with a little noise."""
    rng = np.random.default_rng(0)
    t = np.arange(frames) / 30
    places = np.repeat(STANDING[None] + (300, 100), frames, axis=0)
    places[..., 0] += 20 * np.sin(3 * t)[:, None]
    places[:, [9, 10], 1] -= 30 * (1 - np.cos(4 * t))[:, None]
    places += rng.normal(0, 1, places.shape)
    return Keypoints2D(np.concatenate([places, np.full((frames, 17, 1), 0.9)], -1), t, (640, 480))


def test_nothing_is_done_to_what_is_right() -> None:
    given = swaying()
    found = mended(given)
    assert found.keypoints is given and not found.lines


@pytest.mark.parametrize("group", [range(17), (7, 8, 9, 10), (13, 14, 15, 16)])
def test_exchanged_sides_are_put_back(group) -> None:
    right = swaying()
    points = right.points.copy()
    rows = np.ix_(range(20, 33), list(group))
    points[rows] = points[:, OTHER_SIDE][rows]
    found = mended(Keypoints2D(points, right.timestamps, right.image_size))
    assert np.array_equal(found.keypoints.points, right.points)
    assert found.exchanged.any(axis=1).sum() == 13 and "left and right" in found.lines[0]


@pytest.mark.parametrize("frames", [4, 22, 61])
def test_looked_at_in_pieces_it_is_the_same_as_at_once(monkeypatch, frames: int) -> None:
    right = swaying(frames)
    points = right.points.copy()
    points[frames // 3 : frames // 2] = points[frames // 3 : frames // 2, OTHER_SIDE]
    given = Keypoints2D(points, right.timestamps, right.image_size)
    whole = mended(given)
    monkeypatch.setattr(mending, "_PIECE", 20)
    assert np.array_equal(mended(given).keypoints.points, whole.keypoints.points)


def test_a_jump_away_and_back_is_unseen_but_one_at_a_cut_is_not() -> None:
    right = swaying()
    points = right.points.copy()
    points[20:26, :, 0] += 200
    found = mended(Keypoints2D(points, right.timestamps, right.image_size))
    assert np.flatnonzero(found.impossible.all(axis=1)).tolist() == list(range(20, 26))
    found = mended(Keypoints2D(points, right.timestamps, right.image_size), cuts=(20, 26))
    assert not found.impossible.any()


def test_crossed_legs_are_no_exchange_however_long_they_last() -> None:
    right = swaying()
    points = right.points.copy()
    crossed = 0.5 - 0.5 * np.cos(np.clip((np.arange(60) - 15) / 8, 0, 1) * np.pi)
    for left in (13, 15):
        apart = points[:, left, 0] - points[:, left + 1, 0]
        points[:, left, 0] -= crossed * apart
        points[:, left + 1, 0] += crossed * apart
    assert not mended(Keypoints2D(points, right.timestamps, right.image_size)).exchanged.any()


def test_a_moment_at_the_end_does_not_turn_everything_before_it() -> None:
    right = swaying()
    points = right.points.copy()
    points[-3:] = points[-3:, OTHER_SIDE]
    found = mended(Keypoints2D(points, right.timestamps, right.image_size))
    assert not found.exchanged[:-3].any() and found.exchanged[-3:].any(axis=1).all()


def turning(frames: int = 120) -> Keypoints2D:
    """Somebody who faces the camera, but for two moments of profile from which they turn back."""
    t = np.arange(frames) / 30
    width = np.minimum(np.abs(t - 1.0), np.abs(t - 3.0)) / 0.12
    places = np.repeat(STANDING[None], frames, axis=0)
    # Sides coincide at both moments and part again at once: straight through is the smoother way.
    places[..., 0] = places[..., 0] * np.clip(width, 0.0, 1.0)[:, None] + 300
    places[..., 1] += 100
    places += np.random.default_rng(0).normal(0, 0.2, places.shape)
    return Keypoints2D(np.concatenate([places, np.full((frames, 17, 1), 0.9)], -1), t, (640, 480))


def test_who_turns_to_profile_and_back_is_not_turned_round_in_between() -> None:
    found = mended(turning())
    assert not found.exchanged[34:87].any()


def test_an_exchange_seen_from_the_front_is_undone_though_the_face_is_seen() -> None:
    right = turning()
    points = right.points.copy()
    points[50:71] = points[50:71, OTHER_SIDE]
    found = mended(Keypoints2D(points, right.timestamps, right.image_size))
    assert found.exchanged[50:71, 5:].all() and not found.exchanged[34:50].any()
    assert not found.exchanged[71:87].any()
