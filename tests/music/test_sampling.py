"""Dances of any length: deterministic, continuous, guided."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from music_examples import swinging, tiny_model
from vimoflow.errors import ConfigError
from vimoflow.motion.features import LAYOUT
from vimoflow.music.adapters import adapted, new_adapter
from vimoflow.music.audio_features import with_beats
from vimoflow.music.beat_warping import warped_to_beats
from vimoflow.music.sampling import (
    DanceOptions,
    dance_features,
    finished_dance,
    noise_levels,
)

OPTIONS = DanceOptions(steps=3, guidance=0.5)


def music(frames: int) -> torch.Tensor:
    heard = swinging("a", frames).music
    assert heard is not None
    return heard


def test_same_seed_same_dance_and_samples_do_not_depend_on_their_number():
    model, heard = tiny_model(), music(400)
    first = dance_features(model, heard, OPTIONS)
    assert first.shape == (1, 400, 151) and torch.isfinite(first).all()
    two = dance_features(model, heard, OPTIONS, samples=2)
    torch.testing.assert_close(two[:1], first, atol=1e-4, rtol=1e-4)
    assert not torch.allclose(two[1], first[0], atol=1e-2)


def test_songs_with_other_beats_do_not_start_from_the_same_noise():
    """A network that hears nothing would else dance one dance to all songs."""
    model, heard = tiny_model(), music(60)
    later = torch.from_numpy(with_beats(heard.numpy(), np.arange(0.2, 1.9, 0.4)))
    deaf = dataclasses.replace(model.scale, mean=(0.0,) * 37, std=(1e9,) * 37)
    options = DanceOptions(steps=2, guidance=0.0, beat=0.0)
    first, second = (
        dance_features(dataclasses.replace(model, scale=deaf), x, options) for x in (heard, later)
    )
    assert not torch.allclose(first, second, atol=1e-2)


def test_a_long_dance_is_the_same_in_blocks_as_all_at_once(monkeypatch):
    from vimoflow.music import sampling

    model, heard = tiny_model(), music(1300)
    blocks = dance_features(model, heard, OPTIONS)
    monkeypatch.setattr(sampling, "_BLOCK", 1000)
    torch.testing.assert_close(blocks, dance_features(model, heard, OPTIONS), atol=1e-4, rtol=1e-4)


def test_music_is_heard_and_guidance_goes_away_from_silence():
    model = tiny_model()
    plain = dance_features(model, music(60), DanceOptions(steps=2, guidance=0.0))
    other = dance_features(model, music(60).flip(0), DanceOptions(steps=2, guidance=0.0))
    assert not torch.allclose(plain, other, atol=1e-4)
    guided = dance_features(model, music(60), DanceOptions(steps=2, guidance=3.0))
    assert not torch.allclose(plain, guided, atol=1e-4)


def test_styles_are_held_to_the_beat_as_firmly_as_they_count():
    """A style that has learnt nothing yet changes that alone; one switched off not even that."""
    model, heard = tiny_model(), music(60)
    style = new_adapter(model, "style")
    twice = dance_features(model, heard, dataclasses.replace(OPTIONS, beat=2 * OPTIONS.beat))
    for scales in ((1.0,), (0.5, -0.5)):
        styled = adapted(model, [(style, scale) for scale in scales])
        torch.testing.assert_close(dance_features(styled, heard, OPTIONS), twice)
    off = adapted(model, [(style, 0.0)])
    assert torch.equal(dance_features(off, heard, OPTIONS), dance_features(model, heard, OPTIONS))


def test_wrong_options_and_channels_are_one_line():
    with pytest.raises(ConfigError, match="channels"):
        dance_features(tiny_model(), torch.zeros(30, 4), OPTIONS)
    with pytest.raises(ConfigError, match="share"):
        DanceOptions(window=50, overlap=50)
    with pytest.raises(ConfigError, match="smoothing"):
        DanceOptions(smoothing_s=-0.1)


def test_smoothing_takes_the_noise_of_the_estimates_away():
    def shaking(by_s: float) -> float:
        options = DanceOptions(steps=3, smoothing_s=by_s)
        made = dance_features(tiny_model(), music(120), options)[0, :, LAYOUT.root]
        return float(made.diff(n=2, dim=0).norm(dim=-1).mean())

    assert shaking(0.04) < 0.5 * shaking(0.0)


def test_a_finished_dance_is_warped_only_if_told_the_beats():
    drawn = dance_features(tiny_model(), music(150), OPTIONS)[0]
    beats = np.arange(0.4, 5, 0.5)
    plain, bent = finished_dance(drawn, None), finished_dance(drawn, beats)
    warped = finished_dance(warped_to_beats(drawn, beats), None)
    assert len(bent) == len(plain) == 150
    np.testing.assert_array_equal(bent.poses, warped.poses)
    assert np.abs(bent.poses - plain.poses).max() > 1e-3


def test_the_walk_ends_where_a_small_network_would_pass_noise_on():
    from vimoflow.diffusion.schedule import NoiseSchedule

    levels = noise_levels(NoiseSchedule(), 10)
    assert levels[0] == 999 and levels[-1] == 100
    assert len(set(np.diff(levels).round(-1))) == 1
    assert noise_levels(NoiseSchedule(), 1) == (999,)
