"""How a field of options is called and what it may hold, said once, beside its type and default.

    steps: Annotated[int, Option(metavar="N", low=1, high=1000)] = 10

The command line is made from this (``cli.commands``): type and default are the field's own, choices
are those of a ``Literal`` or a registry, the help text is the field's line in the docstring.
:func:`require_sensible` checks the same in Python.
"""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from vimoflow.errors import ConfigError
from vimoflow.registry import Registry

MODEL = "For those who know the model"
"""Heading of what only they need; it comes last."""


@dataclass(frozen=True)
class Option:
    """What is to be known of a field beside its type, default and docstring.

    Attributes:
        flags: on the command line; the field's name with hyphens unless given.
        metavar: what its value is called in the help.
        group: heading in the help under which it stands.
        low, high: bounds of a number.
        registry: where names are looked up.
        parse: makes the value from text, where the type does not say how; raises ``ValueError``.
        hidden: not on the command line.
    """

    flags: tuple[str, ...] = ()
    metavar: str = ""
    group: str = ""
    low: int | float = -math.inf
    high: int | float = math.inf
    registry: Registry | None = None
    parse: Callable[[str], Any] | None = None
    hidden: bool = False


PYTHON_ONLY = Option(hidden=True)


@dataclass(frozen=True)
class Named:
    """A field or parameter with what is known of it.

    Attributes:
        name: in Python.
        kind: its type, without None.
        option: how it is given.
        default: its default, ``MISSING`` without one.
    """

    name: str
    kind: Any
    option: Option
    default: Any = dataclasses.MISSING

    @property
    def flag(self) -> str:
        """What users know it by."""
        return self.option.flags[-1] if self.option.flags else "--" + self.name.replace("_", "-")

    @property
    def values(self) -> dict[str, Any]:
        """The values that are offered, by their text; none where anything of its type goes."""
        if self.option.registry is not None:
            return {name: name for name in self.option.registry.names}
        kinds = (self.kind, *typing.get_args(self.kind))
        literal = next((k for k in kinds if typing.get_origin(k) is typing.Literal), None)
        return {str(value): value for value in typing.get_args(literal)}

    @property
    def choices(self) -> tuple[str, ...]:
        """The texts of the values that are offered."""
        return tuple(self.values)


def named(name: str, hint: Any, default: Any = dataclasses.MISSING) -> Named:
    """A field or parameter from its annotation."""
    option = Option()
    if typing.get_origin(hint) is typing.Annotated:
        hint, *notes = typing.get_args(hint)
        option = next((note for note in notes if isinstance(note, Option)), option)
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        kinds = [part for part in typing.get_args(hint) if part is not types.NoneType]
        hint = kinds[0] if len(kinds) == 1 else typing.Union[tuple(kinds)]  # noqa: UP007
    return Named(name, hint, option, default)


def fields_of(kind: Any) -> tuple[Named, ...]:
    """The fields of a dataclass of options."""
    hints = typing.get_type_hints(kind, include_extras=True)
    return tuple(
        named(
            field.name,
            hints[field.name],
            field.default if field.default_factory is dataclasses.MISSING
            else field.default_factory(),
        )
        for field in dataclasses.fields(kind)
    )  # fmt: skip


def require_sensible(options: Any) -> None:
    """Check every field of a dataclass of options against its choices and bounds.

    Raises:
        ConfigError: a value that makes no sense; the message names the option.
    """
    for field in fields_of(type(options)):
        for value in _each(getattr(options, field.name)):
            _require(field, value)


def _each(value: Any) -> Iterator[Any]:
    if isinstance(value, tuple | list):
        yield from value
    elif value is not None:
        yield value


def _require(field: Named, value: Any) -> None:
    option = field.option
    if option.registry is not None:
        option.registry.require(value, field.flag)
    elif field.values and value not in field.values.values():
        raise ConfigError(f"{field.flag}: {value!r} is not one of {', '.join(field.choices)}")
    bounded = math.isfinite(option.low) or math.isfinite(option.high)
    if not bounded or isinstance(value, bool) or not isinstance(value, int | float):
        return
    if not (option.low <= value <= option.high and math.isfinite(value)):
        low, high = f"{option.low:g}", f"{option.high:g}"
        bound = f"from {low} to {high}" if math.isfinite(option.high) else f"{low} or more"
        raise ConfigError(f"{field.flag}: {value:g} makes no sense; it must be {bound}")
