"""Functions and dataclasses of options to commands; groups whose commands are imported on use.

A function is a command: its positional parameters are arguments, its keyword-only parameters are
options, and a parameter that is a dataclass gives an option for each field. Types, defaults and
help are those of Python, see :mod:`vimoflow.options`.
"""

from __future__ import annotations

import dataclasses
import difflib
import importlib
import inspect
import re
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from vimoflow.cli.values import TextOf, is_repeated
from vimoflow.options import MODEL, Named, fields_of, named

_HELP = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


def command(function: Callable[..., None], name: str) -> click.Command:
    """A command from a function.

    Its docstring gives the help: the text before ``Args:``, the parameters' lines there, and
    examples after ``Examples:``.
    """
    parts: dict[str, list[Named] | Named] = {}
    params: list[click.Parameter] = []
    told = documented(function)
    for parameter in inspect.signature(function, eval_str=True).parameters.values():
        default = dataclasses.MISSING if parameter.default is parameter.empty else parameter.default
        one = named(parameter.name, parameter.annotation, default)
        if dataclasses.is_dataclass(one.kind):
            fields = _with_defaults(fields_of(typing.cast(type, one.kind)), default)
            parts[one.name] = fields
            help_of = documented(typing.cast(type, one.kind))
            params += [_option(f"{one.name}__{f.name}", f, help_of) for f in fields]
        else:
            parts[one.name] = one
            positional = parameter.kind is parameter.POSITIONAL_OR_KEYWORD
            params.append(_argument(one, told) if positional else _option(one.name, one, told))

    def call(**given: Any) -> None:
        function(**{key: _value(key, part, function, given) for key, part in parts.items()})

    text, _, examples = inspect.cleandoc(function.__doc__ or "").partition("Examples:")
    summary = text.partition("Args:")[0].strip()
    return _Command(
        name, callback=call, params=params, help=summary, epilog=inspect.cleandoc(examples),
        context_settings=_HELP,
    )  # fmt: skip


def _with_defaults(fields: Sequence[Named], default: Any) -> list[Named]:
    """The fields that are options, with the defaults of a parameter's own default, if any."""
    shown = [field for field in fields if not field.option.hidden]
    if default is dataclasses.MISSING:
        return shown
    return [dataclasses.replace(f, default=getattr(default, f.name)) for f in shown]


def _value(key: str, part: list[Named] | Named, function: Callable[..., None], given: Any) -> Any:
    """A parameter's value out of what was given on the command line."""
    if isinstance(part, Named):
        value = _joined(part, given[key])
        return part.default if value is None else value
    said = {f.name: _joined(f, given[f"{key}__{f.name}"]) for f in part}
    said = {name: value for name, value in said.items() if value is not None}
    parameter = inspect.signature(function, eval_str=True).parameters[key]
    if parameter.default is not parameter.empty:
        return dataclasses.replace(parameter.default, **said)
    return parameter.annotation(**said)


def _joined(one: Named, value: Any) -> Any:
    """What was given several times as one value; None where nothing was given."""
    if not isinstance(value, tuple) or not is_repeated(one):
        return value
    if not value or not isinstance(value[0], tuple | dict):
        return value or None
    if isinstance(value[0], dict):
        return {key: part for one_of in value for key, part in one_of.items()}
    return tuple(part for one_of in value for part in one_of)


def _argument(one: Named, told: Mapping[str, str]) -> click.Argument:
    many = is_repeated(one)
    kind = typing.get_args(one.kind)[0] if many else one.kind
    metavar = one.option.metavar or one.name.upper()
    return _Argument(
        [one.name],
        type=TextOf(dataclasses.replace(one, kind=kind), metavar),
        metavar=f"{metavar}..." if many else metavar,
        nargs=-1 if many else 1,
        required=one.default is dataclasses.MISSING,
        about=told.get(one.name, ""),
    )


def _option(key: str, one: Named, told: Mapping[str, str]) -> click.Option:
    group = one.option.group
    flags = one.option.flags or ("--" + one.name.replace("_", "-"),)
    text = told.get(one.name, "")
    if one.kind is bool:
        if one.default is not False and len(flags) == 1 and "/" not in flags[0]:
            flags = (f"{flags[0]}/--no-{flags[0].removeprefix('--')}",)
        return _Option([key, *flags], group=group, help=text, default=None, is_flag=True)
    required = one.default is dataclasses.MISSING
    default = "" if required else _shown(one.default)
    if is_repeated(one) and one.choices:
        text += f" Of: {', '.join(one.choices)}."
    return _Option(
        [key, *flags],
        group=group,
        type=TextOf(one, one.option.metavar or "|".join(one.choices) or _metavar(one.kind)),
        multiple=is_repeated(one),
        required=required,
        help=text + (f" [default: {default}]" if default else ""),
    )


