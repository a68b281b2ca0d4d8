"""Windows of dances: padding, headings, speeds and beats."""

from __future__ import annotations

import dataclasses

import numpy as np
import torch

from music_examples import swinging
from vimoflow.evaluation.metrics.rhythm import beat_alignment, motion_beats
from vimoflow.motion.features import LAYOUT
from vimoflow.music import dance_windows as windows
from vimoflow.music.audio_features import BEATS, PHASE, beats_s
from vimoflow.music.dance_windows import WindowSettings, chances_of, draw_windows
from vimoflow.music.pairs import Dance


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(3)


def test_the_same_seed_gives_the_same_windows():
    dances = [swinging("a"), swinging("b", 90)]
    first, second = (draw_windows(dances, 24, 120, generator()) for _ in range(2))
    assert torch.equal(first.features, second.features) and torch.equal(first.music, second.music)
    assert not first.valid.all() and first.valid.any(1).all()
    assert (first.music[~first.valid] == 0).all()


def test_windows_begin_above_the_origin_whatever_their_heading():
    batch = draw_windows([swinging("a")], 8, 60, generator())
    root = batch.features[:, 0, LAYOUT.root]
    torch.testing.assert_close(root[:, (0, 2)], torch.zeros(8, 2))
    torch.testing.assert_close(batch.joints[:, 0, 0], root)


def test_retimed_beats_stay_impulses_at_the_changed_distance():
    settings = WindowSettings(mirror=0.0, turn=False, retime=1.0, retime_range=(1.25, 1.25 + 1e-9))
    batch = draw_windows([swinging("a")], 4, 100, generator(), settings)
    for music in batch.music:
        beats = np.flatnonzero(music[:, BEATS].numpy())
        assert set(np.unique(music[:, BEATS])) <= {0.0, 1.0}
        assert set(np.diff(beats[1:-1])) == {8}  # ten frames at 1.25 times the speed
        inner = music[beats[1] : beats[-2], PHASE].numpy()
        turned = np.unwrap(np.arctan2(inner[:, 1], inner[:, 0])) / (2 * np.pi)
        np.testing.assert_allclose(np.diff(turned), 1 / 8, atol=1e-5)


def test_silent_dances_have_zeros_and_say_so():
    batch = draw_windows([swinging("a", music=False)], 3, 60, generator())
    assert not batch.heard.any() and (batch.music == 0).all() and batch.music.shape[-1] == 37


def aligned(dance: Dance, settings: WindowSettings) -> float:
    batch = draw_windows([dance], 8, 150, generator(), settings)
    values = [
        beat_alignment(beats_s(m.numpy()), motion_beats(j.numpy(), 30.0))
        for m, j in zip(batch.music, batch.joints, strict=True)
    ]
    return float(np.mean(values))


def test_models_that_know_less_of_music_are_taught_its_first_channels():
    dances = [swinging("a"), swinging("b", music=False)]
    batch = draw_windows(dances, 12, 60, generator(), WindowSettings.none(), 35)
    whole = draw_windows(dances, 12, 60, generator(), WindowSettings.none(), 37)
    assert batch.heard.any() and not batch.heard.all()
    assert torch.equal(batch.music, whole.music[..., :35])


def test_rematching_brings_beats_together(monkeypatch):
    dance = swinging("a", 600, period=24, beat_at=7)  # never in step as recorded
    plain = aligned(dance, WindowSettings(retime=0.0))
    bent = aligned(dance, WindowSettings(retime=0.0, rematch=1))
    assert bent > plain + 0.2  # one place is no choice: time is bent
    monkeypatch.setattr(
        windows, "_bent", lambda d, start, speed, _, n: start + speed * np.arange(n)
    )
    assert aligned(dance, WindowSettings(retime=0.0, rematch=60)) > plain + 0.2


def test_bent_windows_stay_inside_the_dance():
    batch = draw_windows([swinging("a", 160)], 12, 150, generator(), WindowSettings(rematch=4))
    assert torch.isfinite(batch.features).all() and batch.valid[:, 0].all()
    assert (batch.music[batch.valid][:, 0] != 0).any()


def test_music_made_for_a_motion_is_not_matched_anew():
    dance = swinging("a", 600, period=24, beat_at=7)
    stays = dataclasses.replace(dance, in_step=True)
    plain = aligned(dance, WindowSettings(retime=0.0))
    assert aligned(stays, WindowSettings(retime=0.0, rematch=60)) == plain


def test_corpora_are_drawn_by_their_shares_and_within_them_by_length():
    dances = [
        dataclasses.replace(swinging(f"{k}", frames), corpus=corpus)
        for k, (frames, corpus) in enumerate(((100, "a"), (300, "a"), (50, "b")))
    ]
    np.testing.assert_allclose(chances_of(dances, {"a": 0.8}), [0.2, 0.6, 0.2])
    np.testing.assert_allclose(chances_of([swinging("x", 100), swinging("y", 300)]), [0.25, 0.75])
