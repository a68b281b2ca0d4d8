"""Sampling of any length: the same as all at once, wherever the windows lie, and cuts joined."""

from __future__ import annotations

import functools
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sampling_examples import LowPass, checkpoint_of, condition_of
from vimoflow.diffusion.denoiser import Denoiser, DenoiserConfig
from vimoflow.diffusion.windows import WindowPlan
from vimoflow.inference.conditioning.encoding import Condition
from vimoflow.inference.sampling import (
    SamplingOptions,
    Shot,
    denoising,
    finished_motion,
    finishing,
    sample_features,
    sample_shots,
    task,
)
from vimoflow.inference.sampling.joining import GROUND, Joined
from vimoflow.inference.sampling.noise import FrameNoise
from vimoflow.inference.sampling.turning import heading_between, turned_features
from vimoflow.motion.features import LAYOUT, decode_features
from vimoflow.motion.kinematics import forward_kinematics

RAW = SamplingOptions(steps=3, window=24, overlap=8, refine=False)


@pytest.fixture(scope="module")
def tiny():
    torch.manual_seed(0)
    return checkpoint_of(Denoiser(DenoiserConfig(width=32, heads=2, blocks=1, encoder_layers=1)))


def standing(frames: int, seed: int = 0) -> torch.Tensor:
    """Features of a figure that moves at random but little."""
    generator = torch.Generator().manual_seed(seed)
    features = 0.2 * torch.randn(1, frames, 151, generator=generator)
    features[..., LAYOUT.rotations] += torch.tensor([1.0, 0, 0, 0, 1, 0]).repeat(24)
    return features


@pytest.mark.parametrize("sampler", ["ddpm", "ddim"])
def test_block_by_block_is_the_same_as_all_windows_at_once(tiny, monkeypatch, sampler):
    condition = condition_of(2, 200)
    condition.pose[:, 100:120] = 0
    options = replace(RAW, sampler=sampler)
    found = []
    for block in (4, 1000):
        part = functools.partial(task.denoised, block=block)
        monkeypatch.setattr(denoising, "denoised", part)
        found.append(sample_features(tiny, condition, options))
    torch.testing.assert_close(*found, atol=1e-3, rtol=1e-3)


def test_windows_elsewhere_change_little_where_windows_agree():
    condition = condition_of(1, 300)
    plan = WindowPlan.cover(300, 60, 20)
    options = replace(RAW, window=60, overlap=20)
    model = checkpoint_of(LowPass())
    here = sample_features(model, condition, options, plan=plan)
    there = sample_features(model, condition, options, plan=plan.moved(13))
    inner = [i for i in range(LAYOUT.size) if i not in range(300)[GROUND]]
    spread = here[..., inner].std()
    assert float((here - there)[..., inner].abs().mean()) < 0.1 * float(spread)


def test_noise_of_a_stretch_is_a_part_of_the_whole():
    noise = FrameNoise(5, 2, torch.device("cpu"))
    whole = noise(3, 0, 3500)
    torch.testing.assert_close(noise(3, 1590, 1700), whole[:, 1590:1700])
    torch.testing.assert_close(noise(3, 3300, 3317), whole[:, 3300:3317])
    assert (
        abs(float(np.corrcoef(whole[0, :1600].flatten(), whole[0, 1600:3200].flatten())[0, 1]))
        < 0.01
    )


def test_pieces_join_to_what_they_were_cut_from():
    features = standing(50)
    joined = Joined(1, 50)
    for first, end in ((0, 20), (15, 40), (40, 50)):
        piece = features[:, first:end].clone()
        if first != 40:  # what overlaps is moved to where it belongs
            piece[..., GROUND] += 3.0 * first
        joined.append(first, piece)
    torch.testing.assert_close(joined.features, features, atol=1e-4, rtol=1e-4)


def test_feet_locked_in_pieces_are_nearly_those_locked_at_once(monkeypatch):
    features = standing(400)
    features[..., LAYOUT.root] = 0.02 * features[..., LAYOUT.root] + torch.tensor([0, 0.95, 0])
    kernel = torch.hann_window(31, periodic=False)
    smooth = torch.nn.functional.conv1d(
        features.mT, (kernel / kernel.sum()).expand(151, 1, -1), padding=15, groups=151
    ).mT[0, 20:-20]
    whole = finished_motion(smooth).joint_positions
    monkeypatch.setattr(finishing, "PIECE", 200)
    monkeypatch.setattr(finishing, "_SHARED", 60)
    parts = finished_motion(smooth).joint_positions
    assert np.abs(parts - whole).mean() < 0.003
    jerk = np.abs(np.diff(parts, n=3, axis=0)).mean(axis=(1, 2))
    assert jerk.max() < 2 * np.abs(np.diff(whole, n=3, axis=0)).mean(axis=(1, 2)).max()


@given(yaw=st.floats(-3.1, 3.1))
@settings(max_examples=20, deadline=None)
def test_the_heading_between_two_is_the_turn_that_was_made(yaw):
    features = standing(12)
    turned = turned_features(features, torch.tensor([yaw]))
    found = float(heading_between(features, turned))
    assert abs(math.remainder(found - yaw, 2 * math.pi)) < 1e-3
    joints = forward_kinematics(*decode_features(features)[::2])[1]
    again = forward_kinematics(*decode_features(turned)[::2])[1]
    torch.testing.assert_close(again[..., 1], joints[..., 1], atol=1e-4, rtol=1e-4)


def test_a_shot_over_any_frames_is_seen_in_its_own_only():
    shot = Shot(10, condition_of(1, 20))
    for first, end in ((0, 40), (12, 17), (0, 10), (30, 35), (5, 15), (25, 33)):
        over = shot.over(first, end)
        assert over.pose.shape == (1, end - first, 17, 3)
        for frame in range(first, end):
            row = over.pose[:, frame - first]
            if 10 <= frame < 30:
                assert torch.equal(row, shot.condition.pose[:, frame - 10])
            else:
                assert not row.any()


@pytest.mark.parametrize("refine", [False, True])
def test_shots_become_one_motion_without_a_jump(tiny, refine):
    lengths, first, shots = (40, 3, 60), 0, []
    for number, frames in enumerate(lengths):
        shots.append(Shot(first, condition_of(2, frames, number)))
        first += frames
    told = []
    options = replace(RAW, refine=refine)
    features = sample_shots(tiny, shots, options, lambda *now: told.append(now))
    assert features.shape == (2, 103, 151) and features.isfinite().all()
    assert told[-1] == (3, 3) and told == sorted(told)
    alone = Condition(shots[0].condition.pose[:1], shots[0].condition.track[:1])
    one = sample_shots(tiny, [Shot(0, alone)], options)
    torch.testing.assert_close(one, sample_features(tiny, alone, options), atol=1e-4, rtol=1e-4)
