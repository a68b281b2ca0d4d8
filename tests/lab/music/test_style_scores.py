"""Style scores: what tells one way of moving from another."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from lab.music.beat_tests import motion_of
from lab.music.style_scores import StyleClassifier, StyleTest, kinetic_windows
from music_examples import swinging, tiny_model
from vimoflow.errors import InputError
from vimoflow.music.dance_options import DanceOptions


def test_windows_do_not_overlap_and_need_five_seconds():
    motions = [motion_of(swinging("a", 320)), motion_of(swinging("b", 160))]
    assert kinetic_windows(motions).shape == (3, 72)
    with pytest.raises(InputError, match="5 s"):
        kinetic_windows([motion_of(swinging("a", 100))])


def test_the_classifier_tells_fast_from_slow():
    rng = np.random.default_rng(0)
    slow, fast = (np.exp(rng.normal(m, 0.3, (40, 72))) for m in (-2.0, 0.0))
    tells = StyleClassifier(fast[:20], slow[:20])
    assert tells.probability(fast[20:]).mean() > 0.9 > 0.1 > tells.probability(slow[20:]).mean()
    with pytest.raises(InputError, match="windows"):
        StyleClassifier(fast[:1], slow)


def test_scores_are_of_the_chosen_dances_and_hold_beats_before_and_after_the_warp():
    style = [swinging(f"s{k}", 330, period=12 + k) for k in range(2)]
    others = [swinging(f"o{k}", 330, period=30 + k) for k in range(2)]
    of_style, of_others = (kinetic_windows([motion_of(d) for d in x]) for x in (style, others))
    test = StyleTest(
        style, others, of_style, StyleClassifier(of_style, of_others), 11.0, DanceOptions(steps=2)
    )
    scores = test.scores("tiny", tiny_model())
    assert scores.name == "tiny" and scores.fid_k.low <= scores.fid_k.value <= scores.fid_k.high
    assert 0 <= scores.probability.value <= 1 and scores.diversity_k > 0
    assert 0 <= scores.beats_as_drawn <= 1 and 0 <= scores.beats_on_beat <= 1
    silent = [dataclasses.replace(d, music=d.music * 0) for d in others if d.music is not None]
    assert np.isnan(
        dataclasses.replace(test, others=silent).scores("x", tiny_model()).beats_on_beat
    )
