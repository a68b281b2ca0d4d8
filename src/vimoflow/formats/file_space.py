"""The axis that is up and the unit of length in a file, for formats that leave both open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

from vimoflow.formats.body import load_body
from vimoflow.formats.up_axis import UP
from vimoflow.motion.clip import Motion

UpAxis = Literal["y", "z"]
Unit = Literal["m", "cm", "mm"]
METRES = {"m": 1.0, "cm": 0.01, "mm": 0.001}


@dataclass(frozen=True)
class FileSpace:
    """A file's world: right-handed; Z up is our world turned by 90 degrees about +X.

    Attributes:
        up: axis that is up.
        unit: of length.
    """

    up: UpAxis = "y"
    unit: Unit = "m"

    @property
    def per_metre(self) -> float:
        """Units of the file in a metre."""
        return 1 / METRES[self.unit]

    @property
    def R_file_world(self) -> Float[np.ndarray, "3 3"]:
        """From our world's axes to the file's."""
        return UP[self.up].T

    def points(self, points_m: Float[np.ndarray, "*batch 3"]) -> Float[np.ndarray, "*batch 3"]:
        """Places in metres and our axes as the file has them."""
        return np.asarray(points_m, np.float64) @ self.R_file_world.T * self.per_metre

    def rotations(self, R: Float[np.ndarray, "*batch 3 3"]) -> Float[np.ndarray, "*batch 3 3"]:
        """Rotations between frames that are aligned with the world at rest."""
        return R if self.up == "y" else self.R_file_world @ R @ self.R_file_world.T


def standing_m(motion: Motion) -> Float[np.ndarray, "3"]:
    """Where the pelvis joint is when the mannequin stands on the floor in its rest pose, metres."""
    soles = float(load_body().vertices[:, 1].min()) * motion.skeleton.scale
    return np.array([0.0, -soles, 0.0])
