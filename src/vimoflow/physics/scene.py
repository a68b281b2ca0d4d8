"""What a body may touch: a floor and boxes, of which chairs and stairs are made.

Everything is in the simulator's world, z up.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True)
class Box:
    """A solid box.

    Attributes:
        centre: where, metres.
        half: half its edges, metres.
        R: its axes in the world, columns.
    """

    centre: Float[np.ndarray, "3"]
    half: Float[np.ndarray, "3"]
    R: Float[np.ndarray, "3 3"] = field(default_factory=lambda: np.eye(3))


@dataclass(frozen=True)
class Scene:
    """The floor z = 0, unless without, and boxes on it."""

    boxes: tuple[Box, ...] = ()
    floor: bool = True

    def gaps(
        self, centres: Float[np.ndarray, "*batch points 3"], radii: Float[np.ndarray, " points"]
    ) -> tuple[Float[np.ndarray, "*batch points"], Float[np.ndarray, "*batch points 3"]]:
        """How far balls are from the nearest thing, metres (negative inside), and away from it."""
        gap = centres[..., 2] - radii if self.floor else np.full(centres.shape[:-1], np.inf)
        normal = np.zeros(centres.shape)
        normal[..., 2] = 1
        for box in self.boxes:
            off, away = _from_box(box, centres)
            nearer = off - radii < gap
            gap = np.where(nearer, off - radii, gap)
            normal[nearer] = away[nearer]
        return gap, normal


def _from_box(
    box: Box, points: Float[np.ndarray, "*batch points 3"]
) -> tuple[Float[np.ndarray, "*batch points"], Float[np.ndarray, "*batch points 3"]]:
    """Signed distance to a box's surface, and the way out of it, a unit vector."""
    local = (points - box.centre) @ box.R
    beyond = np.abs(local) - box.half
    outside = np.maximum(beyond, 0)
    distance = np.linalg.norm(outside, axis=-1)
    face = np.eye(3)[beyond.argmax(-1)]  # the way out for who is inside
    away = np.where((distance > 0)[..., None], outside, face)
    away = away / np.linalg.norm(away, axis=-1, keepdims=True).clip(1e-12)
    signs = np.where(local < 0, -1.0, 1.0)
    return distance + np.minimum(beyond.max(-1), 0), (away * signs) @ box.R.T


def turned(degrees: float) -> Float[np.ndarray, "3 3"]:
    """A rotation about the vertical."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1.0]])


def stairs(
    at: Float[np.ndarray, "3"], degrees: float, steps: int, rise: float, run: float, width: float
) -> Iterator[Box]:
    """Steps that go up along the turned x axis, from the middle of the first one's edge."""
    R = turned(degrees)
    for step in range(steps):
        height = rise * (step + 1)
        centre = at + R @ np.array([run * (step + 0.5), 0, height / 2])
        yield Box(centre, np.array([run, width, height]) / 2, R)


def chair(
    at: Float[np.ndarray, "3"], degrees: float, seat: float, back: float, width: float
) -> Iterator[Box]:
    """A seat of a height in metres, and a back behind it (0: none), facing the turned x axis."""
    R, thick = turned(degrees), 0.05
    yield Box(at + R @ np.array([0, 0, seat - thick / 2]), np.array([width, width, thick]) / 2, R)
    if back > seat:
        middle = np.array([-(width + thick) / 2, 0, (seat + back) / 2])
        yield Box(at + R @ middle, np.array([thick, width, back - seat]) / 2, R)
