"""The regression path as a baseline."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from benchmark_examples import swaying
from vimoflow.diffusion.checkpoint import Checkpoint, Normalization
from vimoflow.diffusion.denoiser import Denoiser, DenoiserConfig
from vimoflow.diffusion.schedule import NoiseSchedule
from vimoflow.errors import CheckpointError
from vimoflow.evaluation.benchmark.baselines import is_regression, regression_motions
from vimoflow.evaluation.benchmark.cases import Case
from vimoflow.evaluation.benchmark.prediction import filming_of
from vimoflow.evaluation.benchmark.scores import Posed
from vimoflow.inference.gravity import upright_shot
from vimoflow.inference.sampling import SamplingOptions, finished_motion
from vimoflow.inference.sampling.turning import turned_features


@pytest.fixture(scope="module")
def checkpoint() -> Checkpoint:
    torch.manual_seed(0)
    config = DenoiserConfig(width=16, heads=2, blocks=1, encoder_layers=1)
    normalization = Normalization(torch.randn(151), torch.full((151,), 0.3))
    denoiser = Denoiser(config).eval().requires_grad_(False)
    for parameter in denoiser.parameters():  # a fresh output layer may be zero
        parameter.data += 0.05 * torch.randn_like(parameter)
    return Checkpoint("tiny", denoiser, normalization, NoiseSchedule(), "", {"kind": "regression"})


def test_regression_is_one_pass_from_an_empty_motion(checkpoint):
    truth = swaying(24, 1)
    points = Posed.of(truth).coco.float().numpy()
    seen = np.concatenate((400 * points[..., :2] * (1, -1), np.full((24, 17, 1), 0.9)), axis=-1)
    case = Case("c", "toy", "", seen.astype(np.float32), truth, points)
    options = SamplingOptions(steps=50, window=150, refine=False, guidance=3.0, lock_feet=False)
    motion = regression_motions(checkpoint, [case], options)[0]
    other_seed = dataclasses.replace(options, seed=7)
    again = regression_motions(checkpoint, [case], other_seed)[0]
    assert np.array_equal(motion.poses, again.poses)  # no noise went in

    points = torch.from_numpy(case.points_px)[None]
    shot = upright_shot(checkpoint, points, *filming_of([case]))
    x0 = checkpoint.denoiser(
        torch.zeros(1, 24, 151), torch.tensor([999]), shot.condition.channels,
        torch.ones(1, 24).bool(),
    )  # fmt: skip
    features = turned_features(checkpoint.normalization.denormalize(x0), shot.yaw)
    expected = finished_motion(features[0], options)
    np.testing.assert_allclose(motion.local_rotations, expected.local_rotations, atol=1e-4)
    path = expected.trans - expected.trans[:1] * (1, 0, 1)  # windows start at the origin
    np.testing.assert_allclose(motion.trans, path, atol=1e-4)


def test_only_regression_checkpoints_regress(checkpoint):
    assert is_regression(checkpoint)
    trained = dataclasses.replace(checkpoint, provenance={"settings": {"regression": True}})
    assert is_regression(trained)
    other = dataclasses.replace(checkpoint, provenance={"settings": {"regression": False}})
    assert not is_regression(other)
    with pytest.raises(CheckpointError, match="tiny: not a regression"):
        regression_motions(other, [])
