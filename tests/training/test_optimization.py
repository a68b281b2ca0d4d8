"""Learning rate, averaged weights, Adan."""

from __future__ import annotations

import dataclasses
import itertools

import pytest
import torch
from torch import nn

from vimoflow.diffusion.denoiser import DenoiserConfig
from vimoflow.training.optimization import make_optimizer, rate_factor, set_rate, update_average
from vimoflow.training.recipes import Recipe

RECIPE = Recipe(model=DenoiserConfig(), steps=1000, warmup_steps=100, decay=0.4)


def test_the_rate_warms_up_stays_and_falls_to_zero():
    rate = [rate_factor(RECIPE, step) for step in range(1000)]
    assert rate[0] == pytest.approx(0.01) and rate[49] == pytest.approx(0.5)
    assert all(value == 1.0 for value in rate[99:601])
    assert rate[800] == pytest.approx(0.5)
    assert all(a > b for a, b in itertools.pairwise(rate[601:]))
    assert 0 < rate[-1] < 1e-4 and rate_factor(RECIPE, 1000) == pytest.approx(0.0, abs=1e-12)


def test_the_average_is_the_recurrence():
    model, average = nn.Linear(2, 1, bias=False), nn.Linear(2, 1, bias=False)
    with torch.no_grad():
        average.weight.zero_()
        model.weight.fill_(1.0)
    expected = 0.0
    for step in range(200):
        update_average(average, model, 0.9, step)
        decay = min(0.9, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay)
    assert torch.allclose(average.weight, torch.full((1, 2), expected))


def test_adan_takes_the_steps_of_the_paper():
    """Xie et al. 2022, algorithm 1, transcribed, with decoupled decay before the step."""
    recipe = dataclasses.replace(RECIPE, learning_rate=0.1, weight_decay=0.02)
    theta = nn.Parameter(torch.tensor([1.0, -2.0], dtype=torch.float64))
    optimizer = make_optimizer([theta], recipe)
    b1, b2, b3 = 0.98, 0.92, 0.99
    x = theta.detach().clone()
    m, v, n, before = 0 * x, 0 * x, 0 * x, None
    for k in range(1, 6):
        theta.grad = g = theta.detach() ** 3 + 0.5
        difference = torch.zeros_like(g) if before is None else g - before
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * difference
        n = b3 * n + (1 - b3) * (g + b2 * difference) ** 2
        root = (n / (1 - b3**k)).sqrt() + 1e-8
        rate = 0.1 / k
        x = x * (1 - rate * 0.02)
        x = x - rate * (m / (1 - b1**k) + b2 * v / (1 - b2**k)) / root
        before = g.clone()
        set_rate(optimizer, rate)
        optimizer.step()
        assert torch.allclose(theta, x, rtol=1e-10)
