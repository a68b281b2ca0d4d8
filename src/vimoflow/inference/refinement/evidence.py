"""What one or several cameras saw of a clip, and how far a motion is from it.

Every view has a perspective camera of its own that looks at the mid-hip of the first frame whose
place in the image is known: heading, pitch, roll, distance and scale. Each frame is scaled to fit:
a limb must not be turned because the path towards the camera, which the sample guesses, is wrong.
Where the camera stood still the figure's path in the image counts as well as its pose.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from vimoflow.geometry.rotations import rotation_about
from vimoflow.inference.conditioning.encoding import Condition
from vimoflow.motion.skeleton import COCO_NAMES, coco

# Face points say little about the head beyond its direction, and detectors disagree on ears.
_FACE = ("nose", "left_eye", "right_eye", "left_ear", "right_ear")
_FACE_WEIGHT = 0.3
_HIPS = [coco("left_hip"), coco("right_hip")]
USUAL_DISTANCE_M = 5.0  # what fills a picture with a person: a limb at arm's length looks larger
_NEAREST = 0.3  # of that distance: nothing is closer to a camera

CAMERA_PARAMETERS = ("yaw", "pitch", "roll", "log_distance", "log_scale")
CAMERA_SPREADS = (0.5, 0.3, 0.3, 0.3, 0.2)  # how far from zero each usually is


@dataclass(frozen=True)
class Evidence:
    """Keypoints of a batch of clips in metres of the person (see ``encode_condition``).

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
        weight = pose[..., 2] * _point_weights().to(pose)
        return cls(pose[..., :2], weight, track[..., :2], track[..., 2] > 0)

    @property
    def views(self) -> int:
        """How many cameras."""
        return self.points.shape[1]

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
        cameras = self.points.new_zeros(*self.points.shape[:2], len(CAMERA_PARAMETERS))
        if yaws is not None:
            cameras[..., 0] = yaws
        image, _ = _images(points_world, cameras, self)
        image, _ = _centred(image, self.weight)
        target, _ = _centred(self.points, self.weight)
        overlap, size = _overlap(image, target, self.weight)
        cameras[..., 4] = ((overlap.sum(-1) + 1) / (size.sum(-1) + 1)).clamp(0.5, 2.0).log()
        return cameras


@dataclass(frozen=True)
class Misfit:
    """Distances between projections and keypoints, metres at the person's distance.

    Attributes:
        pose: of every point, after the figure's centre in the image was taken away.
        place: of the figure's centre; zero where its place is not known.
    """

    pose: Float[Tensor, "batch views frames 17"]
    place: Float[Tensor, "batch views frames"]


def misfit(
    points_world: Float[Tensor, "batch frames 17 3"],
    cameras: Float[Tensor, "batch views 5"],
    evidence: Evidence,
) -> Misfit:
    """How far COCO points in the world are from the evidence through the given cameras."""
    image, first = _images(points_world, cameras, evidence)
    start = evidence.track.gather(2, first[..., None, None].expand(*first.shape, 1, 2))
    path = (evidence.track - start) * evidence.placed[..., None]
    image_pose, image_place = _centred(image, evidence.weight)
    target_pose, target_place = _centred(evidence.points, evidence.weight)
    overlap, size = _overlap(image_pose, target_pose, evidence.weight)
    scale = ((overlap + 1.0) / (size + 1.0)).clamp(0.4, 2.5)  # near 1: a frame tells it poorly
    usual = (overlap.sum(-1) + 1.0) / (size.sum(-1) + 1.0)
    pose = (image_pose * scale[..., None, None] - target_pose).norm(dim=-1)
    place = (image_place * usual[..., None, None] - target_place - path).norm(dim=-1)
    known = evidence.placed & (evidence.weight.sum(-1) > 0)
    return Misfit(pose, torch.where(known, place, torch.zeros_like(place)))


def _images(points_world: Tensor, cameras: Tensor, evidence: Evidence) -> tuple[Tensor, Tensor]:
    """Projected points (batch, views, frames, 17, 2) and each view's first placed frame."""
    yaw, pitch, roll, log_distance, log_scale = cameras.unbind(-1)
    R = rotation_about("z", roll) @ rotation_about("x", pitch) @ rotation_about("y", -yaw)
    seen = points_world[:, None] @ R[:, :, None].transpose(-1, -2)  # batch views frames 17 3
    first = _first(evidence.placed)
    hips = seen[..., _HIPS, :].mean(-2)
    anchor = hips.gather(2, first[..., None, None].expand(*first.shape, 1, 3))
    centre = torch.where(
        evidence.placed[..., None], anchor, hips
    )  # a camera that is not still follows the hips
    relative = seen - centre[..., None, :]
    distance = USUAL_DISTANCE_M * log_distance.exp()[..., None, None]
    depth = (1 - relative[..., 2] / distance).clamp(min=_NEAREST)
    image = torch.stack((relative[..., 0], -relative[..., 1]), dim=-1) / depth[..., None]
    return image * log_scale.exp()[..., None, None, None], first


def _first(placed: Tensor) -> Tensor:
    """Index of the first placed frame of every view, 0 where there is none."""
    return placed.to(torch.uint8).argmax(-1)


def _overlap(image: Tensor, target: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Numerator and denominator of the scale of each frame that fits the target best."""
    weight = weight[..., None]
    return (weight * image * target).sum((-1, -2)), (weight * image.square()).sum((-1, -2))


def _centred(points: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Points relative to their weighted mean, and the mean."""
    total = weight.sum(-1).clamp(min=1e-6)
    mean = (weight[..., None] * points).sum(-2) / total[..., None]
    return points - mean[..., None, :], mean


def _point_weights() -> Tensor:
    return torch.tensor([_FACE_WEIGHT if name in _FACE else 1.0 for name in COCO_NAMES])
