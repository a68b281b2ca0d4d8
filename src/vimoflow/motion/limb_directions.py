"""Joint rotations from the directions of limbs: where an inverse kinematics of points starts."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from vimoflow.motion.skeleton import coco, joint

_SIDES = ("left", "right")
_STRAIGHT = 0.2  # sine of the bend below which a limb's own plane counts less than the body's


def initial_rotations(points: Float[Tensor, "frames 17 3"]) -> Float[Tensor, "frames 24 3 3"]:
    """Local rotations from the points' directions: pelvis, limbs as hinges, the rest at rest.

    A limb that is nearly straight takes its plane from the body.
    """
    at = {name: points[:, coco(name)] for side in _SIDES for name in _limb_points(side)}
    across = at["left_hip"] - at["right_hip"] + at["left_shoulder"] - at["right_shoulder"]
    up = at["left_shoulder"] + at["right_shoulder"] - at["left_hip"] - at["right_hip"]
    body = _frame(up, across, first=1, second=0)
    R = torch.eye(3).to(points).repeat(len(points), 24, 1, 1)
    R[:, 0] = body
    for side, sign in zip(_SIDES, (1.0, -1.0), strict=True):
        upper, lower = (at[f"{side}_knee"] - at[f"{side}_hip"],
                        at[f"{side}_ankle"] - at[f"{side}_knee"])  # fmt: skip
        axis = _hinge_axis(upper, lower, -body[..., 1], body[..., 0])
        _set_limb(R, body, f"{side}_hip", f"{side}_knee",
                  _frame(-upper, axis, 1, 0), _frame(-lower, axis, 1, 0))  # fmt: skip
        upper, lower = (at[f"{side}_elbow"] - at[f"{side}_shoulder"],
                        at[f"{side}_wrist"] - at[f"{side}_elbow"])  # fmt: skip
        axis = -sign * _hinge_axis(upper, lower, sign * body[..., 0], -sign * body[..., 1])
        _set_limb(R, body, f"{side}_shoulder", f"{side}_elbow",
                  _frame(sign * upper, axis, 0, 1), _frame(sign * lower, axis, 0, 1))  # fmt: skip
    return R


def _limb_points(side: str) -> list[str]:
    return [f"{side}_{n}" for n in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")]


def _hinge_axis(upper: Tensor, lower: Tensor, rest: Tensor, rest_axis: Tensor) -> Tensor:
    """What a limb bends about; a straight one about its axis at rest, swung along with it.

    ``rest`` is the upper bone's direction at rest, ``rest_axis`` the hinge there, both turned with
    the body. The swing is the smallest rotation from ``rest`` to where the bone is.
    """
    upper, lower = F.normalize(upper, dim=-1), F.normalize(lower, dim=-1)
    turn = torch.linalg.cross(rest, upper)
    once = torch.linalg.cross(turn, rest_axis)
    twice = torch.linalg.cross(turn, once)
    cosine = (rest * upper).sum(-1, keepdim=True)
    swung = rest_axis + once + twice / (1 + cosine).clamp(min=1e-3)
    return torch.linalg.cross(upper, lower) + _STRAIGHT * swung


def _frame(main: Tensor, other: Tensor, first: int, second: int) -> Tensor:
    """The rotation whose column ``first`` lies along ``main``, column ``second`` near ``other``."""
    a = F.normalize(main, dim=-1)
    b = F.normalize(other - (other * a).sum(-1, keepdim=True) * a, dim=-1)
    third = 3 - first - second
    columns: list[Tensor] = [a, a, a]
    columns[second] = b
    even = (first, second, third) in ((0, 1, 2), (1, 2, 0), (2, 0, 1))
    columns[third] = torch.linalg.cross(a, b) if even else torch.linalg.cross(b, a)
    return torch.stack(columns, dim=-1)


def _set_limb(
    R: Tensor, body: Tensor, root: str, hinge: str, R_upper: Tensor, R_lower: Tensor
) -> None:
    """Enter a limb's two world rotations; between body and limb all joints are at rest."""
    R[:, joint(root)] = body.transpose(-1, -2) @ R_upper
    R[:, joint(hinge)] = R_upper.transpose(-1, -2) @ R_lower
