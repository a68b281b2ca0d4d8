"""Recipes of the user's own, in TOML or JSON.

A file names the recipe it starts from and what is different::

    base = "small"
    steps = 20000
    weighting = "min_snr(5)"
    independent_timesteps = { start = 0.2, end = 0.5, until = 0.7 }

    [losses]
    velocity = 0.0
    rotation_velocity = 0.02

    [[loss_milestones]]
    epoch = 25
    losses = { joints = 20.0 }

Field names are those of :class:`vimoflow.training.recipes.Recipe`; ``false`` stands for None.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vimoflow.documents import build, plain_values, read_document
from vimoflow.errors import ConfigError
from vimoflow.training.recipes import RECIPES, Recipe


def read_recipe(path: Path) -> Recipe:
    """The recipe of a file.

    Raises:
        InputError: it cannot be read, or is not TOML (JSON).
        ConfigError: it names a field that does not exist or gives it a value of a wrong type.
    """
    values = read_document(path)
    base = values.pop("base", "small")
    if base not in RECIPES:
        raise ConfigError(f"{path}: unknown base recipe {base!r}: one of {', '.join(RECIPES)}")
    return build(Recipe, values, str(path), RECIPES[base])


def recipe_fields(recipe: Recipe) -> dict[str, Any]:
    """All fields as plain values; what is None is false."""
    return plain_values(recipe)
