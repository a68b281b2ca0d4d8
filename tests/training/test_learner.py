"""One step of training: numerics that a whole run does not show."""

from __future__ import annotations

import pytest
import torch

from vimoflow.data.shards import read_shards
from vimoflow.diffusion.checkpoint import Normalization
from vimoflow.diffusion.denoiser import DenoiserConfig
from vimoflow.errors import ConfigError
from vimoflow.training.learner import Learner
from vimoflow.training.material import ShardMaterial
from vimoflow.training.processes import Processes
from vimoflow.training.recipes import Recipe
from vimoflow.training.starting import new_model
from vimoflow.training.step_batches import MicroBatch, Share, StepBatches

RECIPE = Recipe(
    model=DenoiserConfig(width=16, heads=2, blocks=1, encoder_layers=1),
    frames=(12,),
    shares=(1.0,),
    batch_frames=48,
    warmup_steps=1,
    learning_rate=1e-3,
)


@pytest.fixture(scope="module")
def micro_batches(shards) -> tuple[MicroBatch, ...]:
    """The batch of the first step."""
    material = ShardMaterial(read_shards(shards, "train"), RECIPE.batches)
    return StepBatches(material, RECIPE, 0, Share()).at(0)


def learner(scale: float = 1.0) -> Learner:
    normalization = Normalization(torch.zeros(151), torch.full((151,), scale))
    return Learner(new_model(RECIPE), RECIPE, normalization, Processes(), "float32", compile=False)


def test_steps_on_one_batch_bring_its_loss_down(micro_batches):
    made = learner()
    first = made.add_gradients(micro_batches)[0].share
    for _ in range(10):
        made.step = 0  # the same noise and timesteps
        made.learn(micro_batches)
    assert made.add_gradients(micro_batches)[0].share < 0.9 * first


def test_the_step_is_clipped(micro_batches):
    made = learner()
    made.learn(micro_batches)
    norm = torch.cat([p.grad.flatten() for p in made.model.parameters()]).norm()
    assert float(norm) == pytest.approx(RECIPE.clip_norm, rel=1e-3)


def test_gradients_that_are_not_finite_change_nothing_and_stop_the_run_in_the_end(micro_batches):
    made = learner(scale=float("nan"))
    before = {k: v.clone() for k, v in made.model.state_dict().items()}
    made._skipped = 48
    made.learn(micro_batches)
    assert all(torch.equal(before[k], v) for k, v in made.model.state_dict().items())
    with pytest.raises(ConfigError, match="not finite"):
        made.learn(micro_batches)
