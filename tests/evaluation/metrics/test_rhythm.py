"""Beats and foot contact on motions whose answer is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vimoflow.errors import ConfigError, InputError
from vimoflow.evaluation.metrics.rhythm import (
    beat_alignment,
    motion_beats,
    motion_speed,
    physical_foot_contact,
)

quick = settings(max_examples=25, deadline=None)


@pytest.mark.parametrize("fps", [30.0, 60.0, 120.0])
def test_a_swing_rests_at_its_turning_points(fps):
    t = np.arange(int(6 * fps)) / fps
    joints = np.zeros((len(t), 24, 3))
    # Turns every half second. A turn in the very middle of two frames would be no strict minimum.
    joints[..., 0] = np.cos(math.pi * (t - 0.003) / 0.5)[:, None]
    beats = motion_beats(joints, fps)
    expected = np.arange(1, 12) * 0.5
    assert len(beats) == len(expected)
    assert np.abs(beats - expected).max() <= 1.01 / fps
    assert beat_alignment(expected, beats) > 0.8


def test_speed_is_the_mean_way_a_frame():
    joints = np.zeros((40, 24, 3))
    joints[:, :12, 0] = 0.02 * np.arange(40)[:, None]  # half of them
    speed = motion_speed(joints, 30.0)
    assert speed.shape == (39,)
    np.testing.assert_allclose(speed, 0.01, rtol=1e-9)


def test_alignment_of_known_offsets():
    music = np.arange(10) * 0.5
    for frames in (0, 1, 3, 6):  # at 60 fps, sigma 3
        score = math.exp(-(frames**2) / (2 * 3**2))
        for per in ("music", "motion"):
            assert beat_alignment(music, music + frames / 60, per) == pytest.approx(score)
    every_other = music[::2]
    assert beat_alignment(music, every_other, "motion") == pytest.approx(1.0)
    assert beat_alignment(music, every_other, "music") == pytest.approx(0.5, abs=1e-6)


@quick
@given(st.integers(0, 2**31 - 1))
def test_alignment_is_the_literal_loop(seed):
    rng = np.random.default_rng(seed)
    music, motion = rng.uniform(0, 9, 12), rng.uniform(0, 9, 7)
    frames = [math.exp(-min((60 * (m - b)) ** 2 for m in motion) / 2 / 9) for b in music]
    assert beat_alignment(music, motion) == pytest.approx(np.mean(frames))
    swapped = beat_alignment(motion, music, "motion")
    assert swapped == pytest.approx(beat_alignment(music, motion, "music"))


def test_no_beats():
    assert beat_alignment(np.array([1.0]), np.array([])) == 0.0
    assert len(motion_beats(np.zeros((50, 24, 3)), 30.0)) == 0
    with pytest.raises(InputError, match="without beats"):
        beat_alignment(np.array([]), np.array([1.0]))
    with pytest.raises(InputError, match="NaN"):
        beat_alignment(np.array([1.0, math.nan]), np.array([1.0]))
    with pytest.raises(ConfigError, match="sigma"):
        beat_alignment(np.array([1.0]), np.array([1.0]), sigma_s=0.0)


def literal_pfc(p: np.ndarray) -> float:
    """The definition for 30 fps, frame by frame."""
    efforts, ways = [], []
    for i in range(len(p) - 2):
        a = (p[i + 2, 0] - 2 * p[i + 1, 0] + p[i, 0]) * 900
        efforts.append(math.hypot(a[0], max(a[1], 0.0), a[2]))
        step = [
            math.hypot(p[i + 2, j, 0] - p[i + 1, j, 0], p[i + 2, j, 2] - p[i + 1, j, 2])
            for j in (7, 10, 8, 11)
        ]
        ways.append(min(step[:2]) * min(step[2:]))
    top = max(efforts)
    return 10_000 * sum(e / top * w for e, w in zip(efforts, ways, strict=True)) / len(ways)


def test_pfc_is_the_literal_loop():
    p = np.random.default_rng(1).normal(size=(30, 24, 3)).cumsum(0) * 0.02
    assert physical_foot_contact(p, 30.0) == pytest.approx(literal_pfc(p), rel=1e-9)


def test_a_planted_foot_explains_any_acceleration():
    p = np.random.default_rng(2).normal(size=(30, 24, 3)).cumsum(0) * 0.02
    p[:, 10] = 0.0  # one toe rests
    assert physical_foot_contact(p, 30.0) == 0.0
    gliding = np.zeros((30, 24, 3))
    gliding[..., 0] = 0.001 * np.arange(30)[:, None] ** 2
    assert physical_foot_contact(gliding, 30.0) > 1
    assert physical_foot_contact(np.zeros((30, 24, 3)), 30.0) == 0.0


def test_pfc_hardly_depends_on_the_rate():
    t = np.arange(241) / 120
    p = np.zeros((241, 24, 3))
    p[..., 0] = 0.5 * np.sin(3 * t)[:, None]
    values = [physical_foot_contact(p[::k], 120 / k) for k in (1, 2, 4)]
    assert max(values) < 1.1 * min(values)


@pytest.mark.parametrize("function", [motion_beats, physical_foot_contact])
def test_bad_motions_are_refused(function):
    p = np.zeros((9, 24, 3))
    with pytest.raises(InputError, match="too few"):
        function(p[:2], 30.0)
    with pytest.raises(InputError, match="frame rate"):
        function(p, math.nan)
    p[3, 3, 1] = math.nan
    with pytest.raises(InputError, match="not finite"):
        function(p, 30.0)
