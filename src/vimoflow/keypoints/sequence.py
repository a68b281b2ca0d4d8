"""2D keypoints of one person over time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from vimoflow.conventions import ASSUMED_FPS


@dataclass(frozen=True)
class Keypoints2D:
    """COCO-17 keypoints of one person, one row a frame of the source.

    Attributes:
        points: x and y in pixels (origin top left of the upright image, y down) and a confidence in
            [0, 1]. A keypoint that was not seen has confidence 0; its x and y are then finite but
            meaningless (zero unless a detector says better).
        timestamps: seconds from the first frame, strictly increasing.
        image_size: (width, height) in pixels of the upright image.
        source: file name the keypoints came from, for messages and run.json.
        estimator: what made them, such as "mediapipe-full-0.10.21".
        person: who it is, as the file calls them; "" where only one person can be meant.
    """

    points: Float[np.ndarray, "frames 17 3"]
    timestamps: Float[np.ndarray, " frames"]
    image_size: tuple[int, int]
    source: str = ""
    estimator: str = ""
    person: str = ""

    def __len__(self) -> int:
        return len(self.points)

    @property
    def fps(self) -> float:
        """Mean frame rate in Hz; `ASSUMED_FPS` for a single frame."""
        if len(self.timestamps) < 2:
            return ASSUMED_FPS
        return float((len(self) - 1) / (self.timestamps[-1] - self.timestamps[0]))

    @property
    def observed(self) -> Bool[np.ndarray, "frames 17"]:
        """Which keypoints were seen at all (confidence above zero)."""
        return self.points[..., 2] > 0
