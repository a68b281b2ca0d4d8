"""What one or several cameras saw of a clip, and the cameras that a fit starts from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from vimoflow.inference.conditioning.encoding import Condition
from vimoflow.inference.refinement.reprojection import View, level_camera
from vimoflow.motion.skeleton import COCO_NAMES

# Face points say little about the head beyond its direction, and detectors disagree on ears.
_FACE = ("nose", "left_eye", "right_eye", "left_ear", "right_ear")
_FACE_WEIGHT = 0.3


@dataclass(frozen=True)
class Evidence:
    """Keypoints of a batch of clips in metres of the person (see ``encode_condition``).

    Every view has a perspective camera of its own; see ``reprojection``.

    Attributes:
        points: x (right) and y (down) relative to the mid-hip.
        weight: how much each point counts, zero where it was not seen.
        track: the mid-hip relative to where it was first seen.
        placed: frames of which ``track`` is known.
    """

    points: Float[Tensor, "batch views frames 17 2"]
    weight: Float[Tensor, "batch views frames 17"]
    track: Float[Tensor, "batch views frames 2"]
    placed: Bool[Tensor, "batch views frames"]

    @classmethod
    def of(cls, condition: Condition) -> Evidence:
        """The evidence in a condition of one view, or of several as (batch views frames ...)."""
        pose, track = condition.pose, condition.track
        if pose.ndim == 4:
            pose, track = pose.unsqueeze(1), track.unsqueeze(1)
        weight = pose[..., 2].clamp(min=0) * _point_weights().to(pose)
        return cls(pose[..., :2], weight, track[..., :2], track[..., 2] > 0)

    @property
    def views(self) -> int:
        """How many cameras."""
        return self.points.shape[1]

    def part(self, frames: slice) -> Evidence:
        """What was seen in some of the frames."""
        cut = (x[:, :, frames] for x in (self.points, self.weight, self.track, self.placed))
        return Evidence(*cut)

    def of_clip(self, clip: int) -> list[View]:
        """What each camera saw of one clip of the batch."""
        parts = [x[clip].numpy() for x in (self.points, self.weight, self.track)]
        rows = zip(*(p.astype(np.float64) for p in parts), self.placed[clip].numpy(), strict=True)
        return [View(*row) for row in rows]

    def cameras(
        self,
        points_world: Float[Tensor, "batch frames 17 3"],
        yaws: Float[Tensor, "batch views"] | None = None,
    ) -> Float[Tensor, "batch views 5"]:
        """Level cameras at the usual distance, at the scale that fits the points best.

        Args:
            points_world: COCO points of the motion.
            yaws: headings of the cameras, radians; all in front of the figure by default.
        """
        headings = np.zeros(self.track.shape[:2]) if yaws is None else yaws.double().numpy()
        cameras = [
            [
                level_camera(points, view, yaw)
                for view, yaw in zip(self.of_clip(clip), headings[clip], strict=True)
            ]
            for clip, points in enumerate(points_world.double().numpy())
        ]
        return torch.from_numpy(np.array(cameras)).to(self.points)


def _point_weights() -> Tensor:
    return torch.tensor([_FACE_WEIGHT if name in _FACE else 1.0 for name in COCO_NAMES])
