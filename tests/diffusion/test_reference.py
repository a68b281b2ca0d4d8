"""What the denoiser is shown of frames of which nothing is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import vimoflow.diffusion.reference as reference
from lab.fitting.variogram import measure_variogram
from vimoflow.diffusion.reference import Kriging, noisy_or_guessed
from vimoflow.diffusion.schedule import NoiseSchedule
from vimoflow.motion.variogram import LAGS, feature_variogram

SCHEDULE = NoiseSchedule()
LAG = torch.arange(60.0)
SMOOTH = (1 - torch.exp(-((LAG / 8) ** 2)))[:, None]


def randn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def exact(monkeypatch):
    monkeypatch.setattr(reference, "_NUGGET", 0.0)


@pytest.mark.usefixtures("exact")
@settings(max_examples=40, deadline=None)
@given(frames=st.integers(1, 30), seed=st.integers(0, 2**31), share=st.floats(0.0, 1.0))
def test_of_a_random_walk_it_is_linear_interpolation(frames, seed, share):
    """Brownian motion's best predictor (Cressie 1993): its variogram is a straight line."""
    x = randn(3, frames, 4, seed=seed).double()
    known = torch.rand(3, frames, generator=torch.Generator().manual_seed(seed)) < share
    found = Kriging(LAG[:, None].expand(-1, 4))(x, known)
    for row, mask, guess in zip(x, known, found, strict=True):
        at = np.flatnonzero(mask.numpy())
        for channel in range(4):
            line = np.interp(np.arange(frames), at, row[at, channel]) if len(at) else 0 * row[:, 0]
            np.testing.assert_allclose(guess[:, channel], line, atol=2e-5)


def test_of_a_smooth_process_no_line_is_nearer():
    """Samples of the Gaussian process whose variogram it is given."""
    covariance = 1.0001 - SMOOTH[(LAG[:40, None] - LAG[:40]).abs().long(), 0] + 1e-6 * torch.eye(40)
    x = torch.linalg.cholesky(covariance.double()) @ randn(40, 300).double()
    x = x.T[..., None]
    known = (torch.arange(40) < 15) | (torch.arange(40) >= 25)
    guess = Kriging(SMOOTH)(x, known.expand(300, -1))
    line = Kriging(LAG[:, None])(x, known.expand(300, -1))
    error, line_error = ((y - x)[:, 15:25].square().mean() for y in (guess, line))
    assert error < 0.5 * line_error


@given(scale=st.floats(-5, 5), offset=st.floats(-5, 5))
@settings(max_examples=20, deadline=None)
def test_scale_and_origin_do_not_matter(scale, offset):
    x = randn(1, 20, 1)
    known = torch.arange(20)[None] % 7 < 4
    guess = Kriging(SMOOTH)
    torch.testing.assert_close(
        guess(scale * x + offset, known), scale * guess(x, known) + offset, atol=1e-3, rtol=1e-3
    )
    torch.testing.assert_close(Kriging(3 * SMOOTH)(x, known), guess(x, known))


def test_known_frames_stay_and_unknown_ones_are_not_looked_at():
    x = randn(2, 25, 151)
    known = torch.zeros(2, 25, dtype=torch.bool)
    known[:, 3:9] = known[:, 20:22] = True
    guess = Kriging(feature_variogram())
    found = guess(x, known)
    assert torch.equal(found[known], x[known])
    other = torch.where(known[..., None], x, 7.0)
    torch.testing.assert_close(guess(other, known), found)
    assert bool((guess(x, torch.zeros_like(known)) == 0).all())


def test_up_to_the_last_trained_noise_nothing_changes():
    x, noise = randn(2, 4, 6, 1)
    t = torch.randint(0, 1000, (4, 6), generator=torch.Generator().manual_seed(1))
    expected = SCHEDULE.add_noise(x, t, noise)
    assert torch.equal(noisy_or_guessed(SCHEDULE, x, t, noise, Kriging(SMOOTH)), expected)


def test_at_T_neither_the_data_nor_the_noise_is_seen():
    t = torch.tensor([[0, 1000, 1000, 0], [1000, 1000, 1000, 1000]])
    x, noise = randn(2, 2, 4, 1)
    guess = Kriging(SMOOTH)
    shown = noisy_or_guessed(SCHEDULE, x, t, noise, guess)
    for other in (x, noise):
        other[t == 1000] += 5.0
    torch.testing.assert_close(noisy_or_guessed(SCHEDULE, x, t, noise, guess), shown)
    assert torch.equal(shown[0, 1:3], guess(x, t == 0)[0, 1:3])
    assert torch.equal(shown[0, [0, 3]], SCHEDULE.add_noise(x, t.clamp(max=0), noise)[0, [0, 3]])
    assert bool((shown[1] == 0).all())


def test_the_measured_variogram_is_that_of_the_features():
    shipped = feature_variogram()
    assert shipped.shape == (LAGS, 151) and bool(shipped.isfinite().all())
    assert bool((shipped[0] == 0).all()) and bool((shipped[1:] >= 0).all())
    walk = randn(400, 100, 2).cumsum(1)
    expected = torch.arange(float(LAGS)) / 2
    torch.testing.assert_close(
        measure_variogram(walk), expected[:, None].expand(-1, 2), rtol=0.15, atol=0.02
    )
