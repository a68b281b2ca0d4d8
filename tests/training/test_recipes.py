"""Named recipes."""

from __future__ import annotations

import dataclasses

import pytest

from vimoflow.diffusion.denoiser import DenoiserConfig
from vimoflow.diffusion.timesteps import PTSS
from vimoflow.diffusion.weighting import parse_weighting
from vimoflow.errors import ConfigError
from vimoflow.training.recipes import RECIPES, find_recipe, recipe_name


def test_an_unknown_recipe_is_one_line_that_names_the_known_ones():
    with pytest.raises(ConfigError) as caught:
        find_recipe("huge")
    message = str(caught.value)
    assert "\n" not in message and "'huge'" in message
    assert all(name in message for name in RECIPES)


def test_the_recipes_train_the_models_of_the_thesis():
    for name in ("small", "big"):  # ours have a deeper encoder, and weigh x_t
        model = find_recipe(name).model
        model = dataclasses.replace(model, encoder_layers=2, estimate_std=0.0)
        assert model == getattr(DenoiserConfig, name)()


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_makes_sense(name):
    recipe = find_recipe(name)
    parse_weighting(recipe.weighting)
    assert len(recipe.frames) == len(recipe.shares) and sum(recipe.shares) == pytest.approx(1)
    assert recipe.warmup_steps < recipe.steps * (1 - recipe.decay)
    assert name == "quick" or recipe.batch_frames == 32 * 150  # the thesis' batch
    losses = recipe.losses  # "setting any auxiliary loss to zero caused immediate collapse"
    assert min(losses.joints, losses.velocity + losses.rotation_velocity, losses.foot) > 0
    assert recipe_name(name) == name


@pytest.mark.parametrize(
    ("name", "width", "heads", "film", "epochs"),
    [
        ("small-v1-no-ptss", 128, 4, 1, 50),
        ("small-v1-ptss", 128, 4, 1, 65),
        ("small-v2-ptss", 128, 4, 2, 65),
        ("big-v1-ptss", 256, 8, 1, 100),
    ],
)
def test_the_recipes_of_figures_7_to_21(name, width, heads, film, epochs):
    recipe = find_recipe(name)
    model = recipe.model
    assert (model.width, model.heads, model.film_version) == (width, heads, film)
    assert recipe.steps == epochs * recipe.epoch_steps
    assert recipe.frames == (150,) and recipe.batch_frames // 150 == 32
    assert (recipe.learning_rate, recipe.weight_decay) == (1e-4, 0.02)
    assert recipe.condition_drop == 0.25
    assert not recipe.loss_options.supervise_contacts
    p = PTSS(recipe.independent_timesteps)
    at = [p.probability(epoch / epochs) for epoch in (0, 50, epochs)]
    if name.endswith("no-ptss"):
        assert at == [0.0, 0.0, 0.0] and recipe.divergence is None
    else:
        assert at == pytest.approx([0.2, 0.5, 0.5])
        assert recipe.divergence is not None and recipe.divergence.probability == 0.2


@pytest.mark.parametrize(
    ("name", "joints", "velocity", "foot"),
    [("thesis-early", 0.01, 1.0, 0.1), ("thesis-final", 0.1, 0.02, 0.05)],
)
def test_the_thesis_settings_of_the_losses(name, joints, velocity, foot):
    losses = find_recipe(name).losses
    assert (losses.joints, losses.rotation_velocity, losses.foot) == (joints, velocity, 4 * foot)
    assert losses.velocity == losses.root == losses.contacts == losses.projection == 0
