"""Options of a policy's training; imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from vimoflow.options import Option


@dataclass(frozen=True)
class PolicyOptions:
    """Of the training.

    Attributes:
        minutes: that it may take; it ends sooner when its rounds are done.
        rounds: of performing and learning.
        seed: of everything random.
    """

    minutes: Annotated[float, Option(metavar="MIN", low=0.1, high=1e5)] = 60.0
    rounds: Annotated[int, Option(metavar="N", low=1, high=1000)] = 8
    seed: int = 0
