"""How a motion is put on a character; apart from the code that does it, which needs PyTorch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from vimoflow.options import Option, require_sensible

MAP_FILE = "map.toml"
RootMotion = Literal["free", "inplace", "split"]


@dataclass(frozen=True)
class RetargetOptions:
    """How a motion is put on a character.

    Attributes:
        map: the character's joints in TOML, as an earlier run wrote them; else they are found.
        start_s: where in the motion to begin, seconds.
        end_s: where to stop, seconds; without it, at its end.
        loop: cut out the best cycle and close it, so that it can be repeated.
        root: free lets the character travel, inplace keeps it over one spot, split puts the path
            along the floor on the joint above the hips, as game engines want it.
        lock_feet: keep resting feet where they are, and none below the floor.

    Raises:
        ConfigError: a value that makes no sense.
    """

    map: Annotated[Path | None, Option(metavar="FILE")] = None
    start_s: Annotated[float, Option(("--start",), metavar="S", low=0)] = 0.0
    end_s: Annotated[float | None, Option(("--end",), metavar="S", low=0)] = None
    loop: bool = False
    root: RootMotion = "free"
    lock_feet: Annotated[bool, Option(("--foot-lock",))] = True

    def __post_init__(self) -> None:
        require_sensible(self)
