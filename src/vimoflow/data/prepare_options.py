"""How a corpus is prepared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from vimoflow.formats.motion_units import UnitOption, Up
from vimoflow.options import Option, require_sensible

Split = Literal["train", "validation"]


@dataclass(frozen=True)
class PrepareOptions:
    """How a corpus is prepared; all but the workers are for formats, not for known corpora.

    Attributes:
        workers: processes; else one for each processor. The result does not depend on it.
        rig: bvh: the name of a rig, or your own map in TOML.
        fps: bvh: the true frame rate, where the files state a false one.
        up: amass, bvh: axis that is up in the files, where it is not found out.
        unit: amass, bvh: of the files: m, cm, mm, in, or metres in a unit, such as 0.0564.
        split: amass, bvh: what all of these files are for; else amass as its authors split it, and
            of bvh a tenth is held out, takes of one name together.
        licence: amass, bvh: the terms of these files.
        name: amass, bvh: what to call this corpus among others.

    Raises:
        ConfigError: a value that makes no sense.
    """

    workers: Annotated[int | None, Option(metavar="N", low=1, high=4096)] = None
    rig: Annotated[str | None, Option(("--map",), metavar="MAP")] = None
    fps: Annotated[float | None, Option(metavar="F", low=1, high=1000)] = None
    up: Up | None = None
    unit: UnitOption = None
    split: Split | None = None
    licence: Annotated[str | None, Option(metavar="TEXT")] = None
    name: Annotated[str | None, Option(metavar="NAME")] = None

    def __post_init__(self) -> None:
        require_sensible(self)
