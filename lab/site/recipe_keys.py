"""Tables of all keys of a training recipe, made from the dataclasses that hold them."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from vimoflow.diffusion.timesteps import ProbabilityRise
from vimoflow.training.losses import FrameLosses, LossWeights
from vimoflow.training.recipes import RECIPES, Recipe
from vimoflow.training.schedules import DivergenceRule, LossMilestone

_MORE = {LossWeights: FrameLosses}
"""Dataclasses whose keys are explained first of all by another's fields of the same name."""

_OPTIONAL: dict[str, Any] = {
    "independent_timesteps": ProbabilityRise(),
    "divergence": DivergenceRule(),
}
"""Keys of a recipe that may be tables, with what such a table has by default."""


@dataclass(frozen=True)
class Key:
    """One key of a recipe file: its name, its value in the recipe ``small`` and what it means."""

    name: str
    value: str
    meaning: str


@dataclass(frozen=True)
class Table:
    """The keys of one TOML table, and what it is for; the heading is "" at the top level."""

    heading: str
    meaning: str
    keys: tuple[Key, ...]


def recipe_tables() -> list[Table]:
    """All tables of a recipe file, in the order of the recipe's fields."""
    return list(_tables(RECIPES["small"], "", ""))


def recipe_markdown() -> str:
    """The tables as Markdown, for docs/training.md."""
    parts = []
    for table in recipe_tables():
        if table.heading:
            meaning = table.meaning[:1].upper() + table.meaning[1:]
            parts.append(f"#### `{table.heading}`\n\n{meaning}\n")
        rows = [f"| `{key.name}` | {key.value} | {key.meaning} |" for key in table.keys]
        parts.append("\n".join(["| key | `small` | meaning |", "|---|---|---|", *rows, ""]))
    return "\n".join(parts)


def _tables(values: Any, path: str, meaning: str) -> Iterator[Table]:
    meanings = attribute_texts(type(values))
    if type(values) in _MORE:
        first = attribute_texts(_MORE[type(values)])
        meanings = {name: f"{text} {meanings.get(name, '')}" for name, text in first.items()}
    fields = {field.name: getattr(values, field.name) for field in dataclasses.fields(values)}
    inner: dict[str, Any] = {
        name: value for name, value in fields.items() if dataclasses.is_dataclass(value)
    }
    keys = [
        Key(name, f"`{_toml(value)}`", meanings.get(name, "").strip())
        for name, value in fields.items()
        if name not in inner
    ]
    yield Table(f"[{path}]" if path else "", meaning, tuple(keys))
    optional = _OPTIONAL if isinstance(values, Recipe) else {}
    for name, value in (inner | optional).items():
        where = f"{path}.{name}" if path else name
        yield from _tables(value, where, meanings.get(name, ""))
    if isinstance(values, Recipe):
        keys = [Key(name, "", text) for name, text in attribute_texts(LossMilestone).items()]
        yield Table("[[loss_milestones]]", meanings.get("loss_milestones", ""), tuple(keys))


def attribute_texts(kind: type) -> dict[str, str]:
    """What a docstring's ``Attributes`` section says of each field, as Markdown on one line."""
    section = re.search(r"^ *Attributes:\n((?: {8,}.*\n|\n)+)", (kind.__doc__ or "") + "\n", re.M)
    entries = re.split(r"^ {8}(?=\w)", section.group(1), flags=re.M) if section else []
    texts = {}
    for entry in filter(None, entries):
        names, _, text = entry.partition(":")
        line = " ".join(text.split()).replace("``", "`").replace("|", "\\|")
        texts.update({name.strip(): re.sub(r":\w+:`~?([^`]+)`", r"`\1`", line)
                      for name in names.split(",")})  # fmt: skip
    return texts


def _toml(value: Any) -> str:
    """A value as a recipe file writes it; ``false`` stands for None."""
    return json.dumps(False if value is None else value)
