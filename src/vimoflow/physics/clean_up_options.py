"""Options of the clean-up, importable without the simulator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from vimoflow.options import Option, require_sensible


@dataclass(frozen=True)
class CleanUpOptions:
    """How to clean up.

    Attributes:
        mass: of the person, kg; without it, that of a usual build of the height.
        samples: corrections tried at once; more balance better and take longer.
        assist: most force that may hold the pelvis, shares of body weight; passes with less and
            less, the last that does not fall counts.
        seed: of the corrections.
        threads: that simulate.
    """

    mass: Annotated[float | None, Option(metavar="KG")] = None
    samples: Annotated[int, Option(metavar="N", low=1, high=4096)] = 24
    assist: Annotated[tuple[float, ...], Option(metavar="LIST", low=0, high=10)] = (
        0.5, 0.2, 0.1, 0.05,
    )  # fmt: skip
    seed: Annotated[int, Option(metavar="N", low=0, high=2**31 - 1)] = 0
    threads: Annotated[int, Option(metavar="N", low=1, high=256)] = 2

    def __post_init__(self) -> None:
        require_sensible(self)
