"""The cameras of a batch, virtual and real, and what a training example is told of them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from vimoflow.geometry.cameras import Camera, camera_heading
from vimoflow.geometry.rotations import axis_angle_to_matrix
from vimoflow.inference.conditioning.encoding import (
    Condition,
    encode_condition,
    mean_root_px,
    person_size_px,
)
from vimoflow.inference.conditioning.viewpoint import (
    USUAL_FOCAL,
    Lens,
    bearing,
    level_down,
    upright,
    view_channels,
)

_UNKNOWN_DISTANCE_M = 5.0


@dataclass(frozen=True)
class Filming:
    """How each clip of a batch was filmed.

    Attributes:
        lens: as it truly was; of cameras that turn, in the middle of the clip.
        heading: of the camera, radians about +Y.
        static: the path in the image tells where the person went.
    """

    lens: Lens
    heading: Float[Tensor, " batch"]
    static: Bool[Tensor, " batch"]


@dataclass(frozen=True)
class ToldSettings:
    """What an example is told of its camera.

    Attributes:
        down_known, down_deg: share of the clips that are told where down is, and the standard
            deviation of its error about each axis.
        focal_known, focal_spread: share of the clips that are told the focal length, and the
            standard deviation of the logarithm of its error; the others guess it.
        aim_deg: standard deviation of where the virtual camera aims, about the window's mean: at
            sampling it aims at the mean of the whole shot.
        size_spread: standard deviation of the logarithm of an error on the person's size, which at
            sampling comes from the whole shot instead of the window.
        track_drop: share of static-camera clips whose track is hidden all the same.
    """

    down_known: float = 0.6
    down_deg: float = 2.0
    focal_known: float = 0.4
    focal_spread: float = 0.04
    aim_deg: float = 3.0
    size_spread: float = 0.06
    track_drop: float = 0.15


def filmed_by(camera: Camera, static: Bool[Tensor, " batch"]) -> Filming:
    """The filming by virtual cameras (batch, frames); see ``data.virtual_cameras``."""
    middle = camera.focal_px.shape[1] // 2
    down = -camera.R_camera_world[:, middle, :, 1]
    known = torch.ones(len(down), dtype=torch.bool)
    lens = Lens(camera.focal_px[:, middle], camera.center_px[:, middle], down, known, known)
    return Filming(lens, camera_heading(camera.R_camera_world[:, 0]), static)


def filmed_in_reality(
    heading: Float[Tensor, " batch"],
    lens: Float[Tensor, "batch 6"],
    points_px: Float[Tensor, "batch frames 17 3"],
) -> Filming:
    """The filming by still real cameras; where a lens is all zeros, a level one at five metres."""
    known = lens[:, 0] > 0
    size = person_size_px(points_px)
    center = torch.where(known[:, None], lens[:, 1:3], mean_root_px(points_px, size))
    focal = torch.where(known, lens[:, 0], _UNKNOWN_DISTANCE_M * size)
    down = torch.where(known[:, None], lens[:, 3:], level_down(heading))
    return Filming(Lens(focal, center, down, known, known), heading, torch.ones_like(known))


def mixed(first: Bool[Tensor, " batch"], a: Filming, b: Filming) -> Filming:
    """Rows of ``a`` where ``first``, else of ``b``."""

    def pick(x: Tensor, y: Tensor) -> Tensor:
        return torch.where(first.reshape(-1, *([1] * (x.ndim - 1))), x, y)

    lens = Lens(*(pick(getattr(a.lens, k), getattr(b.lens, k)) for k in Lens.__annotations__))
    return Filming(lens, pick(a.heading, b.heading), pick(a.static, b.static))


def encoded(
    points_px: Float[Tensor, "batch frames 17 3"],
    filming: Filming,
    generator: torch.Generator,
    settings: ToldSettings,
) -> tuple[Condition, Float[Tensor, " batch"]]:
    """What the denoiser is shown, and the yaw of the virtual camera: the heading of the answer."""
    batch = len(points_px)
    true, told = filming.lens, _told(filming.lens, generator, settings)
    wander = torch.randn(batch, 2, generator=generator) * math.radians(settings.aim_deg)
    aim = mean_root_px(points_px, person_size_px(points_px)) + wander * true.focal_px[:, None]
    seen = upright(points_px, told, aim)
    error = torch.exp(torch.randn(batch, generator=generator) * settings.size_spread)
    shown = torch.rand(batch, generator=generator) >= settings.track_drop
    size = person_size_px(seen.points_px) * error
    view = view_channels(told, seen.looks_down, size)
    condition = encode_condition(seen.points_px, size, filming.static & shown, view)
    return condition, filming.heading - bearing(true, aim)


def _told(lens: Lens, generator: torch.Generator, settings: ToldSettings) -> Lens:
    batch = len(lens.focal_px)

    def chance(share: float) -> Tensor:
        return torch.rand(batch, generator=generator) < share

    down_known = chance(settings.down_known) & lens.down_known
    focal_known = chance(settings.focal_known) & lens.focal_known
    turn = torch.randn(batch, 3, generator=generator) * math.radians(settings.down_deg)
    noisy = (axis_angle_to_matrix(turn) @ lens.down[..., None])[..., 0]
    factor = torch.exp(torch.randn(batch, generator=generator) * settings.focal_spread)
    guess = USUAL_FOCAL * 2 * lens.center_px.amax(-1)
    return Lens(
        torch.where(focal_known, lens.focal_px * factor, guess),
        lens.center_px,
        torch.where(down_known[:, None], noisy, level_down(factor)),
        focal_known,
        down_known,
    )
