"""Sets of dances beside recorded ones."""

from __future__ import annotations

import dataclasses

import pytest

from lab.music.beat_tests import beat_test, motion_of
from lab.music.dance_quality import dance_quality, own_beats
from music_examples import swinging


def test_recorded_dances_are_as_far_from_each_other_as_themselves_and_slower_ones_farther():
    dances = [swinging(f"{k}", 330, 16 + k) for k in range(8)]
    same = dance_quality([motion_of(d) for d in dances], dances)
    assert same.fid_k.value == pytest.approx(same.real_fid_k.value, rel=0.05)
    assert same.diversity == pytest.approx(same.real_diversity, rel=0.05)
    assert same.windows == 8
    assert same.foot_slide_mm == pytest.approx(same.real_foot_slide_mm, abs=1e-3)
    slow = dance_quality([motion_of(swinging("s", 330, 60)) for _ in dances], dances)
    assert slow.fid_k.value > 2 * same.fid_k.value and slow.diversity < same.diversity
    assert "windows a side" in str(slow)


def test_motions_are_on_the_beat_of_music_that_is_made_for_them():
    dances = [dataclasses.replace(swinging(f"{k}", 330, 26), music=None) for k in range(3)]
    found = own_beats(dances)
    assert len(found) == 3 and beat_test(found, 200).alignment.value > 0.6
