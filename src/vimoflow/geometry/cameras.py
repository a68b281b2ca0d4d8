"""Pinhole cameras: world to camera to pixels.

A camera looks along its own +Z axis, with +X to the right and +Y down in the image (OpenCV).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class Camera:
    """Pinhole cameras with any leading batch shape (views, frames).

    Attributes:
        R_camera_world: rotates world vectors into the camera's frame.
        t_camera_world: ``p_camera = R_camera_world @ p_world + t_camera_world``, metres.
        focal_px: focal length in pixels (square pixels).
        center_px: principal point in pixels.
    """

    R_camera_world: Float[Tensor, "*batch 3 3"]
    t_camera_world: Float[Tensor, "*batch 3"]
    focal_px: Float[Tensor, "*batch"]
    center_px: Float[Tensor, "*batch 2"]


def project(
    camera: Camera, p_world: Float[Tensor, "*batch points 3"]
) -> tuple[Float[Tensor, "*batch points 2"], Float[Tensor, "*batch points"]]:
    """Pixel coordinates and depths (metres along the optical axis; negative is behind)."""
    p_camera = (
        p_world @ camera.R_camera_world.transpose(-1, -2) + camera.t_camera_world[..., None, :]
    )
    depth = p_camera[..., 2]
    safe = depth.clamp(min=1e-3)
    pixels = p_camera[..., :2] / safe[..., None] * camera.focal_px[..., None, None]
    return pixels + camera.center_px[..., None, :], depth


def camera_heading(R_camera_world: Float[Tensor, "*batch 3 3"]) -> Float[Tensor, "*batch"]:
    """Yaw in radians about world +Y of the direction from the subject towards the camera.

    A person whose heading equals it faces the camera. Learning happens in the frame turned by minus
    this yaw, so that facing the camera is always +Z (DESIGN: heading relative to the camera's yaw).
    """
    backward = -R_camera_world[..., 2, :]
    return torch.atan2(backward[..., 0], backward[..., 2])
