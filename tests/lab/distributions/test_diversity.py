"""Diversity of samples: known spreads, its directions, and its relation to the image."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from lab.distributions.diversity import diversity_relation, sample_diversity
from vimoflow.errors import InputError


def samples(seed: int, spread: tuple[float, float, float]) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    base = torch.randn(1, 8, 24, 3, generator=generator, dtype=torch.float64)
    noise = torch.randn(5, 8, 24, 3, generator=generator, dtype=torch.float64)
    noise[:, :, 0] = 0
    return base + noise * torch.tensor(spread)


def test_apd_is_the_literal_mean_over_pairs():
    s = samples(1, (0.1, 0.1, 0.1)).numpy()
    s = s - s[:, :, :1]
    pairs = [np.linalg.norm(s[i] - s[j], axis=-1).mean() for i in range(5) for j in range(i)]
    result = sample_diversity(torch.from_numpy(s))
    assert result.apd == pytest.approx(1000 * np.mean(pairs)) and result.samples == 5
    assert result.depth_share == pytest.approx(1 / 3, abs=0.05)


def test_spread_along_the_line_of_sight_is_depth():
    result = sample_diversity(samples(2, (0.0, 0.0, 0.1)))
    assert result.image < 1e-6 and result.depth_share == pytest.approx(1)
    sideways = sample_diversity(samples(2, (0.1, 0.0, 0.0)))
    assert sideways.depth < 1e-6 and sideways.depth_share == pytest.approx(0)
    seen = sample_diversity(samples(2, (0.1, 0.0, 0.0)), toward_camera=(2.0, 0.0, 0.0))
    assert seen.depth_share == pytest.approx(1)


def test_where_samples_stand_does_not_count():
    s = samples(3, (0.1, 0.1, 0.1))
    moved = s + torch.randn(5, 8, 1, 3, dtype=torch.float64)
    assert sample_diversity(moved).apd == pytest.approx(sample_diversity(s).apd)
    same = sample_diversity(s[:1].expand(3, -1, -1, -1))
    assert same.apd == 0 and math.isnan(same.depth_share)


def test_relation_over_videos():
    apd = np.array([1.0, 2.0, 3.0, 5.0])
    assert diversity_relation(apd, apd**2).rank_correlation == pytest.approx(1)
    assert diversity_relation(apd, -apd).rank_correlation == pytest.approx(-1)
    assert math.isnan(diversity_relation(apd, np.ones(4)).rank_correlation)


def test_bad_input_is_refused():
    with pytest.raises(InputError, match="at least 2"):
        sample_diversity(samples(4, (1.0, 1.0, 1.0))[:1])
    with pytest.raises(InputError, match="not finite"):
        sample_diversity(samples(4, (math.nan, 1.0, 1.0)))
    with pytest.raises(InputError, match="at least 3"):
        diversity_relation([1.0, 2.0], [1.0, 2.0])
    with pytest.raises(InputError, match="pair up"):
        diversity_relation([1.0, 2.0, 3.0], [1.0, 2.0])
    with pytest.raises(InputError, match="NaN"):
        diversity_relation([1.0, 2.0, math.nan], [1.0, 2.0, 3.0])
