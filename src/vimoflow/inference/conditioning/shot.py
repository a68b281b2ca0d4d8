"""What the denoiser is shown of a whole shot."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from vimoflow.inference.conditioning.encoding import (
    Condition,
    encode_condition,
    mean_root_px,
    person_size_px,
)
from vimoflow.inference.conditioning.viewpoint import Lens, bearing, upright, view_channels


@dataclass(frozen=True)
class SeenShot:
    """Keypoints of a shot through its upright virtual camera, as the denoiser is shown them.

    Attributes:
        condition: what the denoiser takes.
        R_virtual_camera: turns vectors of the camera's frame into the virtual one's.
        yaw: of the virtual camera in the frame in which the camera's own heading is zero, radians:
            answers of the denoiser are turned by it to be in that frame.
    """

    condition: Condition
    R_virtual_camera: Float[Tensor, "*batch 3 3"]
    yaw: Float[Tensor, "*batch"]


def see_shot(
    points_px: Float[Tensor, "*batch frames 17 3"],
    lens: Lens,
    static_camera: bool | Bool[Tensor, "*batch"] = True,
) -> SeenShot:
    """Keypoints in pixels (confidence 0 = missing) of whole shots, never of windows of them."""
    aim = mean_root_px(points_px, person_size_px(points_px))
    nowhere = (points_px[..., 2] <= 0).flatten(-2).all(-1)
    aim = torch.where(nowhere[..., None], lens.center_px, aim)
    seen = upright(points_px, lens, aim)
    size = person_size_px(seen.points_px)
    view = view_channels(lens, seen.looks_down, size)
    condition = encode_condition(seen.points_px, size, static_camera, view)
    return SeenShot(condition, seen.R_virtual_camera, -bearing(lens, aim))
