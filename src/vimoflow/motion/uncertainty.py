"""How far a motion may be from the truth, joint by joint."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True)
class JointUncertainty:
    """Spread of several samples of one motion, and spheres that should hold the truth.

    All relative to the pelvis, metres, on the motion's frames; the pelvis' own values are zero.

    Attributes:
        spread_m: standard deviation of the samples, the root of the three axes' variances added.
        radius_50_m: a sphere around the motion's joint that holds the truth in half of all cases.
        radius_90_m: the same in nine of ten.
    """

    spread_m: Float[np.ndarray, "frames 24"]
    radius_50_m: Float[np.ndarray, "frames 24"]
    radius_90_m: Float[np.ndarray, "frames 24"]

    def scaled(self, factor: float) -> JointUncertainty:
        """Of a figure ``factor`` times as large."""
        return JointUncertainty(
            self.spread_m * factor, self.radius_50_m * factor, self.radius_90_m * factor
        )
