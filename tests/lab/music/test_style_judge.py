"""The judge of styles: what it was taught it tells apart, wherever and whither it moves."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from lab.music.style_judge import StyleJudge, style_features
from music_examples import swinging
from vimoflow.errors import InputError


def test_features_do_not_depend_on_where_or_when():
    dance = swinging("a", 150)
    moved = dataclasses.replace(dance, root=dance.root + torch.tensor([3.0, 0.4, -2.0]))
    first, second = style_features(dance), style_features(moved)
    assert first.shape[0] == 4
    assert abs(first - second).max() < 1e-3
    assert len(style_features(swinging("a", 40))) == 0


def test_the_judge_names_what_it_was_taught():
    taught = {
        "fast": [swinging(f"{period}", 300, period) for period in (11, 12, 14)],
        "slow": [swinging(f"{period}", 300, period) for period in (35, 40, 44)],
    }
    judge = StyleJudge(taught)
    held_out = {"fast": [swinging("c", 200, 13)], "slow": [swinging("d", 200, 37)]}
    assert judge.accuracy(held_out) == {"fast": 1.0, "slow": 1.0}
    assert judge.named(held_out["slow"]).windows == 5
    with pytest.raises(InputError, match="two styles"):
        StyleJudge({"fast": taught["fast"]})
    with pytest.raises(InputError, match="no motion lasts"):
        judge.named([swinging("e", 30)])
