"""What is said beside a field is what is checked."""

from __future__ import annotations

import importlib
from dataclasses import MISSING, dataclass
from pathlib import Path
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vimoflow.cli.commands import documented
from vimoflow.data.prepare_options import PrepareOptions
from vimoflow.errors import ConfigError
from vimoflow.options import Option, fields_of, require_sensible
from vimoflow.registry import FORMATS

KINDS = [
    "pipeline.generate_options:GenerateOptions", "training.run_options:RunOptions",
    "data.prepare_options:PrepareOptions", "factory.settings:BuildSettings",
    "factory.engine:EngineSettings", "editing.completion_options:DenoisingOptions",
    "editing.completion_options:CompletionOptions", "music.dance_options:DanceOptions",
    "music.dance_options:SongOptions", "music.dance_options:StyleOptions",
]  # fmt: skip


@dataclass(frozen=True)
class Bread:
    slices: Annotated[int, Option(low=1, high=20)] = 3
    weight_kg: Annotated[float | None, Option(("-w", "--weight"), low=0)] = None
    wrapped: bool = False
    formats: Annotated[tuple[str, ...], Option(registry=FORMATS)] = ("npz",)

    def __post_init__(self) -> None:
        require_sensible(self)


@given(st.integers(-30, 50), st.floats(allow_nan=True, allow_infinity=True) | st.none())
def test_bounds_are_what_is_refused_and_nothing_else(slices: int, weight: float | None) -> None:
    sensible = 1 <= slices <= 20 and (weight is None or 0 <= weight < float("inf"))
    try:
        Bread(slices, weight)
    except ConfigError as error:
        assert not sensible and str(error).startswith(("--slices: ", "--weight: "))
    else:
        assert sensible


@pytest.mark.parametrize("fps", [0.0, float("nan"), 2000.0])
def test_a_rate_that_makes_no_sense_names_the_option(fps: float) -> None:
    with pytest.raises(ConfigError, match="--fps: "):
        PrepareOptions(fps=fps)


def test_every_name_of_a_list_is_looked_up() -> None:
    assert Bread(formats=("npz", "glb")).formats == ("npz", "glb")
    with pytest.raises(ConfigError, match="--formats: 'toast' is not one of npz, bvh"):
        Bread(formats=("npz", "toast"))


@pytest.mark.parametrize("kind", KINDS)
def test_every_option_has_a_help_text_and_an_allowed_default(kind: str) -> None:
    module, _, name = kind.partition(":")
    found: Any = getattr(importlib.import_module(f"vimoflow.{module}"), name)
    told = documented(found)
    assert [f.name for f in fields_of(found) if not told.get(f.name)] == []
    required = {f.name: Path("x") for f in fields_of(found) if f.default is MISSING}
    require_sensible(found(**required))
