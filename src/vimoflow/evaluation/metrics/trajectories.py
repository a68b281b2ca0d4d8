"""How far a motion strays in the world: errors of the root's path and of segments of it.

W-MPJPE and WA-MPJPE are the world errors of SLAHMR (Ye et al. 2023, section 4) over segments of
100 frames, RTE is WHAM's root translation error (Shin et al. 2024). Published code aligns by a
full similarity; that hides a wrong up direction and a wrong size, so the alignment by yaw and
ground offset is offered beside it. Positions in metres, +Y up.
"""

from __future__ import annotations

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from vimoflow.errors import InputError
from vimoflow.evaluation.metrics.paired import MM, align_by_similarity, require_finite, require_pair

SEGMENT = 100  # frames
Alignment = Literal["yaw", "similarity"]


def align_by_yaw(
    points: Float[Tensor, "*batch points 3"],
    target: Float[Tensor, "*batch points 3"],
    fitted: slice = slice(None),
) -> Float[Tensor, "*batch points 3"]:
    """``points`` turned about +Y and shifted to where the ``fitted`` ones come closest.

    Least squares in closed form; size and up direction stay as they are.
    """
    p, q = points[..., fitted, :], target[..., fitted, :]
    center, target_center = p.mean(-2, keepdim=True), q.mean(-2, keepdim=True)
    p, q = p - center, q - target_center
    # Of all yaws a: the one that maximises sum q . R(a) p.
    along = (p[..., 0] * q[..., 0] + p[..., 2] * q[..., 2]).sum(-1)
    across = (p[..., 2] * q[..., 0] - p[..., 0] * q[..., 2]).sum(-1)
    yaw = torch.atan2(across, along)[..., None]
    x, y, z = (points - center).unbind(-1)
    turned = torch.stack((yaw.cos() * x + yaw.sin() * z, y, yaw.cos() * z - yaw.sin() * x), dim=-1)
    return turned + target_center


def w_mpjpe(
    prediction: Float[Tensor, "*batch frames joints 3"],
    truth: Float[Tensor, "*batch frames joints 3"],
    alignment: Alignment = "yaw",
) -> Float[Tensor, "*batch"]:
    """World error of segments of 100 frames, each aligned by its first two frames, millimetres.

    The last segment may be shorter; one of a single frame is left out.
    """
    return _segments(prediction, truth, alignment, first=2)


def wa_mpjpe(
    prediction: Float[Tensor, "*batch frames joints 3"],
    truth: Float[Tensor, "*batch frames joints 3"],
    alignment: Alignment = "yaw",
) -> Float[Tensor, "*batch"]:
    """World error of segments of 100 frames, each aligned as a whole, millimetres."""
    return _segments(prediction, truth, alignment, first=SEGMENT)


def rte(
    root: Float[Tensor, "*batch frames 3"],
    truth_root: Float[Tensor, "*batch frames 3"],
    alignment: Alignment = "yaw",
) -> Float[Tensor, "*batch"]:
    """Mean error of the root over the clip after alignment, per cent of the truth's way.

    WHAM's definition, which aligns rigidly in three dimensions; here ``"similarity"`` does not
    scale either. NaN for a truth that does not move by more than a centimetre, which it cannot
    measure: see :func:`root_error`.
    """
    way = truth_root.double().diff(dim=-2).norm(dim=-1).sum(-1)
    error = root_error(root, truth_root, alignment) / MM
    return torch.where(way > 0.01, 100 * error / way, torch.nan)


def root_error(
    root: Float[Tensor, "*batch frames 3"],
    truth_root: Float[Tensor, "*batch frames 3"],
    alignment: Alignment = "yaw",
) -> Float[Tensor, "*batch"]:
    """Mean distance of the root's path to the truth's after alignment, millimetres."""
    prediction, truth = require_pair(root, truth_root)
    if prediction.shape[-2] < 2:
        raise InputError("a path of one frame cannot be aligned; at least 2 frames are needed")
    if alignment == "yaw":
        aligned = align_by_yaw(prediction, truth)
    else:
        aligned = align_by_similarity(prediction, truth, scaled=False)
    return MM * (aligned - truth).norm(dim=-1).mean(-1)


def _segments(prediction: Tensor, truth: Tensor, alignment: Alignment, first: int) -> Tensor:
    """Mean error over the frames of all segments, aligned by their first frames."""
    prediction, truth = require_pair(prediction, truth)
    frames, joints = prediction.shape[-3:-1]
    if frames < 2:
        raise InputError("one frame is no path; at least 2 frames are needed")
    errors = []
    for start in range(0, frames, SEGMENT):
        p = prediction[..., start : start + SEGMENT, :, :].flatten(-3, -2)
        q = truth[..., start : start + SEGMENT, :, :].flatten(-3, -2)
        if p.shape[-2] < 2 * joints:
            continue
        fitted = slice(0, first * joints)
        if alignment == "yaw":
            aligned = align_by_yaw(p, q, fitted)
        else:
            aligned = align_by_similarity(p, q, fitted)
        errors.append((aligned - q).norm(dim=-1))
    return MM * require_finite(torch.cat(errors, dim=-1)).mean(-1)
