"""The content of a step does not depend on who draws it, or when."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vimoflow.data.shards import read_shards
from vimoflow.diffusion.denoiser import DenoiserConfig
from vimoflow.diffusion.timesteps import PTSS
from vimoflow.errors import ConfigError
from vimoflow.training.losses import LossOptions
from vimoflow.training.material import ShardMaterial
from vimoflow.training.recipes import Recipe
from vimoflow.training.step_batches import (
    Share,
    StepBatches,
    draw_timesteps,
    parts_of,
    step_seed,
    window_frames,
)

RECIPE = Recipe(
    model=DenoiserConfig(),
    frames=(12, 24),
    shares=(0.5, 0.5),
    batch_frames=120,
    loss_options=LossOptions(projection_views=1),
)


def drawn(source: ShardMaterial, shares: list[Share], step: int) -> dict[int, list[torch.Tensor]]:
    """By number of the part: its features, condition, noise, cameras and timesteps."""
    parts = {}
    for share in shares:
        for micro_batch in StepBatches(source, RECIPE, 0, share).at(step):
            t = draw_timesteps(PTSS(0.5), RECIPE.seed, micro_batch, 0.0)
            whole = [
                micro_batch.examples.features,
                micro_batch.examples.condition.channels,
                micro_batch.noise,
                micro_batch.keep,
                micro_batch.cameras.R_camera_world,
                t,
            ]
            start = 0
            for part in micro_batch.parts:
                assert part.number not in parts
                parts[part.number] = [x[start : start + part.clips] for x in whole]
                start += part.clips
            assert all(len(x) == start for x in whole)
    return parts


def test_processes_and_micro_batches_together_draw_the_same_batch(shards):
    source = ShardMaterial(read_shards(shards, "train"), RECIPE.batches)
    alone = drawn(source, [Share(part_frames=30)], 1)
    assert sorted(alone) == [0, 1, 2, 3]
    three = drawn(source, [Share(rank, 3, 2, part_frames=30) for rank in range(3)], 1)
    assert sorted(three) == sorted(alone)
    for number, tensors in alone.items():
        assert all(map(torch.equal, three[number], tensors))
    assert not torch.equal(alone[0][2], alone[1][2])


def test_a_resumed_run_sees_the_rest(shards):
    source = ShardMaterial(read_shards(shards, "train"), RECIPE.batches)
    recipe = dataclasses.replace(RECIPE, steps=3)
    last = [mb for mbs in StepBatches(source, recipe, 2, Share()) for mb in mbs]
    assert [mb.step for mb in last] == [2]
    (expected,) = StepBatches(source, recipe, 0, Share()).at(2)
    assert torch.equal(last[0].examples.features, expected.examples.features)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 60), st.integers(1, 6), st.integers(1, 5))
def test_shares_split_the_parts_once(count, processes, micro_batches):
    parts = list(range(count))
    shares = [Share(rank, processes, micro_batches).of(parts) for rank in range(processes)]
    flat = [part for share in shares for micro_batch in share for part in micro_batch]
    assert sorted(flat) == parts
    assert all(len(share) <= micro_batches and all(share) for share in shares)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 9000), st.integers(2, 150), st.integers(1, 4), st.integers(50, 3000))
def test_parts_hold_the_whole_batch_evenly(batch_frames, frames, accumulation, part_frames):
    recipe = dataclasses.replace(RECIPE, batch_frames=batch_frames, accumulation=accumulation)
    clips = [part.clips for part in parts_of(recipe, frames, part_frames)]
    assert sum(clips) == max(1, batch_frames * accumulation // frames)
    assert min(clips) >= 1 and max(clips) - min(clips) <= 1


def test_more_processes_than_parts_are_refused():
    with pytest.raises(ConfigError, match="5 processes, but the batch has only 4 parts"):
        Share(0, 5, part_frames=30).require_enough(RECIPE)
    Share(0, 4, part_frames=30).require_enough(RECIPE)


def test_window_lengths_come_in_their_shares():
    lengths = [window_frames(RECIPE, step) for step in range(400)]
    assert 140 < lengths.count(12) < 260


def test_seeds_differ_between_steps_uses_and_parts():
    seeds = {
        step_seed(seed, step, stream, part)
        for seed in (0, 1) for step in range(100) for stream in range(5) for part in range(8)
    }  # fmt: skip
    assert len(seeds) == 2 * 100 * 5 * 8
