"""Halting on beats: the exact least, and motion that is slow there and on its way elsewhere."""

from __future__ import annotations

import numpy as np
import torch

from music_examples import swinging, tiny_model
from vimoflow.music.beat_guidance import halting, weights_at
from vimoflow.music.dance_options import DanceOptions
from vimoflow.music.sampling import dance_features


def test_it_is_the_least_of_what_it_says():
    g = torch.Generator().manual_seed(0)
    x = torch.randn(2, 3, 20, 4, generator=g, dtype=torch.float64)
    w = 5 * torch.rand(2, 3, 20, generator=g, dtype=torch.float64)
    y = halting(x, w).requires_grad_()
    cost = (y - x).square().sum()
    cost = cost + (w[..., :-1, None] * y.diff(dim=-2).square()).sum()
    cost.backward()
    assert y.grad is not None and float(y.grad.abs().max()) < 1e-9


def test_without_beats_nothing_changes():
    x = torch.randn(1, 30, 5)
    weights = weights_at(np.zeros(0), 30, 3.0)
    assert not weights.any()
    torch.testing.assert_close(halting(x, weights[None]), x)


def test_steady_motion_slows_at_beats_and_hurries_between_them():
    x = torch.arange(90.0)[:, None].expand(90, 3)[None]
    beats = np.arange(15, 90, 15)
    speed = halting(x, weights_at(beats.astype(float), 90, 3.0)[None])[0, :, 0].diff()
    assert float(speed[beats].max()) < 0.7 and float(speed[beats[:-1] + 7].min()) > 0.95
    assert (speed > 0).all()
    stronger = halting(x, weights_at(beats.astype(float), 90, 30.0)[None])[0, :, 0].diff()
    assert (stronger[beats] < speed[beats]).all()


def test_a_dance_with_it_halts_nearer_to_beats():
    heard = swinging("a", 150, period=30).music
    assert heard is not None
    still, free = (
        dance_features(tiny_model(), heard, DanceOptions(steps=3, guidance=0.0, beat=beat))[0]
        for beat in (100.0, 0.0)
    )
    beats = np.arange(15, 135, 15)
    speed = {k: f.diff(dim=0).abs().mean(1) for k, f in (("still", still), ("free", free))}
    ratio = {k: float(v[beats].mean() / v.mean()) for k, v in speed.items()}
    assert ratio["still"] < 0.6 * ratio["free"]
