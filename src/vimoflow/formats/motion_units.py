"""The unit of length and the axis that is up in a file, as a user states them."""

from __future__ import annotations

from typing import Annotated, Literal

from vimoflow.options import Option

Up = Literal["y", "z", "-y"]
UNITS = {"m": 1.0, "cm": 0.01, "mm": 0.001, "in": 0.0254}  # metres


def parse_unit(text: str) -> float:
    """Metres in a unit, from its name or a number of metres; ``ValueError`` for anything else."""
    try:
        metres = UNITS[text] if text in UNITS else float(text)
    except ValueError:
        metres = 0.0
    if not 1e-6 < metres < 1e6:
        raise ValueError("is not m, cm, mm, in, nor a number of metres")
    return metres


UnitOption = Annotated[float | None, Option(metavar="UNIT", parse=parse_unit)]
