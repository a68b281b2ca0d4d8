"""What users write in TOML or JSON, and tables, as the dataclasses that say what may stand there.

One reader for recipes, benchmarks, rig maps and lists of videos: types, defaults and choices are
those of the dataclass' own fields (``Literal`` for choices, ``X | None`` where ``false`` may stand
for nothing), and a mistake is told by the field's place, such as ``clips[0].views[1]``.
"""

from __future__ import annotations

import dataclasses
import difflib
import re
import types
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar, cast

from vimoflow.errors import ConfigError, InputError

T = TypeVar("T")
_WORDS = {
    "int": "a whole number", "float": "a number", "str": "text", "bool": "true or false",
    "array": "a list", "object": "a table", "null": "nothing",
}  # fmt: skip


def read_document(path: Path) -> dict[str, Any]:
    """The fields of a TOML file, or of a JSON file by its ending, as plain values.

    Raises:
        InputError: it cannot be read, or is neither.
    """
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not text"
        raise InputError(f"{path}: cannot be read ({reason})") from error
    return parse_document(text, str(path))


def parse_document(text: str, where: str) -> dict[str, Any]:
    """The fields of a TOML text, or of a JSON text where ``where``, for messages, ends so.

    Raises:
        InputError: it is not such a text.
    """
    import msgspec

    kind = "JSON" if where.endswith(".json") else "TOML"
    decode: Any = msgspec.json.decode if kind == "JSON" else msgspec.toml.decode
    try:
        values = decode(text)
    except (ValueError, RecursionError) as error:  # msgspec's and tomllib's are ValueErrors
        raise InputError(f"{where}: not {kind} ({' '.join(str(error).split())})") from error
    if not isinstance(values, dict):
        raise InputError(f"{where}: not a table of fields")
    return values


def build(kind: type[T], values: Mapping[str, Any], where: str, base: T | None = None) -> T:
    """A dataclass from plain values.

    Args:
        kind: the dataclass; its fields may hold further ones.
        values: by field; nested tables for nested dataclasses.
        where: the file's name, for messages.
        base: what the values leave out comes from here, else from the fields' defaults.

    Raises:
        ConfigError: an unknown field, a missing one, or a value that is not of the field's type;
            also what the dataclass itself raises.
    """
    import msgspec

    known = {} if base is None else _plain(base)
    try:
        made = msgspec.convert(_merged(known, _with_none(kind, values)), kind)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{where}: {_told(str(error), kind)}") from error
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from error
    if unknown := _unknown(values, _plain(made), ""):
        place, names = unknown
        close = difflib.get_close_matches(place.rpartition(".")[2], names, n=1)
        hint = f"did you mean '{close[0]}'?" if close else f"known are {', '.join(names)}"
        raise ConfigError(f"{where}: unknown field '{place}'; {hint}")
    return made


def plain_values(value: Any) -> dict[str, Any]:
    """All fields of a dataclass as values that TOML and JSON hold; false for what is None."""
    return cast("dict[str, Any]", _as_false(_plain(value)))


def _plain(value: Any) -> Any:
    """Dataclasses to dictionaries, and sequences to lists, at any depth."""
    if dataclasses.is_dataclass(value):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {key: _plain(part) for key, part in value.items()}
    return [_plain(part) for part in value] if isinstance(value, list | tuple) else value


def _as_false(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _as_false(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_as_false(part) for part in value]
    return False if value is None else value


def _merged(known: Any, values: Any) -> Any:
    """Tables within tables; everything else is replaced."""
    if not isinstance(known, dict) or not isinstance(values, dict):
        return values
    return known | {key: _merged(known.get(key), value) for key, value in values.items()}


def _with_none(kind: Any, values: Any) -> Any:
    """The values with None where a field that may be None was given false: TOML has no null."""
    if isinstance(values, list):
        return [_with_none(kind, value) for value in values]
    tables = [option for option in _options(kind) if dataclasses.is_dataclass(option)]
    if not isinstance(values, Mapping) or not tables:
        return values
    hints = typing.get_type_hints(tables[0])
    changed = {}
    for key, value in values.items():
        may_be = tuple(_options(hints.get(key)))
        nothing = value is False and types.NoneType in may_be and bool not in may_be
        changed[key] = None if nothing else _with_none(hints.get(key), value)
    return changed


def _options(kind: Any) -> Iterator[Any]:
    """What a field's type allows: the parts of a union, and the items of a list."""
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType, tuple, list):
        for part in parts:
            yield from _options(part)
    elif origin is typing.Annotated:
        yield from _options(parts[0])
    else:
        yield kind


def _told(message: str, kind: Any) -> str:
    """msgspec's message in plain words, with the field's place and choices."""
    what, _, place = message.partition(" - at ")
    place = place.strip("`").removeprefix("$").removeprefix(".")
    at = f"'{place}'" if place else "the table"
    if match := re.fullmatch(r"Object missing required field `(.*)`", what):
        return f"{at} needs '{match[1]}'"
    if "Invalid enum value" in what:
        return f"{at} must be one of {', '.join(_choices(kind, place))}, not {what.split()[-1]}"
    if match := re.fullmatch(r"Expected `(.*?)`( of .*)?, got (.*)", what):
        wanted = " or ".join(_WORDS.get(w, w) for w in match[1].split(" | ") if w != "null")
        found = _WORDS.get(match[3].strip("`"), match[3].strip("`"))
        return f"{at} must be {wanted}{match[2] or ''}, not {found}"
    return f"{at}: {what}"


def _choices(kind: Any, place: str) -> list[str]:
    """The values that the ``Literal`` at a place allows."""
    for name in re.findall(r"[A-Za-z_]\w*", place):
        table = next(option for option in _options(kind) if dataclasses.is_dataclass(option))
        kind = typing.get_type_hints(table)[name]
    return [str(c) for option in _options(kind) for c in typing.get_args(option)]


def _unknown(values: Any, made: Any, place: str) -> tuple[str, list[str]] | None:
    """Where a key stands that the result does not have, and which ones it has."""
    if isinstance(values, Mapping) and isinstance(made, dict):
        for key, value in values.items():
            if key not in made:
                return f"{place}{key}", list(made)
            if found := _unknown(value, made[key], f"{place}{key}."):
                return found
    elif isinstance(values, list | tuple) and isinstance(made, list):
        for number, (value, part) in enumerate(zip(values, made, strict=False)):
            if found := _unknown(value, part, f"{place.removesuffix('.')}[{number}]."):
                return found
    return None
