"""Loss factors over epochs, the answer to divergence, and the mixture of timesteps."""

from __future__ import annotations

import json
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vimoflow.diffusion.timesteps import ProbabilityRise
from vimoflow.errors import ConfigError
from vimoflow.training.losses import LossWeights
from vimoflow.training.recipes import find_recipe
from vimoflow.training.schedules import (
    DivergenceGuard,
    DivergenceRule,
    LossMilestone,
    TimestepShares,
    loss_weights_at,
)

RULE = DivergenceRule(smoothing=5, patience=3, settle_steps=10)


def test_factors_change_linearly_between_milestones_and_then_stay():
    start = LossWeights(joints=0.0, velocity=1.0)
    milestones = [
        LossMilestone(10.0, LossWeights(joints=5.0, velocity=1.0)),
        LossMilestone(20.0, LossWeights(joints=5.0, velocity=0.0)),
    ]
    found = [loss_weights_at(start, milestones, float(e)) for e in (0, 5, 10, 15, 20, 99)]
    assert [w.joints for w in found] == pytest.approx([0, 2.5, 5, 5, 5, 5])
    assert [w.velocity for w in found] == pytest.approx([1, 1, 1, 0.5, 0, 0])
    assert loss_weights_at(start, (), 7.0) == start


@pytest.mark.parametrize(
    ("epoch", "joints", "velocity", "foot"),
    [(0, 0.01, 1.0, 0.1), (25, 0.1, None, None), (40, 0.1, 0.01, 0.5), (50, 0.1, 0.01, 0.5)],
)
def test_the_thesis_lambdas_evolve_as_it_says(epoch, joints, velocity, foot):
    recipe = find_recipe("thesis-evolved")
    w = recipe.loss_weights(epoch * recipe.epoch_steps)
    assert w.joints == pytest.approx(joints)
    assert velocity is None or w.rotation_velocity == pytest.approx(velocity)
    assert foot is None or w.foot == pytest.approx(4 * foot)


def test_a_steady_or_falling_loss_never_resets():
    guard = DivergenceGuard(RULE)
    assert not any(guard.observe(step, 1.0 + 5 / (1 + step)) for step in range(500))
    assert guard.resets == () and guard.rate_factor == 1.0
    rise = ProbabilityRise()
    assert guard.probability(rise) is rise and guard.probability(0.4) == 0.4


def test_divergence_resets_p_and_raises_the_rate_once_as_in_the_thesis():
    guard = DivergenceGuard(RULE)
    losses = [1.0] * 30 + [4.0] * 60
    resets = [step for step, loss in enumerate(losses) if guard.observe(step, loss)]
    assert len(resets) == 1 and 31 < resets[0] < 40
    assert guard.resets == tuple(resets)
    assert guard.probability(ProbabilityRise()) == 0.2
    assert guard.rate_factor * 1e-4 == pytest.approx(2.5e-4)
    for step in range(90, 120):
        guard.observe(step, 40.0)
    assert len(guard.resets) == 2 and guard.rate_factor == 2.5


@pytest.mark.parametrize("bad", [(math.nan, 1.0), (math.inf, 1.0), (1.0, 5.0), (1.0, math.nan)])
def test_infinite_losses_and_a_root_that_runs_away_count_as_divergence(bad):
    guard = DivergenceGuard(RULE)
    for step in range(20):
        assert not guard.observe(step, 1.0)
    assert any(guard.observe(step, *bad) for step in range(20, 40))


def test_one_bad_step_is_no_divergence():
    guard = DivergenceGuard(RULE)
    assert not any(guard.observe(s, 3.0 if s == 30 else 1.0) for s in range(60))


def test_without_a_rule_nothing_happens():
    guard = DivergenceGuard(None)
    assert not any(guard.observe(step, 10.0**step) for step in range(50))
    assert guard.rate_factor == 1.0 and guard.probability(0.7) == 0.7


@settings(deadline=None, max_examples=50)
@given(st.lists(st.floats(0, 10), min_size=1, max_size=80), st.integers(0, 80))
def test_a_resumed_guard_goes_on_as_if_it_had_not_stopped(losses, stop):
    whole, first = DivergenceGuard(RULE), DivergenceGuard(RULE)
    expected = [whole.observe(step, loss) for step, loss in enumerate(losses)]
    found = [first.observe(step, loss) for step, loss in enumerate(losses[:stop])]
    second = DivergenceGuard(RULE)
    second.load_state_dict(json.loads(json.dumps(first.state_dict())))
    found += [second.observe(stop + i, loss) for i, loss in enumerate(losses[stop:])]
    assert found == expected and second.state_dict() == whole.state_dict()


def test_impossible_rules_and_foreign_states_are_refused():
    with pytest.raises(ConfigError, match="p from 0 to 1"):
        DivergenceRule(probability=1.5)
    with pytest.raises(ConfigError, match="above 1"):
        DivergenceRule(tolerance=0.9)
    with pytest.raises(ValueError, match="another version"):
        DivergenceGuard(RULE).load_state_dict({"seen": 3})


def test_timesteps_mix_ptss_with_what_the_shares_say():
    generator = torch.Generator().manual_seed(0)
    t = TimestepShares(late=0.5).sampler(0.0, 1000).sample(4000, 8, generator)
    assert bool((t == t[:, :1]).all())
    assert float((t[:, 0] >= 500).double().mean()) == pytest.approx(0.75, abs=0.03)
    t = TimestepShares(block=0.2).sampler(0.5, 1000).sample(4000, 8, generator)
    levels = torch.tensor([len(row.unique()) for row in t])
    assert float((levels > 2).double().mean()) == pytest.approx(0.4, abs=0.04)
    t = TimestepShares(blank=0.3, gap=0.2).sampler(0.0, 1000).sample(4000, 8, generator)
    assert float((t == 1000).all(1).double().mean()) == pytest.approx(0.3, abs=0.03)
    known = (t == 0).any(1) & (t == 1000).any(1)
    assert float(known.double().mean()) == pytest.approx(0.2, abs=0.03)
    assert TimestepShares().sampler(1.0, 10).sample(50, 8, generator).max() < 10


def test_impossible_shares_are_refused():
    for shares in ({"late": 0.7, "gap": 0.4}, {"blank": -0.1}):
        with pytest.raises(ConfigError, match="exceed 1"):
            TimestepShares(**shares)
