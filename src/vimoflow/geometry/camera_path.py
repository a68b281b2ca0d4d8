"""How a camera turned, zoomed and travelled while it filmed."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True)
class CameraPath:
    """A camera against the one of its first frame; what is not known of its place is left out.

    Attributes:
        R_first_camera: turns vectors of each frame's camera into the first one's.
        zoom: focal lengths by the first frame's.
        travels: the camera changes its place, so that the path in the picture says nothing of the
            path in the room.
        focal: the first frame's focal length by the picture's longer side, where it is known.
        down: gravity's direction in the first frame's camera, where it is known.
    """

    R_first_camera: Float[np.ndarray, "frames 3 3"]
    zoom: Float[np.ndarray, " frames"]
    travels: bool
    focal: float | None = None
    down: Float[np.ndarray, "3"] | None = None

    @classmethod
    def still(cls, frames: int) -> CameraPath:
        """A camera that nobody touches."""
        return cls(np.tile(np.eye(3), (frames, 1, 1)), np.ones(frames), False)

    @property
    def heading(self) -> Float[np.ndarray, " frames"]:
        """How far each frame's camera looks to the right of the first one, radians, unwrapped."""
        forward = self.R_first_camera[:, :, 2]
        return np.unwrap(np.arctan2(forward[:, 0], forward[:, 2]))

    @property
    def is_still(self) -> bool:
        """Whether nothing moved."""
        same = bool((self.R_first_camera == np.eye(3)).all() and (self.zoom == 1).all())
        return same and not self.travels

    def at(
        self, times: Float[np.ndarray, " frames"], wanted: Float[np.ndarray, " w"]
    ) -> CameraPath:
        """The camera at other times, between those of its own frames along straight lines."""
        R = np.stack(
            [np.interp(wanted, times, x) for x in self.R_first_camera.reshape(-1, 9).T], axis=-1
        ).reshape(-1, 3, 3)
        u, _, v = np.linalg.svd(R)
        return dataclasses.replace(
            self, R_first_camera=u @ v, zoom=np.interp(wanted, times, self.zoom)
        )

    def mirrored(self) -> CameraPath:
        """The camera of a picture whose left and right are exchanged."""
        exchanged = np.outer((-1, 1, 1), (-1, 1, 1))
        return dataclasses.replace(self, R_first_camera=self.R_first_camera * exchanged)
