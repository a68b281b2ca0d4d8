"""Where cameras stand and look: pure geometry in the world with +Y up."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


def toward_camera(
    azimuth: Float[Tensor, "*batch"], pitch: Float[Tensor, "*batch"]
) -> Float[Tensor, "*batch 3"]:
    """Unit vector from the aimed point to the camera; positive pitch puts it above the point."""
    level = pitch.cos()
    return torch.stack([level * azimuth.sin(), pitch.sin(), level * azimuth.cos()], -1)


def look_at(
    position: Float[Tensor, "*#batch 3"], aim: Float[Tensor, "*#batch 3"]
) -> Float[Tensor, "*#batch 3 3"]:
    """R_camera_world of a level camera that looks from one point to the other."""
    forward = F.normalize(aim - position, dim=-1)
    x, y, z = forward.unbind(-1)
    level = torch.hypot(x, z).clamp(min=1e-6)
    right = torch.stack([-z / level, torch.zeros_like(x), x / level], -1)
    down = torch.stack([x * y / level, -level, z * y / level], -1)
    return torch.stack([right, down, forward], -2)


def camera_turn(turn: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch 3 3"]:
    """Rotation about the camera's own axes: x (pitch), then y (yaw), then z (roll), radians."""
    cx, cy, cz = turn.cos().unbind(-1)
    sx, sy, sz = turn.sin().unbind(-1)
    rows = (
        cz * cy, cz * sy * sx - sz * cx, cz * sy * cx + sz * sx,
        sz * cy, sz * sy * sx + cz * cx, sz * sy * cx - cz * sx,
        -sy, cy * sx, cy * cx,
    )  # fmt: skip
    return torch.stack(rows, -1).unflatten(-1, (3, 3))


def smooth_path(
    path: Float[Tensor, "batch frames 3"], fps: float
) -> Float[Tensor, "batch frames 3"]:
    """Moving average over a second: an operator's hand, not a rigid mount."""
    reach = min(round(fps / 2), path.shape[1] - 1)
    padded = F.pad(path.transpose(1, 2), (reach, reach), mode="replicate")
    return F.avg_pool1d(padded, 2 * reach + 1, stride=1).transpose(1, 2)
