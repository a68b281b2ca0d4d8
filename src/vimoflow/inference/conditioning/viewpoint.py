"""Turning what a camera saw upright and towards the person, before the denoiser sees it.

A picture tells directions, and a camera's own roll, pitch and lens are no part of a motion. The
keypoints are taken as rays and looked at through a virtual camera at the same place, which aims at
the person and stands upright (compare the gravity-view frame of GVHMR, Shen et al. 2024). How much
it looks down and how far away the person is are told beside them, each with whether it is known.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

USUAL_FOCAL = 0.8  # of the picture's longer side: phones, and the cameras of AIST++
VIEW_CHANNELS = 4
_USUAL_CLOSENESS = 0.2  # the person at five metres
_MIN_DEPTH = 0.05  # rays nearly along the virtual picture's plane are kept finite


@dataclass(frozen=True)
class Lens:
    """How a shot's pictures were taken.

    Attributes:
        focal_px: focal length in pixels, known or guessed.
        center_px: principal point in pixels.
        down: unit vector of gravity in the camera's frame; (0, 1, 0) for a level camera.
        focal_known: the focal length is more than a guess.
        down_known: the direction of gravity is more than a guess.
    """

    focal_px: Float[Tensor, "*batch"]
    center_px: Float[Tensor, "*batch 2"]
    down: Float[Tensor, "*batch 3"]
    focal_known: Bool[Tensor, "*batch"]
    down_known: Bool[Tensor, "*batch"]

    @classmethod
    def guessed(
        cls, size_px: Float[Tensor, "*batch 2"], focal: Float[Tensor, "*batch"] | None = None,
        down: Float[Tensor, "*batch 3"] | None = None,
    ) -> Lens:  # fmt: skip
        """A level camera, for pictures of this width and height.

        ``focal`` is the focal length by the longer side; where it is not given or NaN, the usual
        lens is guessed. ``down`` is the direction of gravity, where it is known.
        """
        side, nothing = size_px.amax(-1), torch.zeros_like(size_px[..., 0], dtype=torch.bool)
        known = nothing if focal is None else focal.isfinite()
        focal_px = USUAL_FOCAL * side
        if focal is not None:
            focal_px = torch.where(known, focal.to(side) * side, focal_px)
        level = level_down(side) if down is None else down
        return cls(focal_px, size_px / 2, level, known, nothing | (down is not None))


def gravity_down(roll_deg: float, pitch_deg: float) -> tuple[float, float, float]:
    """Gravity's direction in a camera turned clockwise by its roll that looks down by its pitch."""
    roll, pitch = math.radians(roll_deg), math.radians(pitch_deg)
    across = math.cos(pitch)
    return (math.sin(roll) * across, math.cos(roll) * across, math.sin(pitch))


def level_down(like: Float[Tensor, "*batch"]) -> Float[Tensor, "*batch 3"]:
    """Gravity's direction in the frames of level cameras."""
    return like.new_tensor((0.0, 1.0, 0.0)).expand(*like.shape, 3)


@dataclass(frozen=True)
class Upright:
    """A shot through its virtual camera.

    Attributes:
        points_px: keypoints in pixels of the virtual picture, its principal point at the origin and
            its focal length the camera's own; missing ones are zeros.
        R_virtual_camera: turns vectors of the camera's frame into the virtual one's.
        looks_down: sine of the angle by which the virtual camera looks down.
    """

    points_px: Float[Tensor, "*batch frames 17 3"]
    R_virtual_camera: Float[Tensor, "*batch 3 3"]
    looks_down: Float[Tensor, "*batch"]


def upright(
    points_px: Float[Tensor, "*batch frames 17 3"], lens: Lens, aim_px: Float[Tensor, "*batch 2"]
) -> Upright:
    """Keypoints as a level camera at the same place would have seen them, looking at ``aim_px``."""
    focal = lens.focal_px[..., None]
    forward = F.normalize(_rays((aim_px - lens.center_px) / focal), dim=-1)
    right = F.normalize(torch.linalg.cross(lens.down, forward, dim=-1), dim=-1)
    R = torch.stack((right, torch.linalg.cross(forward, right, dim=-1), forward), dim=-2)
    xy = (points_px[..., :2] - lens.center_px[..., None, None, :]) / focal[..., None, None]
    rays = _rays(xy) @ R[..., None, :, :].transpose(-1, -2)
    image = rays[..., :2] / rays[..., 2:].clamp(min=_MIN_DEPTH) * focal[..., None, None]
    points = torch.cat((image, points_px[..., 2:]), dim=-1) * (points_px[..., 2:] > 0)
    return Upright(points, R, (forward * lens.down).sum(-1))


def view_channels(
    lens: Lens, looks_down: Float[Tensor, "*batch"], size_px: Float[Tensor, "*batch"]
) -> Float[Tensor, "*batch 4"]:
    """What the denoiser is told of the view: pitch and closeness, and whether each is known.

    Closeness is the inverse of the person's distance in metres, which pixels a metre and focal
    length tell; it is stated relative to five metres.
    """
    closeness = size_px / lens.focal_px / _USUAL_CLOSENESS - 1
    down_known, focal_known = lens.down_known.to(looks_down), lens.focal_known.to(looks_down)
    return torch.stack((looks_down, down_known, closeness.clamp(-1, 4), focal_known), dim=-1)


def _rays(xy: Tensor) -> Tensor:
    return torch.cat((xy, torch.ones_like(xy[..., :1])), dim=-1)


def bearing(lens: Lens, aim_px: Float[Tensor, "*batch 2"]) -> Float[Tensor, "*batch"]:
    """Angle about the vertical, radians, from where the camera looks to ``aim_px``, to the right.

    The heading of the virtual camera is the camera's less this (``geometry.cameras``).
    """
    ray = _rays((aim_px - lens.center_px) / lens.focal_px[..., None])
    axis = torch.zeros_like(lens.down)
    axis[..., 2] = 1.0
    right = F.normalize(torch.linalg.cross(lens.down, axis, dim=-1), dim=-1)
    forward = torch.linalg.cross(right, lens.down, dim=-1)
    return torch.atan2((ray * right).sum(-1), (ray * forward).sum(-1))
