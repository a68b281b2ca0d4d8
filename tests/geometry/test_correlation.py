"""Lags of series with gaps, fractions of a sample fine."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d

from vimoflow.geometry.correlation import best_lag


def series(length: int = 600, channels: int = 3) -> np.ndarray:
    noise = np.random.default_rng(0).normal(size=(length, channels))
    return gaussian_filter1d(noise, 3.0, axis=0)


@pytest.mark.parametrize("shift", [-120, -7, 0, 33, 150])
def test_a_shifted_copy_is_found(shift: int) -> None:
    whole = series()
    first, other = whole[150:450], whole[150 + shift : 450 + shift]
    lag = best_lag(first, 2.5 * other, rate=30.0)
    assert lag.seconds == pytest.approx(shift / 30, abs=0.05 / 30)
    assert lag.correlation == pytest.approx(1.0, abs=1e-3) and lag.certainty > 0.4


def test_fractions_of_a_sample() -> None:
    fine = gaussian_filter1d(np.random.default_rng(1).normal(size=(6000, 2)), 30.0, axis=0)
    for tenths in range(1, 10):
        other = fine[1200 + tenths : 4200 : 10]
        lag = best_lag(fine[1000:4000:10], other, rate=1.0, least_overlap_s=9.0)
        assert lag.seconds == pytest.approx(20 + tenths / 10, abs=0.05)


def test_gaps_do_not_pull_the_lag() -> None:
    whole = series()
    first, other = whole[:400].copy(), whole[40:440].copy()
    first[100:200] = np.nan
    other[:, 1] = np.nan
    other[300:380, 0] = np.nan
    lag = best_lag(first, other, rate=1.0, least_overlap_s=9.0)
    assert lag.seconds == pytest.approx(40, abs=0.2) and lag.correlation > 0.99


def test_nothing_known_is_not_certain() -> None:
    lag = best_lag(np.full((50, 2), np.nan), series(50, 2), rate=1.0, least_overlap_s=9.0)
    assert lag.certainty == 0.0 and lag.correlation == pytest.approx(0.0, abs=1e-6)


def test_repetition_is_not_certain() -> None:
    wave = np.sin(2 * np.pi * np.arange(600) / 30)[:, None]
    lag = best_lag(wave[:400], wave[15:415], rate=30.0)
    assert lag.seconds % 1.0 == pytest.approx(0.5, abs=0.01) and lag.certainty < 0.1
