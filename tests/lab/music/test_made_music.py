"""Music made for motions: its beats are where the body halts, and they can be heard."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from lab.music.made_music import beats_of, make_music, played
from music_examples import swinging
from vimoflow.music.audio_features import FPS, RATE_HZ, LibrosaFeatures, beats_s, music_features
from vimoflow.music.pairs import BEATS_ENDING

pytest.importorskip("librosa")


def test_beats_are_the_halts_and_long_ways_between_them_are_divided():
    halting = swinging("a", 300, period=30)
    beats = beats_of(halting)
    assert beats is not None
    assert set(halting.halts.times_s) <= set(beats.times_s) and (beats.strength > 0).sum() > 8
    slow = beats_of(swinging("a", 600, period=80))
    assert slow is not None and np.diff(slow.times_s).max() <= 0.96
    assert beats_of(swinging("a", 20)) is None


def test_a_motion_that_never_halts_has_no_music():
    gliding = swinging("a", 300)
    assert beats_of(dataclasses.replace(gliding, sixd=gliding.sixd[:1].expand(300, 24, 6))) is None


@pytest.mark.parametrize("seed", range(6))
def test_the_tracker_hears_the_beats_that_were_played(seed):
    beats = beats_of(swinging("a", 900, period=30))
    assert beats is not None
    sound = played(beats, 30.0, seed)
    assert len(sound) == 30 * RATE_HZ and np.abs(sound).max() <= 0.8 + 1e-6
    heard = beats_s(LibrosaFeatures()(sound))
    away = np.abs(heard[:, None] - beats.times_s).min(1)
    between = np.abs(heard[:, None] - (beats.times_s[1:] + beats.times_s[:-1]) / 2).min(1)
    assert np.median(np.minimum(away, between)) < 0.05


def test_files_are_named_like_the_recordings_with_their_beats(tmp_path):
    dances = [swinging("x/a", 240, period=30), swinging("b", 20)]
    assert make_music(dances, tmp_path) == 1
    features = music_features(tmp_path / "a.flac", cache=tmp_path / "cache")
    assert len(features) >= 240
    times = [float(line) for line in (tmp_path / f"a{BEATS_ENDING}").read_text().split()]
    beats = beats_of(dances[0])
    assert beats is not None
    np.testing.assert_allclose(times, beats.times_s, atol=0.5 / FPS)
