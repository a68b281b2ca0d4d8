"""Beat tests."""

from __future__ import annotations

import numpy as np
import pytest

from lab.music.beat_tests import (
    HeardMotion,
    beat_test,
    beat_tests,
    heard_motion,
)
from music_examples import swinging
from vimoflow.errors import InputError
from vimoflow.geometry.rotations import sixd_to_matrix
from vimoflow.motion.features import encode_features


def songs(on_beat: bool) -> list[HeardMotion]:
    rng = np.random.default_rng(0)
    found = []
    for _ in range(12):
        beats = np.arange(0.3, 20, rng.uniform(0.4, 0.9))
        moved = beats + rng.normal(0, 0.03, len(beats)) + (0.0 if on_beat else rng.uniform(0, 1))
        found.append(HeardMotion(beats, moved % 20, 20.0))
    return found


def test_motions_on_the_beat_pass_and_others_do_not():
    on, off = beat_test(songs(True), 500), beat_test(songs(False), 500)
    assert on.p_value < 0.01 and on.alignment.value > on.chance + 0.3
    assert off.p_value > 0.05 and abs(off.chance - on.chance) < 0.05
    with pytest.raises(InputError, match="beats"):
        beat_test([HeardMotion(np.zeros(0), np.ones(3), 5.0)])


def test_a_swinging_dance_is_on_its_own_beats():
    heard = heard_motion(swinging("a", 300, period=20, beat_at=0))
    assert beat_test([heard, heard], 200).alignment.value > 0.5


def test_as_drawn_and_on_the_beat_are_told_apart():
    """Beats that no halt is on, though one is near: only the warp brings them together."""
    dances = [swinging("abcd"[k], 300, period=24, beat_at=4) for k in range(4)]
    drawn = [encode_features(sixd_to_matrix(d.sixd), d.contacts, d.root) for d in dances]
    as_drawn, on_beat = beat_tests(drawn, dances)
    assert as_drawn.songs == on_beat.songs == 4
    assert as_drawn.alignment.value < 0.3 < 0.7 < on_beat.alignment.value
