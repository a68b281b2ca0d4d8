"""Functions and dataclasses to commands: what is parsed, what is helped, what is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import click
import pytest
from click.testing import CliRunner

from vimoflow.cli.commands import CommandGroup, command
from vimoflow.cli.main import APP
from vimoflow.errors import ConfigError
from vimoflow.options import MODEL, PYTHON_ONLY, Option


def pair(text: str) -> dict[str, float]:
    """``a=1``."""
    name, _, number = text.partition("=")
    return {name: float(number)}


@dataclass(frozen=True)
class Bake:
    """How to bake.

    Attributes:
        heat: of the oven, degrees.
        crust: how it ends.
        seeds, nuts: what is in it.
        shares: of the flours.
        box: of the tin.
        steam: with water.
        open: at the top.
        inner: not asked.
    """

    heat: Annotated[float, Option(metavar="C", group=MODEL)] = 220.0
    crust: Literal["soft", "hard"] = "soft"
    seeds: tuple[str, ...] = ()
    nuts: tuple[int, ...] = (1, 2)
    shares: Annotated[Mapping[str, float], Option(("--share",), parse=pair)] = field(
        default_factory=dict
    )
    box: tuple[int, int] | None = None
    steam: bool = True
    open: Annotated[bool, Option(("--open/--lidded",))] = True
    inner: Annotated[int, PYTHON_ONLY] = 7


CALLS: list[tuple[Any, ...]] = []


def bake(
    flour: tuple[Path, ...], *, name: str, options: Bake = Bake(heat=180.0)
) -> None:  # fmt: skip
    """Bake bread.

    Args:
        flour: what it is made of.
        name: of the bread.

    Examples:
        bake rye wheat --name x
    """
    CALLS.append((flour, name, options))


def run(*words: str) -> tuple[Any, ...]:
    CALLS.clear()
    result = CliRunner().invoke(command(bake, "bake"), words, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return CALLS[0]


def test_what_is_not_given_is_the_parameters_own_default() -> None:
    assert run("rye", "wheat", "--name", "x") == ((Path("rye"), Path("wheat")), "x", Bake(180.0))


def test_everything_is_parsed_as_its_type_says() -> None:
    words = """rye --name x --heat 200 --crust hard --seeds a,b --seeds c --nuts 5 --share rye=0.5
        --share oat=0.1 --box 3,4 --no-steam
        --lidded"""
    wanted = Bake(
        200.0, "hard", ("a", "b", "c"), (5,), {"rye": 0.5, "oat": 0.1}, (3, 4), False, False
    )
    assert run(*words.split())[2] == wanted


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("--heat hot", "--heat: 'hot' is not a number"),
        ("--crust burnt", "--crust: 'burnt' is not one of soft, hard"),
        ("--nuts 1,x", "--nuts: '1,x' is not a whole number"),
        ("--share rye", "--share: 'rye'"),
        ("--box 1,2,3", "--box: '1,2,3'"),
    ],
)
def test_a_wrong_value_is_one_line_that_names_the_option(words: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        run("rye", "--name", "x", *words.split())
    assert str(caught.value).startswith(told) and "\n" not in str(caught.value)


def test_help_has_texts_choices_defaults_examples_and_the_models_words_last() -> None:
    text = CliRunner().invoke(command(bake, "bake"), ["-h"]).output
    assert "--crust soft|hard" in text and "How it ends. [default: soft]" in text
    assert "FLOUR...  What it is made of." in text and "[default: 180]" in text
    assert "--inner" not in text and "bake rye wheat --name x" in text
    assert text.index("Options:") < text.index("--steam") < text.index(MODEL) < text.index("--heat")


def commands_below(group: click.Group, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found = []
    for name in group.list_commands(click.Context(group)):
        inner = group.get_command(click.Context(group), name)
        found.append((*path, name))
        found += commands_below(inner, (*path, name)) if isinstance(inner, CommandGroup) else []
    return found


@pytest.mark.parametrize("path", commands_below(APP), ids=" ".join)
def test_every_command_has_a_short_help_and_a_text_for_every_option(path: tuple[str, ...]) -> None:
    found: Any = APP
    for name in path:
        found = found.get_command(click.Context(found), name)
    assert found.get_short_help_str()
    assert CliRunner().invoke(APP, [*path, "-h"]).exit_code == 0
    silent = [
        param.name for param in found.params
        if not (getattr(param, "help", "") or getattr(param, "about", ""))
    ]  # fmt: skip
    assert silent == []
