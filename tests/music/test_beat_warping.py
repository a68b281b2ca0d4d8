"""Maps of time that bring halts to beats: bounded, increasing, and nothing where nothing is off."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from music_examples import swinging
from vimoflow.errors import ConfigError
from vimoflow.evaluation.metrics.rhythm import beat_alignment
from vimoflow.geometry.rotations import rotation_about, sixd_to_matrix
from vimoflow.motion.features import LAYOUT, encode_features
from vimoflow.motion.skeleton import joint
from vimoflow.music.beat_warping import (
    Halts,
    WarpSettings,
    halts_of,
    map_to_beats,
    resampled,
    warped_to_beats,
)

BEATS = np.arange(0.5, 12, 0.5)


def deep(times_s: np.ndarray) -> Halts:
    return Halts(times_s, np.ones(len(times_s)))


def swing(phase: np.ndarray) -> torch.Tensor:
    """Features of arms that halt whenever the phase passes an integer."""
    dance = swinging("a", len(phase))
    R = sixd_to_matrix(dance.sixd)
    angle = 0.8 * torch.cos(torch.pi * torch.from_numpy(phase)).float()
    for side in ("left", "right"):
        R[:, joint(f"{side}_shoulder")] = rotation_about("z", angle)
    root = dance.root + 0.1 * torch.from_numpy(phase).float()[:, None] * torch.tensor([1.0, 0, 0])
    return encode_features(R, dance.contacts, root)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**31 - 1))
def test_any_map_increases_within_its_bounds_and_stays_inside_the_dance(seed):
    rng = np.random.default_rng(seed)
    seconds = float(rng.uniform(0.3, 15))
    halts = Halts(np.sort(rng.uniform(0, seconds, 20)), rng.uniform(0, 1, 20))
    beats = np.cumsum(rng.uniform(0.05, 2.5, 15))
    how = WarpSettings(shift_s=float(rng.uniform(0.1, 1)))
    found = map_to_beats(halts, beats, seconds, how)
    at = found(np.linspace(0, seconds, 400))
    assert (np.diff(at) > 0).all() and at[0] >= 0 and at[-1] <= seconds + 1e-9
    assert found.seen_s[0] == 0 and found.seen_s[-1] == seconds
    assert np.abs(found.drawn_s - found.seen_s).max() <= how.shift_s + 1 / 60
    gaps = np.diff(found.seen_s)
    speeds = np.diff(found.drawn_s) / gaps
    assert speeds.min() >= how.slowest - 1e-6 and speeds.max() <= how.fastest + 1e-6
    reach = how.change * (gaps[1:] + gaps[:-1]) / 2
    assert (np.abs(np.diff(speeds)) <= reach + 1e-6).all()


def test_halts_that_drift_around_the_beats_are_brought_to_them():
    off = BEATS + 0.15 * np.sin(2 * np.pi * BEATS / 8)
    found = map_to_beats(deep(off), BEATS, 12.0)
    assert np.abs(off - BEATS).max() > 0.14
    assert np.abs(found(BEATS) - off).max() < 0.03


def test_what_is_on_the_beat_is_left_alone_and_so_is_what_has_no_halts():
    times = np.linspace(0, 12, 100)
    for halts in (deep(BEATS), deep(np.zeros(0))):
        np.testing.assert_allclose(map_to_beats(halts, BEATS, 12.0)(times), times, atol=1e-9)


def test_deep_halts_count_for_more():
    beat = np.array([5.0])
    halts = Halts(np.array([4.8, 5.2]), np.array([0.2, 1.0]))
    assert map_to_beats(halts, beat, 10.0)(beat)[0] == pytest.approx(5.2, abs=0.02)


def test_a_dance_halts_on_the_beat_afterwards_and_is_still_a_motion():
    t = np.arange(360) / 30
    drawn = swing(2 * (t + 0.15 * np.sin(2 * np.pi * t / 6)) + 0.4)
    before, after = (halts_of(f).times_s for f in (drawn, warped_to_beats(drawn, BEATS)))
    assert beat_alignment(BEATS, before) < 0.3 and beat_alignment(BEATS, after) > 0.8
    bent = warped_to_beats(drawn, BEATS)
    assert bent.shape == drawn.shape and bent.dtype == drawn.dtype
    R = sixd_to_matrix(bent[:, LAYOUT.rotations].unflatten(1, (24, 6)))
    again = encode_features(R, bent[:, LAYOUT.contacts], bent[:, LAYOUT.root])
    torch.testing.assert_close(again, bent, atol=1e-5, rtol=1e-5)
    assert bent[:, LAYOUT.contacts].min() >= 0 and bent[:, LAYOUT.contacts].max() <= 1
    # Nothing is shown that was not drawn: the way along x is the same way, at other times.
    x = bent[:, LAYOUT.root][:, 0]
    assert (x.diff() > 0).all() and x[0] >= drawn[0, LAYOUT.root][0] - 1e-5


def test_nothing_to_go_by_nothing_changed():
    drawn = swing(np.arange(90) / 15)
    assert warped_to_beats(drawn, np.zeros(0)) is drawn
    assert warped_to_beats(drawn[:3], BEATS).equal(drawn[:3])


def test_resampling_passes_through_the_frames():
    drawn = swing(np.arange(60) / 9)
    same = resampled(drawn, np.arange(60.0))
    torch.testing.assert_close(same, drawn, atol=1e-6, rtol=1e-6)
    between = resampled(drawn, np.array([10.5, 70.0]))
    expected = swing(np.array([10.5, 59.0]) / 9)
    torch.testing.assert_close(between, expected, atol=2e-3, rtol=0)


@pytest.mark.parametrize(
    "wrong", [{"slowest": 1.1}, {"fastest": 0.9}, {"shift_s": 0.0}, {"stretch": -1.0}]
)
def test_bounds_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ConfigError):
        WarpSettings(**wrong)
