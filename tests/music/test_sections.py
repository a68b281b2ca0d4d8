"""Styles in parts of a song."""

from __future__ import annotations

import math

import pytest
import torch

from music_examples import swinging, tiny_model
from vimoflow.errors import ConfigError
from vimoflow.music.adapters import Adapter, new_adapter
from vimoflow.music.dance_options import DanceOptions
from vimoflow.music.music_model import MusicModel
from vimoflow.music.sampling import dance_features
from vimoflow.music.sections import StyleUse, parse_style, voices


def loud(model: MusicModel) -> Adapter:
    """An adapter that does something."""
    adapter = new_adapter(model, "loud")
    for branch in adapter.branches:
        torch.nn.init.normal_(branch.zero.bias, std=0.5)
    return adapter


def test_styles_are_named_with_strength_and_seconds():
    assert parse_style("ballet=0.8") == StyleUse("ballet", 0.8)
    assert parse_style("ballet") == StyleUse("ballet", 1.0, 0.0, math.inf)
    assert parse_style("ballet=0.8@30-60.5") == StyleUse("ballet", 0.8, 30.0, 60.5)
    assert parse_style("my@home/b.safetensors@5-") == StyleUse("my@home/b.safetensors", 1.0, 5.0)
    for wrong in ("ballet=x", "=1", "ballet=nan", "ballet=inf", "ballet@6-5", "=0.5@1-2"):
        with pytest.raises(ConfigError, match="--style"):
            parse_style(wrong)


def test_shares_sum_to_one_and_a_style_everywhere_is_one_voice():
    model = tiny_model()
    adapter = loud(model)
    parts = voices(model, [(StyleUse("a", 1.0, 12.0, 14.0), adapter)], 150, start_s=10.0)
    assert len(parts) == 2
    torch.testing.assert_close(torch.stack([v.share for v in parts]).sum(0), torch.ones(150))
    styled = next(v.share for v in parts if v.model is not model)
    assert styled[90] == 1 and styled[:40].max() == 0 == styled[140:].max()
    (only,) = voices(model, [(StyleUse("a"), adapter)], 150)
    assert bool((only.share == 1).all())


def test_a_style_acts_in_its_part_and_nowhere_else():
    model, heard = tiny_model(), swinging("a", 400).music
    assert heard is not None
    options = DanceOptions(steps=2, guidance=0.0, window=50, overlap=10, sampler="ddim")
    plain = dance_features(model, heard, options)[0]
    silent = voices(model, [(StyleUse("a", 0.0), loud(model))], 400)
    assert torch.equal(dance_features(model, heard, options, voices=silent)[0], plain)
    late = voices(model, [(StyleUse("a", 1.0, 10.0), loud(model))], 400)
    styled = dance_features(model, heard, options, voices=late)[0]
    changed = (styled - plain).abs()[:, :144].mean(1)
    assert changed[:150].max() < 1e-5 < 0.01 < changed[340:].mean()
