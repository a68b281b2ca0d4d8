"""Recipes of the user's own: what can be written, and how mistakes are named."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from vimoflow.diffusion.timesteps import ProbabilityRise
from vimoflow.errors import ConfigError, InputError
from vimoflow.training.losses import LossWeights
from vimoflow.training.recipe_files import recipe_fields
from vimoflow.training.recipes import RECIPES, find_recipe, recipe_name
from vimoflow.training.schedules import DivergenceRule

WHOLE = """
base = "small"
steps = 20000
learning_rate = 1
frames = [24, 150]
shares = [0.5, 0.5]
weighting = "min_snr(5)"
independent_timesteps = { end = 0.4, until = 0.7 }

[model]
film_version = 2

[losses]
velocity = 0.0
rotation_velocity = 0.02

[divergence]
patience = 20

[batches.augmentation]
mirror = 0.25

[[loss_milestones]]
epoch = 25
losses = { joints = 20.0 }
"""


def written(folder: Path, text: str, name: str = "mine.toml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_a_file_changes_what_it_names_and_keeps_the_rest(tmp_path):
    path = written(tmp_path, WHOLE)
    recipe, base = find_recipe(path), RECIPES["small"]
    assert recipe.steps == 20_000 and recipe.frames == (24, 150)
    assert recipe.learning_rate == 1.0 and isinstance(recipe.learning_rate, float)
    assert recipe.model == dataclasses.replace(base.model, film_version=2)
    changed = dataclasses.replace(base.losses, velocity=0.0, rotation_velocity=0.02)
    assert recipe.losses == changed and recipe.ema == base.ema
    assert recipe.independent_timesteps == ProbabilityRise(0.2, 0.4, 0.7)
    assert recipe.divergence == DivergenceRule(patience=20)
    assert recipe.batches.augmentation.mirror == 0.25
    assert recipe.loss_milestones[0].losses == LossWeights(joints=20.0)
    assert recipe_name(path) == "mine"


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_comes_back_from_its_file(tmp_path, name):
    path = tmp_path / "recipe.json"
    path.write_text(json.dumps(recipe_fields(RECIPES[name])))
    assert find_recipe(path) == RECIPES[name]
    assert recipe_fields(find_recipe(path)) == json.loads(path.read_text())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("step = 3", "unknown field 'step'; did you mean 'steps'"),
        ("[losses]\njoint = 1.0", "unknown field 'losses.joint'; did you mean 'joints'"),
        ("quux = 1", "unknown field 'quux'; known are model, frames"),
        ('steps = "many"', "'steps' must be a whole number, not text"),
        ("steps = 2.5", "'steps' must be a whole number"),
        ("steps = true", "'steps' must be a whole number"),
        ("learning_rate = nan", "learning_rate must be positive"),
        ("frames = 24", "'frames' must be a list, not a whole number"),
        ("frames = [24, 'x']", "'frames[1]' must be a whole number"),
        ("model = 3", "'model' must be a table"),
        ("independent_timesteps = 'rise'", "must be a number or a table, not text"),
        ("[[loss_milestones]]\nepoch = 3", "'loss_milestones[0]' needs 'losses'"),
        ("[loss_options]\nfoot_mask = 'x'", "must be one of truth, predicted, learned, not 'x'"),
        ("weighting = 'min_snr(-1)'", "must be positive"),
        ("shares = [0.5, 0.5]", "a share each"),
        ("[losses]\njoints = -1.0", "'joints' must be 0 or more"),
        ("independent_timesteps = 1.5", "from 0 to 1"),
        ("[timesteps]\nlate = 0.9\ngap = 0.2", "exceed 1"),
        ('base = "huge"', "unknown base recipe 'huge'"),
        ("base = 3", "unknown base recipe 3"),
        ("[batches.cameras]\nimage_sizes = [[1, 2, 3]]", "[0]' must be a list of length 2"),
    ],
)
def test_a_mistake_is_one_line_with_file_and_field(tmp_path, text, message):
    path = written(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        find_recipe(path)
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.toml", b"steps ="), ("a.json", b"[1]"), ("a.json", b"{"), ("a.toml", b"\xff\xfe\x00")],
)
def test_a_file_that_is_no_recipe_is_one_line(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        find_recipe(path)
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)


def test_a_missing_file_is_one_line(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        find_recipe(tmp_path / "none.toml")
