"""Pairs in step are found, with their offset and drift, and others are not."""

from __future__ import annotations

import numpy as np
import pytest

from lab.music.beat_tests import HeardMotion
from lab.music.steps_of_pairs import all_in_step, in_step, standing_out
from vimoflow.errors import InputError


def halts(seed: int) -> np.ndarray:
    return np.cumsum(np.random.default_rng(seed).uniform(0.4, 0.8, 150))


def test_offset_and_drift_are_recovered():
    motion = halts(0)
    noise = np.random.default_rng(1).normal(0, 0.02, len(motion))
    music = (motion - 0.7) / 1.003 + noise
    found = in_step("a", HeardMotion(music[2:], motion, motion[-1] + 1), draws=60)
    assert abs(found.offset_s - 0.7) < 0.07 and found.low_s <= 0.7 + 0.04
    assert abs(found.drift - 0.003) < 0.0006 and found.alignment > 0.7 > found.chance
    assert found.p_value < 0.02


def test_chance_is_not_taken_for_step():
    pairs = [(f"{k}", HeardMotion(halts(k), halts(k + 50), 90.0)) for k in range(6)]
    found = all_in_step(pairs, draws=60)
    assert len(standing_out(found)) <= 1
    assert abs(np.mean([pair.alignment - pair.chance for pair in found])) < 0.05


def test_songs_without_beats_are_left_out_and_refused():
    empty = HeardMotion(np.zeros(1), halts(0), 90.0)
    assert all_in_step([("a", empty)]) == []
    with pytest.raises(InputError, match="too few beats"):
        in_step("a", empty)
