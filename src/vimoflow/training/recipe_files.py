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

import dataclasses
import difflib
import json
import math
import types
import typing
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args, get_origin

from vimoflow.errors import ConfigError, InputError
from vimoflow.training.recipes import RECIPES, Recipe

_KINDS = {int: "a whole number", float: "a number", str: "text", bool: "true or false"}


def read_recipe(path: Path) -> Recipe:
    """The recipe of a file.

    Raises:
        InputError: it cannot be read, or is not TOML (JSON).
        ConfigError: it names a field that does not exist or gives it a value of a wrong type.
    """
    values = _parse(path)
    base = values.pop("base", "small")
    if base not in RECIPES:
        raise ConfigError(f"{path}: unknown base recipe {base!r}: one of {', '.join(RECIPES)}")
    try:
        return _build(Recipe, values, RECIPES[base], "")
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


def recipe_fields(recipe: Recipe) -> dict[str, Any]:
    """All fields as plain values; what is None is false."""
    return typing.cast("dict[str, Any]", _plain(dataclasses.asdict(recipe)))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return False if value is None else value


def _parse(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not text"
        raise InputError(f"{path}: cannot read the recipe ({reason})") from error
    try:
        values = json.loads(text) if path.suffix == ".json" else _toml(text)
    except ValueError as error:  # both decoders' errors are ValueErrors
        reason = " ".join(str(error).split())
        raise InputError(f"{path}: not a recipe ({reason})") from error
    if not isinstance(values, dict):
        raise InputError(f"{path}: not a recipe (no table of fields)")
    return values


def _toml(text: str) -> dict[str, Any]:
    try:
        import tomllib
    except ModuleNotFoundError:  # Python 3.10
        import tomli as tomllib  # type: ignore[import-not-found,no-redef,unused-ignore]

    return tomllib.loads(text)


def _build(kind: Any, values: dict[str, Any], base: Any, where: str) -> Any:
    """A dataclass from a table; what the table leaves out comes from ``base`` or the defaults."""
    hints = typing.get_type_hints(kind)
    changes = {}
    for key, value in values.items():
        if key not in hints:
            close = difflib.get_close_matches(key, hints, n=1)
            hint = f"; did you mean '{close[0]}'?" if close else f": known are {', '.join(hints)}"
            raise ConfigError(f"unknown field '{where}{key}'{hint}")
        changes[key] = _value(hints[key], value, getattr(base, key, None), where + key)
    try:
        return dataclasses.replace(base, **changes) if isinstance(base, kind) else kind(**changes)
    except TypeError as error:
        missing = [
            f.name
            for f in dataclasses.fields(kind)
            if f.name not in changes
            and f.default is dataclasses.MISSING
            and f.default_factory is dataclasses.MISSING
        ]
        raise ConfigError(f"'{where.rstrip('.')}' needs {', '.join(missing)}") from error


def _value(kind: Any, value: Any, base: Any, where: str) -> Any:
    """``value`` as the annotated type, or a ConfigError that names the field."""
    for option in _options(kind):
        if option is type(None) and (value is False or value is None):
            return None
        if option is float and type(value) in (int, float) and math.isfinite(value):
            return float(value)
        if option in (int, str, bool) and type(value) is option:
            return value
        if get_origin(option) is typing.Literal and value in get_args(option):
            return value
        if dataclasses.is_dataclass(option) and isinstance(value, dict):
            return _build(option, value, base, where + ".")
        if get_origin(option) is tuple and isinstance(value, list | tuple):
            return _row(option, value, where)
    raise ConfigError(f"'{where}' must be {_wanted(kind)}, not {value!r}")


def _row(kind: Any, values: Sequence[Any], where: str) -> tuple[Any, ...]:
    kinds = get_args(kind)
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        kinds = (kinds[0],) * len(values)
    if len(kinds) != len(values):
        raise ConfigError(f"'{where}' must be {len(kinds)} values, not {len(values)}")
    return tuple(
        _value(k, v, None, f"{where}[{i}]")
        for i, (k, v) in enumerate(zip(kinds, values, strict=True))
    )


def _options(kind: Any) -> tuple[Any, ...]:
    union = get_origin(kind) in (typing.Union, types.UnionType)
    return get_args(kind) if union else (kind,)


def _wanted(kind: Any) -> str:
    names = []
    for option in _options(kind):
        if get_origin(option) is typing.Literal:
            names.append("one of " + ", ".join(map(str, get_args(option))))
        elif get_origin(option) is tuple:
            names.append("a list")
        elif option is not type(None):
            names.append(_KINDS.get(option, "a table"))
    return " or ".join(names)
