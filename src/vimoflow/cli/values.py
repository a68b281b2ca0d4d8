"""Text of the command line to values of a field's type."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from typing import Any

import click

from vimoflow.errors import ConfigError
from vimoflow.options import Named

_NUMBERS = {int: "a whole number", float: "a number"}


def is_repeated(one: Named) -> bool:
    """Whether it may be given several times: a tuple of any length, or a mapping."""
    origin, kinds = typing.get_origin(one.kind), typing.get_args(one.kind)
    return origin is Mapping or (origin is tuple and kinds[-1] is Ellipsis)


class TextOf(click.ParamType):
    """Text to a value of a field's type; a mistake names the option in one line."""

    def __init__(self, one: Named, metavar: str) -> None:
        self.name = metavar
        self._one = one

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        """What the help calls the value."""
        return self.name

    def convert(self, value: Any, param: click.Parameter | None, ctx: Any) -> Any:
        """The value; ConfigError where the text is not one."""
        try:
            return _parsed(self._one, value) if isinstance(value, str) else value
        except ValueError as error:
            raise ConfigError(f"{self._one.flag}: {value[:40]!r} {error}") from None


def _parsed(one: Named, text: str) -> Any:
    """``ValueError``, with what is wrong, where the text does not fit the type."""
    origin, kinds = typing.get_origin(one.kind), typing.get_args(one.kind)
    if one.option.parse is not None:
        return one.option.parse(text)
    if origin is tuple:
        parts = [part.strip() for part in text.split(",") if part.strip()]
        if kinds[-1] is not Ellipsis and len(parts) != len(kinds):
            raise ValueError(f"is not {one.option.metavar}")
        return tuple(_single(kinds[0], part, one) for part in parts)
    return _single(one.kind, text, one)


def _single(kind: Any, text: str, one: Named) -> Any:
    values = one.values if one.option.registry is None else {}
    if values:
        if text not in values:
            raise ValueError(f"is not one of {', '.join(values)}")
        return values[text]
    try:
        return kind(text)
    except ValueError:
        raise ValueError(f"is not {_NUMBERS.get(kind, one.option.metavar)}") from None
