"""Frequencies and shapes of the timesteps that training sees."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from vimoflow.diffusion.timesteps import (
    PTSS,
    BlankTimesteps,
    BlockTimesteps,
    GapTimesteps,
    MixedTimesteps,
    ProbabilityRise,
    ScalarTimesteps,
    TimestepSampler,
)
from vimoflow.errors import ConfigError

PER_FRAME = [
    PTSS(1.0),
    PTSS(),
    PTSS(ProbabilityRise()),
    BlockTimesteps(),
    MixedTimesteps((ScalarTimesteps(), BlockTimesteps()), (0.5, 0.5)),
]


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("sampler", PER_FRAME, ids=str)
@given(batch=st.integers(1, 5), frames=st.integers(1, 20), seed=st.integers(0, 2**31))
def test_shape_range_and_seed(sampler: TimestepSampler, batch: int, frames: int, seed: int) -> None:
    t = sampler.sample(batch, frames, generator(seed), 0.5)
    assert t.shape == (batch, frames) and t.dtype == torch.int64
    assert t.min() >= 0 and t.max() < 1000
    assert torch.equal(t, sampler.sample(batch, frames, generator(seed), 0.5))


def test_scalar_timesteps_are_uniform() -> None:
    t = ScalarTimesteps().sample(50_000, 150, generator())
    assert t.shape == (50_000,)
    counts = torch.bincount(t // 100, minlength=10)
    assert len(counts) == 10
    # A multinomial count of 5000 has a standard deviation of 67.
    assert (counts - 5000).abs().max() < 5 * 67


def share_of_clips_with_several_levels(sampler: TimestepSampler, progress: float) -> float:
    t = sampler.sample(20_000, 12, generator(), progress)
    return float((t != t[:, :1]).any(1).double().mean())


@pytest.mark.parametrize("p", [0.0, 0.2, 0.3, 0.7, 1.0])
def test_ptss_has_independent_frames_with_probability_p(p: float) -> None:
    # Four standard deviations of a share among 20,000 clips.
    tolerance = 4 * (p * (1 - p) / 20_000) ** 0.5
    assert abs(share_of_clips_with_several_levels(PTSS(p), 0.0) - p) <= tolerance


@pytest.mark.parametrize(
    ("progress", "p"), [(-1.0, 0.2), (0.0, 0.2), (0.25, 0.35), (0.5, 0.5), (1.0, 0.5)]
)
def test_ptss_follows_its_schedule(progress: float, p: float) -> None:
    sampler = PTSS(ProbabilityRise(0.2, 0.5, until=0.5))
    assert sampler.probability(progress) == pytest.approx(p)
    assert share_of_clips_with_several_levels(sampler, progress) == pytest.approx(p, abs=0.015)


def test_independent_frames_are_uncorrelated() -> None:
    t = PTSS(1.0).sample(5000, 2, generator()).double()
    assert torch.corrcoef(t.T)[0, 1].abs() < 0.06


def test_blocks_are_few_intervals_of_two_levels_often_clean() -> None:
    sampler = BlockTimesteps(most_cuts=3, clean=0.25)
    t = sampler.sample(8000, 30, generator())
    assert ((t[:, 1:] != t[:, :-1]).sum(1) <= 3).all()
    assert all(len(row.unique()) <= 2 for row in t[:500])
    several = t[(t != t[:, :1]).any(1)]
    assert len(several) > 6000
    assert (several == 0).any(1).double().mean().item() == pytest.approx(0.25, abs=0.03)
    # Known frames come first as often as last.
    assert (several[:, 0] == 0).double().mean().item() == pytest.approx(0.125, abs=0.02)


def test_nothing_is_known_of_blank_clips() -> None:
    assert torch.equal(BlankTimesteps(T=7).sample(3, 5, generator()), torch.full((3, 5), 7))


def test_gaps_lie_anywhere_between_known_frames() -> None:
    t = GapTimesteps(most_gaps=2, longest=0.75).sample(20_000, 40, generator())
    assert set(t.unique().tolist()) == {0, 1000}
    gap = (t > 0).double()
    by_frame = gap.mean(0)
    assert by_frame.max() < 1.15 * by_frame.min()
    begins = (gap[:, 1:] > gap[:, :-1]).sum(1) + (gap[:, 0] > 0)
    assert 1 <= begins.max() <= 2 and begins.double().mean() > 1
    one = GapTimesteps(most_gaps=1, longest=0.5).sample(5000, 40, generator())
    assert int((one > 0).sum(1).max()) == 20


def test_a_mixture_takes_each_sampler_as_often_as_its_share() -> None:
    mixed = MixedTimesteps((ScalarTimesteps(), PTSS(1.0)), (0.8, 0.2))
    assert share_of_clips_with_several_levels(mixed, 0.0) == pytest.approx(0.2, abs=0.015)


def test_impossible_settings_are_refused() -> None:
    with pytest.raises(ConfigError, match="PTSS"):
        PTSS(1.2)
    with pytest.raises(ConfigError, match="probabilities"):
        ProbabilityRise(0.2, 1.5)
    with pytest.raises(ConfigError, match="cut"):
        BlockTimesteps(most_cuts=0)
    with pytest.raises(ConfigError, match="sum to 1"):
        MixedTimesteps((ScalarTimesteps(), PTSS()), (0.5, 0.6))
    with pytest.raises(ConfigError, match="one share"):
        MixedTimesteps((ScalarTimesteps(),), (0.5, 0.5))
