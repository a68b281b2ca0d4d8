"""The tables of a recipe's keys are complete and can be followed."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

from lab.site.recipe_keys import recipe_markdown, recipe_tables
from vimoflow.training.losses import LossWeights
from vimoflow.training.recipe_files import read_recipe
from vimoflow.training.recipes import RECIPES, Recipe


def test_every_key_is_explained():
    unexplained = [
        f"{table.heading} {key.name}"
        for table in recipe_tables()
        for key in table.keys
        if not key.meaning
    ]
    assert unexplained == []
    assert [table.heading for table in recipe_tables() if table.heading and not table.meaning] == []


def test_every_field_of_a_recipe_is_a_key_or_a_table():
    tables = {table.heading: {key.name for key in table.keys} for table in recipe_tables()}
    fields = {field.name for field in dataclasses.fields(Recipe)}
    assert fields == tables[""] | {name for name in fields if f"[{name}]" in tables}
    assert tables["[losses]"] == {field.name for field in dataclasses.fields(LossWeights)}


def test_the_values_make_the_recipe_they_are_said_to_be(tmp_path: Path):
    """A file of all keys as the tables print them is read, and is ``small``."""
    optional = ("[independent_timesteps]", "[divergence]", "[[loss_milestones]]")
    lines = ['base = "big"']
    for table in recipe_tables():
        if table.heading not in optional:
            lines += [table.heading, *(f"{key.name} = {key.value[1:-1]}" for key in table.keys)]
    path = tmp_path / "all.toml"
    path.write_text("\n".join(lines), "utf-8")
    assert read_recipe(path) == RECIPES["small"]


def test_the_tables_are_markdown():
    rows = [line for line in recipe_markdown().splitlines() if line.startswith("| `")]
    assert len(rows) == sum(len(table.keys) for table in recipe_tables())
    assert all(line.replace("\\|", "").count("|") == 4 for line in rows)
    assert json.dumps(RECIPES["small"].frames) in recipe_markdown()
