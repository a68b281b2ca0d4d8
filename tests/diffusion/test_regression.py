"""The regression baseline: one answer, whatever noise it is shown."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from vimoflow.diffusion.checkpoint import (
    Checkpoint,
    Normalization,
    load_checkpoint,
    save_checkpoint,
)
from vimoflow.diffusion.denoiser import Denoiser, DenoiserConfig
from vimoflow.diffusion.denoising import Walk, WholeClips
from vimoflow.diffusion.regression import Regressor, as_trained, is_regression
from vimoflow.diffusion.schedule import NoiseSchedule
from vimoflow.training.recipe_files import recipe_fields
from vimoflow.training.recipes import Recipe
from vimoflow.training.starting import new_model

MODEL = DenoiserConfig(width=16, heads=2, blocks=1, encoder_layers=1)
RECIPE = Recipe(model=MODEL, regression=True)
SCHEDULE = NoiseSchedule()


@pytest.fixture(scope="module")
def regressor() -> Regressor:
    torch.manual_seed(0)
    model = new_model(RECIPE)
    assert isinstance(model, Regressor)
    torch.nn.init.normal_(model.motion_out.weight)
    return model.eval()


def test_it_sees_the_condition_only(regressor):
    condition = torch.randn(2, 6, 58)
    x, t = torch.randn(2, 6, 151), torch.randint(1000, (2, 6))
    with torch.no_grad():
        out = regressor(x, t, condition)
        assert torch.equal(out, regressor(torch.randn(2, 6, 151), t * 0 + 3, condition))
        assert torch.equal(out, regressor(x, torch.tensor([1, 2]), condition))
        assert not torch.equal(out, regressor(x, t, torch.randn(2, 6, 58)))


@pytest.mark.parametrize("sampler", ["ddim", "mean"])
def test_sampling_gives_its_one_answer(regressor, sampler):
    condition = torch.randn(1, 5, 58)
    with torch.no_grad():
        expected = regressor(torch.zeros(1, 5, 151), torch.zeros(1, dtype=torch.long), condition)
        clips = WholeClips(
            lambda x, t: regressor(x, t, condition), lambda _: torch.randn(1, 5, 151)
        )
        found = clips.denoised(Walk.of(SCHEDULE, 3, sampler))
    torch.testing.assert_close(found, expected)


def test_only_recipes_of_regression_make_one():
    plain = new_model(dataclasses.replace(RECIPE, regression=False))
    assert type(plain) is Denoiser and plain.config == MODEL


def test_a_checkpoint_becomes_what_it_was_trained_as(regressor, tmp_path):
    normalization = Normalization(torch.zeros(151), torch.ones(151))
    for regression in (True, False):
        settings = recipe_fields(dataclasses.replace(RECIPE, regression=regression))
        path = tmp_path / "model.safetensors"
        save_checkpoint(
            Checkpoint("m", regressor, normalization, SCHEDULE, "", {"settings": settings}), path
        )
        found = as_trained(load_checkpoint(path))
        assert type(found.denoiser) is (Regressor if regression else Denoiser)
        weights = regressor.state_dict()
        assert all(torch.equal(v, weights[k]) for k, v in found.denoiser.state_dict().items())


def test_the_provenance_says_what_is_regression(regressor):
    normalization = Normalization(torch.zeros(151), torch.ones(151))
    for record, expected in (
        ({"kind": "regression"}, True),
        ({"settings": {"regression": True}}, True),
        ({"settings": {"regression": False}}, False),
        ({}, False),
    ):
        checkpoint = Checkpoint("m", regressor, normalization, SCHEDULE, "", record)
        assert is_regression(checkpoint) is expected
