"""Named recipes."""

from __future__ import annotations

import pytest

from vimoflow.diffusion.denoiser import DenoiserConfig
from vimoflow.diffusion.weighting import parse_weighting
from vimoflow.errors import ConfigError
from vimoflow.training.recipes import RECIPES, find_recipe


def test_an_unknown_recipe_is_one_line_that_names_the_known_ones():
    with pytest.raises(ConfigError) as caught:
        find_recipe("huge")
    message = str(caught.value)
    assert "\n" not in message and "'huge'" in message
    assert all(name in message for name in RECIPES)


def test_the_recipes_train_the_models_of_the_thesis():
    assert find_recipe("small").model == DenoiserConfig.small()
    assert find_recipe("big").model == DenoiserConfig.big()


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_makes_sense(name):
    recipe = find_recipe(name)
    parse_weighting(recipe.weighting)
    assert len(recipe.frames) == len(recipe.shares) and sum(recipe.shares) == pytest.approx(1)
    assert recipe.warmup_steps < recipe.steps * (1 - recipe.decay)
    assert recipe.condition_drop == 0.25  # the thesis' share for classifier-free guidance
    assert min(recipe.losses.joints, recipe.losses.velocity, recipe.losses.foot) > 0
