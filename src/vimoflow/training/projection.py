"""The projection loss: the generated motion seen by several cameras beside the clean 2D.

The thesis compares multi-view projections of the generated motion with the input (sections I and
II). The truth is known in training, so any camera gives clean 2D of it.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

from vimoflow.data.camera_placement import look_at, toward_camera
from vimoflow.geometry.cameras import Camera, project

_DISTANCE_M = (2.5, 6.0)
_PITCH_DEG = (-5.0, 25.0)
_NEAREST = 0.4  # of the true depth: a bad guess behind the camera must not blow up


def draw_cameras(
    root_world: Float[Tensor, "batch frames 3"],
    views: int,
    generator: torch.Generator,
    first: Camera | None = None,
) -> Camera:
    """Level cameras that follow the person from random sides, batch shape (batch, views, frames).

    Each stays on its side for the whole clip. The focal length is 1, so that "pixels" are tangents.

    Args:
        root_world: the truth's root, metres.
        views: how many, at least 1.
        generator: source of randomness, on the CPU.
        first: the clip's own camera, batch shape (batch, frames) in the same frame: it takes the
            place of the first view.
    """
    batch, frames = root_world.shape[:2]
    azimuth, height, far = torch.rand(3, batch, views, generator=generator).to(root_world)
    azimuth = 2 * math.pi * azimuth
    pitch = torch.lerp(*_bounds(_PITCH_DEG, height), height).deg2rad()
    distance = torch.lerp(*_bounds(_DISTANCE_M, far), far)
    away = (distance[..., None] * toward_camera(azimuth, pitch))[:, :, None]
    position = root_world[:, None] + away
    R = look_at(position, root_world[:, None])
    t = -(R @ position.unsqueeze(-1)).squeeze(-1)
    focal = torch.ones(batch, views, frames, dtype=t.dtype, device=t.device)
    center = torch.zeros(batch, views, frames, 2, dtype=t.dtype, device=t.device)
    if first is None:
        return Camera(R, t, focal, center)
    own = Camera(first.R_camera_world.to(t), first.t_camera_world.to(t), focal[:, 0], center[:, 0])
    return Camera(
        torch.cat((own.R_camera_world[:, None], R[:, 1:]), dim=1),
        torch.cat((own.t_camera_world[:, None], t[:, 1:]), dim=1),
        focal,
        center,
    )


def projection_error(
    predicted_from_pelvis: Float[Tensor, "batch frames points 3"],
    target_world: Float[Tensor, "batch frames points 3"],
    target_root_world: Float[Tensor, "batch frames 3"],
    cameras: Camera,
) -> Float[Tensor, "batch frames"]:
    """Squared image distance between prediction and truth, mean over views and points.

    In m^2 at the person's distance (tangents times the root's depth), so that near and far cameras
    count alike. The prediction hangs at the true root, as the condition is root-centred: where the
    root is has a loss of its own.
    """
    predicted = (predicted_from_pelvis + target_root_world[..., None, :])[:, None]
    views = cameras.focal_px.shape[1]
    both = torch.cat((predicted, target_world[:, None]), dim=-2).expand(-1, views, -1, -1, -1)
    _, root_depth = project(
        cameras, target_root_world[:, None, :, None].expand(-1, views, -1, 1, 3)
    )
    p_camera = (
        both @ cameras.R_camera_world.transpose(-1, -2) + cameras.t_camera_world[..., None, :]
    )
    depth = torch.maximum(p_camera[..., 2], _NEAREST * root_depth.clamp(min=0.1))
    image = p_camera[..., :2] / depth[..., None] * root_depth[..., None]
    a, b = image.chunk(2, dim=-2)
    return (a - b).square().sum(-1).mean(-1).mean(1)


def _bounds(limits: tuple[float, float], like: Tensor) -> tuple[Tensor, Tensor]:
    return torch.full_like(like, limits[0]), torch.full_like(like, limits[1])
