"""A skeleton as a file has it: joints, parents, where they are."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from vimoflow.errors import InputError


@dataclass(frozen=True)
class Hierarchy:
    """A skeleton as a file has it.

    Attributes:
        names: of the joints; end sites end in ``_end``.
        parents: index of each joint's parent, -1 for the root.
        posed: positions in one frame, any unit.
        rest: positions when no joint is turned.
    """

    names: tuple[str, ...]
    parents: tuple[int, ...]
    posed: Float[np.ndarray, "joints 3"]
    rest: Float[np.ndarray, "joints 3"]

    @functools.cached_property
    def _above(self) -> list[frozenset[int]]:
        """Of each joint, itself and all it hangs on; parents come before children."""
        found: list[frozenset[int]] = []
        for j, parent in enumerate(self.parents):
            found.append(found[parent] | {j} if parent >= 0 else frozenset((j,)))
        return found

    def path(self, joint: int) -> list[int]:
        """From the root down to a joint."""
        return sorted(self._above[joint])

    def below(self, joint: int, ancestor: int) -> bool:
        """Whether a joint hangs on another one."""
        return joint != ancestor and ancestor in self._above[joint]

    def fork(self, first: int, second: int) -> int:
        """The joint where the ways from the root to two joints part.

        Raises:
            InputError: they hang on different roots.
        """
        ways = zip(self.path(first), self.path(second), strict=False)
        if not (shared := [a for a, b in ways if a == b]):
            names = f"{self.names[first]} and {self.names[second]}"
            raise InputError(f"no person's skeleton: {names} do not hang together")
        return shared[-1]

    def length(self, first: int, second: int) -> float:
        """Distance of two joints, in the file's unit."""
        return float(np.linalg.norm(self.posed[first] - self.posed[second]))


def unit(v: Float[np.ndarray, "*batch 3"]) -> Float[np.ndarray, "*batch 3"]:
    """Vectors of length one; zero stays zero."""
    return v / np.maximum(np.linalg.norm(v, axis=-1, keepdims=True), 1e-12)
