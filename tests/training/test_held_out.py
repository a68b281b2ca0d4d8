"""Errors on fixed held-out examples."""

from __future__ import annotations

import pytest
import torch

from vimoflow.data.shards import read_shards
from vimoflow.diffusion.checkpoint import Normalization
from vimoflow.diffusion.denoiser import Denoiser, DenoiserConfig
from vimoflow.diffusion.schedule import NoiseSchedule
from vimoflow.motion.features import decode_features
from vimoflow.motion.kinematics import forward_kinematics
from vimoflow.training.held_out import HeldOut

MODEL = DenoiserConfig(width=16, heads=2, blocks=1, encoder_layers=1)
SCHEDULE = NoiseSchedule()


@pytest.fixture(scope="module")
def held_out(shards) -> HeldOut:
    return HeldOut.draw(read_shards(shards, "train"), clips=3, frames=8, seed=1)


def test_held_out_examples_are_always_the_same(held_out, shards):
    again = HeldOut.draw(read_shards(shards, "train"), clips=3, frames=8, seed=1)
    assert torch.equal(again.batch.features, held_out.batch.features)
    assert torch.equal(again.noise, held_out.noise)


def test_held_out_errors_are_those_at_the_middle_of_each_tenth(held_out):
    torch.manual_seed(1)
    model = Denoiser(MODEL).train()
    normalization = Normalization(torch.full((151,), 0.1), torch.full((151,), 0.5))
    errors = held_out.measure(model, normalization, SCHEDULE)
    assert model.training and len(errors.x0) == len(errors.joints_mm) == 10
    batch, target = held_out.batch, normalization.normalize(held_out.batch.features)
    model.eval()
    for tenth in (0, 4, 9):
        t = torch.full(batch.valid.shape, 100 * tenth + 50)
        with torch.no_grad():
            x_t = SCHEDULE.add_noise(target, t, held_out.noise)
            predicted = model(x_t, t, batch.condition.channels, batch.valid)
        x0 = (predicted - target)[batch.valid].square().mean()
        assert errors.x0[tenth] == pytest.approx(float(x0), rel=0.02)  # it runs in bfloat16
        R, _, _ = decode_features(normalization.denormalize(predicted))
        joints = forward_kinematics(R, torch.zeros(3, 8, 3))[1]
        truth = batch.joints - batch.joints[:, :, :1]
        apart = 1000 * (joints - truth).norm(dim=-1)[batch.valid].mean()
        assert errors.joints_mm[tenth] == pytest.approx(float(apart), rel=0.02)
    assert errors.mean_x0 == pytest.approx(sum(errors.x0) / 10)
