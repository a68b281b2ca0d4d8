"""What one or several cameras saw of a clip, and the cameras that a fit starts from."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from vimoflow.inference.conditioning.encoding import Condition
from vimoflow.inference.refinement.reprojection_error import (
    UNKNOWN_CAMERA,
    UsualCamera,
    View,
    level_camera,
)
from vimoflow.motion.skeleton import COCO_NAMES

# Face points say little about the head beyond its direction, and detectors disagree on ears.
_FACE = ("nose", "left_eye", "right_eye", "left_ear", "right_ear")
_FACE_WEIGHT = 0.3
_TILT_SPREAD = 0.15  # radians, of a pitch and roll that are known or found
_DISTANCE_SPREAD = 0.1  # of the distance's logarithm, with a known lens


@dataclass(frozen=True)
class Evidence:
    """Keypoints of a batch of clips in metres of the person (see ``encode_condition``).

    Every view has a perspective camera of its own; see ``reprojection``.

    Attributes:
        points: x (right) and y (down) relative to the mid-hip.
        weight: how much each point counts, zero where it was not seen.
        track: the mid-hip relative to where it was first seen.
        placed: frames of which ``track`` is known.
        told: what is known of the cameras, see ``viewpoint.view_channels``.
    """

    points: Float[Tensor, "batch views frames 17 2"]
    weight: Float[Tensor, "batch views frames 17"]
    track: Float[Tensor, "batch views frames 2"]
    placed: Bool[Tensor, "batch views frames"]
    told: Float[Tensor, "batch views 4"]

    @classmethod
    def of(cls, condition: Condition) -> Evidence:
        """The evidence in a condition of one view, or of several as (batch views frames ...)."""
        if condition.pose.ndim == 4:
            condition = condition.map(lambda x: x.unsqueeze(1))
        pose, track = condition.pose, condition.track
        seen = (pose[..., 2] > 0).any(-1)
        told = (condition.view * seen[..., None]).sum(-2) / seen.sum(-1, keepdim=True).clamp(min=1)
        weight = keypoint_weight(pose) * condition.trust
        return cls(pose[..., :2], weight, track[..., :2], track[..., 2] > 0, told)

    @property
    def views(self) -> int:
        """How many cameras."""
        return self.points.shape[1]

    def part(self, frames: slice) -> Evidence:
        """What was seen in some of the frames."""
        names = ("points", "weight", "track", "placed")
        return dataclasses.replace(self, **{k: getattr(self, k)[:, :, frames] for k in names})

    def of_clips(self, clips: Int[Tensor, " n"]) -> Evidence:
        """Some of the batch."""
        return Evidence(*(getattr(self, name)[clips] for name in Evidence.__annotations__))

    def of_clip(self, clip: int) -> list[View]:
        """What each camera saw of one clip of the batch."""
        numbers = (self.points, self.weight, self.track)
        parts = [x[clip].double().numpy() for x in numbers] + [self.placed[clip].numpy()]
        cameras = [usual_camera(*told) for told in self.told[clip].double().numpy()]
        return [View(*row) for row in zip(*parts, cameras, strict=True)]

    def cameras(
        self,
        points_world: Float[Tensor, "batch frames 17 3"],
        yaws: Float[Tensor, "batch views"] | None = None,
    ) -> Float[Tensor, "batch views 5"]:
        """The usual cameras, at the scale that fits the points best.

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
        return torch.from_numpy(np.array(cameras))


def usual_camera(
    looks_down: float, down_known: float, closeness: float, focal_known: float
) -> UsualCamera:
    """What ``viewpoint.view_channels`` tell of a camera that stands upright."""
    mean, spread = UNKNOWN_CAMERA.mean.copy(), UNKNOWN_CAMERA.spread.copy()
    if down_known > 0.5:
        mean[1], spread[1:3] = np.arcsin(np.clip(looks_down, -1, 1)), _TILT_SPREAD
    mean[3] = -np.log1p(max(closeness, -0.9))
    if focal_known > 0.5:
        spread[3] = _DISTANCE_SPREAD
    return UsualCamera(mean, spread)


def keypoint_weight(pose: Float[Tensor, "*batch 17 3"]) -> Float[Tensor, "*batch 17"]:
    """How much each keypoint of ``Condition.pose`` counts: its confidence, less for the face."""
    factors = pose.new_tensor([_FACE_WEIGHT if name in _FACE else 1.0 for name in COCO_NAMES])
    return pose[..., 2].clamp(min=0) * factors