def _metavar(kind: Any) -> str:
    return {int: "N", float: "X", Path: "PATH"}.get(kind, "TEXT")


def _shown(default: Any) -> str:
    if isinstance(default, tuple):
        return ",".join(f"{part:g}" if isinstance(part, float) else str(part) for part in default)
    return f"{default:g}" if isinstance(default, float) else str(default or "")


class _Argument(click.Argument):
    """An argument with a text for the help."""

    def __init__(self, names: Sequence[str], about: str, **attributes: Any) -> None:
        super().__init__(names, **attributes)
        self.about = about


class _Option(click.Option):
    """An option that stands under a heading in the help."""

    def __init__(self, names: Sequence[str], group: str, **attributes: Any) -> None:
        super().__init__(names, **attributes)
        self.group = group


class _Command(click.Command):
    """A command whose help has headings: what everybody needs first, the model's words last."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Arguments, options without a heading, then those with one."""
        rows: dict[str, list[tuple[str, str]]] = {"Arguments": [], "Options": []}
        for param in self.get_params(ctx):
            if isinstance(param, _Argument):
                rows["Arguments"].append((param.make_metavar(ctx), param.about))
            elif record := param.get_help_record(ctx):
                group = getattr(param, "group", "")
                rows.setdefault(group or "Options", []).append(record)
        if MODEL in rows:
            rows[MODEL] = rows.pop(MODEL)
        for heading, lines in rows.items():
            if lines:
                with formatter.section(heading):
                    formatter.write_dl(lines)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Examples, as they are written."""
        _write_examples(self.epilog, formatter)


class CommandGroup(click.Group):
    """Commands under headings; each is imported when it is asked for.

    Args:
        name: of the group.
        help: what its commands are for.
        sections: headings, and under each ``package.module:function`` (or another group) by name.
        default: the command that is meant where none is named.
        examples: lines for the end of the help.
    """

    def __init__(
        self,
        name: str,
        help: str,
        sections: Mapping[str, Mapping[str, str]],
        default: str = "",
        examples: str = "",
        **attributes: Any,
    ) -> None:
        super().__init__(
            name, help=help, no_args_is_help=True, epilog=examples, context_settings=_HELP,
            **attributes,
        )  # fmt: skip
        self._sections = sections
        self._default = default

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, in the order of the headings."""
        return [name for section in self._sections.values() for name in section]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a name, imported."""
        for section in self._sections.values():
            if cmd_name in section:
                module, _, attribute = section[cmd_name].partition(":")
                found = getattr(importlib.import_module(module), attribute)
                return found if isinstance(found, click.Command) else command(found, cmd_name)
        return None

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the default command first where none is named."""
        if self._default and args and args[0] not in (*self.list_commands(ctx), "-h", "--help"):
            args = [self._default, *args]
        return super().parse_args(ctx, args)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """The command that is named; a likely one is suggested where there is none."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            close = difflib.get_close_matches(args[0], self.list_commands(ctx), n=1)
            if not close:
                raise
            raise click.UsageError(f"{error.message} Did you mean {close[0]!r}?", ctx) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The commands under their headings."""
        for heading, section in self._sections.items():
            found = [(name, self.get_command(ctx, name)) for name in section]
            with formatter.section(heading):
                formatter.write_dl([(name, c.get_short_help_str(80)) for name, c in found if c])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Examples, as they are written."""
        _write_examples(self.epilog, formatter)


def _write_examples(examples: str | None, formatter: click.HelpFormatter) -> None:
    if examples:
        with formatter.section("Examples"):
            for line in inspect.cleandoc(examples).splitlines():
                formatter.write(f"  {line}\n")


def documented(thing: Callable[..., None] | type) -> dict[str, str]:
    """The texts on each name under ``Args:`` or ``Attributes:`` of a docstring."""
    section = re.search(
        r"^(?:Args|Attributes):\n(.*?)(?=^\S|\Z)", inspect.cleandoc(thing.__doc__ or ""),
        re.MULTILINE | re.DOTALL,
    )  # fmt: skip
    return dict(_entries(inspect.cleandoc(section[1]))) if section else {}


def _entries(section: str) -> Iterator[tuple[str, str]]:
    for names, text in re.findall(r"^([a-z]\w*(?:, \w+)*): (.*(?:\n .*)*)", section, re.MULTILINE):
        text = " ".join(text.replace("``", "").split())
        for name in names.split(", "):
            yield name, text[:1].upper() + text[1:]
