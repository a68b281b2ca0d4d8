"""Paired metrics: how far a motion is from the truth of the same clip, and how it moves.

Positions come in metres, +Y up, the floor at y = 0 unless said otherwise; each metric states its
unit. Results are float64, one number a clip (any leading batch shape). Frames, joints and clips
count alike: a mean is over all of them. Wrong input (not finite, other lengths than the truth's,
too few frames) raises :class:`~vimoflow.errors.InputError`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from vimoflow.errors import InputError
from vimoflow.geometry.rotations import geodesic_angle

REFERENCE_FPS = 30.0  # "per frame" means at this rate, whatever the clip's own
CONTACT_THRESHOLD = 0.5
MM = 1000.0


@dataclass(frozen=True)
class ContactScores:
    """Agreement of contact labels with the truth's, each in [0, 1].

    Attributes:
        precision: share of the predicted contacts that are true; NaN when none was predicted.
        recall: share of the true contacts that were predicted; NaN when there is none.
    """

    precision: Float[Tensor, "*batch"]
    recall: Float[Tensor, "*batch"]


def joint_errors(
    prediction: Float[Tensor, "*batch frames joints 3"],
    truth: Float[Tensor, "*batch frames joints 3"],
    root: tuple[int, ...] = (0,),
) -> Float[Tensor, "*batch joints"]:
    """Position error of each joint, millimetres, mean over frames; ``root`` as in :func:`mpjpe`."""
    prediction, truth = require_pair(prediction, truth)
    if root:
        prediction = prediction - prediction[..., list(root), :].mean(-2, keepdim=True)
        truth = truth - truth[..., list(root), :].mean(-2, keepdim=True)
    return MM * (prediction - truth).norm(dim=-1).mean(-2)


def mpjpe(
    prediction: Float[Tensor, "*batch frames joints 3"],
    truth: Float[Tensor, "*batch frames joints 3"],
    root: tuple[int, ...] = (0,),
) -> Float[Tensor, "*batch"]:
    """Mean per-joint position error, millimetres, after moving both roots to the origin.

    ``root`` names the joints whose mean is the root: the pelvis of the 24-joint skeleton, both hips
    of COCO points, none at all for the error in the world.
    """
    return joint_errors(prediction, truth, root).mean(-1)


def pa_joint_errors(
    prediction: Float[Tensor, "*batch frames joints 3"],
    truth: Float[Tensor, "*batch frames joints 3"],
) -> Float[Tensor, "*batch joints"]:
    """Position error of each joint, millimetres, after the best similarity of every frame."""
    prediction, truth = require_pair(prediction, truth)
    return MM * (align_by_similarity(prediction, truth) - truth).norm(dim=-1).mean(-2)


def pa_mpjpe(
    prediction: Float[Tensor, "*batch frames joints 3"],
    truth: Float[Tensor, "*batch frames joints 3"],
) -> Float[Tensor, "*batch"]:
    """Mean per-joint position error, millimetres, after the best similarity of every frame."""
    return pa_joint_errors(prediction, truth).mean(-1)


def pa_mpjpe_clip(
    prediction: Float[Tensor, "*batch frames joints 3"],
    truth: Float[Tensor, "*batch frames joints 3"],
) -> Float[Tensor, "*batch"]:
    """Mean per-joint position error, millimetres, after one similarity for the whole clip.

    Unlike :func:`pa_mpjpe` it sees wrong root paths, headings and sizes that change over time.
    """
    prediction, truth = require_pair(prediction, truth)
    points, target = prediction.flatten(-3, -2), truth.flatten(-3, -2)
    return MM * (align_by_similarity(points, target) - target).norm(dim=-1).mean(-1)


def align_by_similarity(
    points: Float[Tensor, "*batch points 3"],
    target: Float[Tensor, "*batch points 3"],
    fitted: slice = slice(None),
    scaled: bool = True,
) -> Float[Tensor, "*batch points 3"]:
    """``points`` under the rotation, scale and shift that bring them closest to ``target``.

    Least squares over the ``fitted`` points, without reflection (Umeyama 1991, equations 40 to
    42); without scale unless ``scaled``. Points that all coincide end up at the target's centroid.
    """
    p, q = points[..., fitted, :], target[..., fitted, :]
    center, target_center = p.mean(-2, keepdim=True), q.mean(-2, keepdim=True)
    p, q = p - center, q - target_center
    U, D, Vt = torch.linalg.svd(q.transpose(-1, -2) @ p)
    # A reflection would fit better where this is -1: turn the weakest axis back.
    sign = torch.ones_like(D)
    sign[..., 2] = torch.where(torch.linalg.det(U @ Vt) < 0, -1.0, 1.0)
    R_target_points = (U * sign[..., None, :]) @ Vt
    spread = p.square().sum((-2, -1)).clamp(min=torch.finfo(p.dtype).tiny)
    scale = (D * sign).sum(-1) / spread if scaled else torch.ones_like(spread)
    turned = (points - center) @ R_target_points.transpose(-1, -2)
    return scale[..., None, None] * turned + target_center


def joint_rotation_errors(
    R_prediction: Float[Tensor, "*batch frames joints 3 3"],
    R_truth: Float[Tensor, "*batch frames joints 3 3"],
) -> Float[Tensor, "*batch joints"]:
    """Geodesic angle between the rotations of each joint, degrees, mean over frames."""
    prediction, truth = require_pair(R_prediction, R_truth)
    return torch.rad2deg(geodesic_angle(prediction, truth)).mean(-2)


def mpjre(
    R_prediction: Float[Tensor, "*batch frames joints 3 3"],
    R_truth: Float[Tensor, "*batch frames joints 3 3"],
) -> Float[Tensor, "*batch"]:
    """Mean per-joint rotation error: the geodesic angle between rotations, degrees."""
    return joint_rotation_errors(R_prediction, R_truth).mean(-1)


def acceleration_error(
    prediction: Float[Tensor, "*batch frames joints 3"],
    truth: Float[Tensor, "*batch frames joints 3"],
    fps: float,
) -> Float[Tensor, "*batch"]:
    """Mean magnitude of the difference of joint accelerations, m/s^2 (central differences)."""
    prediction, truth = require_pair(prediction, truth)
    return _derivative(prediction - truth, 2, fps).norm(dim=-1).mean((-2, -1))


def acceleration(
    joints: Float[Tensor, "*batch frames joints 3"], fps: float
) -> Float[Tensor, "*batch"]:
    """Mean magnitude of the joints' acceleration, m/s^2. Compare with the truth's."""
    return _derivative(require_finite(joints), 2, fps).norm(dim=-1).mean((-2, -1))


def jitter(joints: Float[Tensor, "*batch frames joints 3"], fps: float) -> Float[Tensor, "*batch"]:
    """Mean magnitude of the joints' jerk (third derivative), m/s^3. Compare with the truth's."""
    return _derivative(require_finite(joints), 3, fps).norm(dim=-1).mean((-2, -1))


def foot_slide(
    contact_joints: Float[Tensor, "*batch frames 4 3"],
    truth_contacts: Float[Tensor, "*batch frames 4"],
    fps: float,
) -> Float[Tensor, "*batch"]:
    """Horizontal way of the feet while the truth has them on the ground, mm per frame at 30 fps.

    ``contact_joints`` are in the order of :data:`~vimoflow.motion.skeleton.CONTACT_JOINTS`. A step
    from one frame to the next counts for a joint that is in contact (0.5 or more) in both. NaN for
    a clip whose truth has no such step.
    """
    feet, labels = require_finite(contact_joints), require_finite(truth_contacts)
    _require_same_shape(feet.shape[:-1], labels.shape)
    velocity = _derivative(feet[..., (0, 2)], 1, fps)
    on_ground = labels >= CONTACT_THRESHOLD
    held = on_ground[..., 1:, :] & on_ground[..., :-1, :]
    return MM / REFERENCE_FPS * _mean_where(velocity.norm(dim=-1), held)


def penetration(
    points: Float[Tensor, "*batch frames points 3"], sole_m: float = 0.0
) -> Float[Tensor, "*batch"]:
    """How deep the body is in the floor, mm: of the lowest point, mean over frames, 0 when above.

    ``sole_m`` is how far the body reaches below its lowest point: joints are inside the foot, so
    theirs is the sole's thickness; 0 for the vertices of a mesh.
    """
    lowest = require_finite(points)[..., 1].amin(-1)
    return MM * (sole_m - lowest).clamp(min=0).mean(-1)


def floating(
    points: Float[Tensor, "*batch frames points 3"],
    truth_contacts: Float[Tensor, "*batch frames contacts"],
    sole_m: float = 0.0,
) -> Float[Tensor, "*batch"]:
    """How high the body hovers while the truth touches the floor, mm (``sole_m`` as above).

    Of the lowest point, mean over the frames in which any of the truth's contacts is 0.5 or more;
    NaN for a clip without any.
    """
    points, labels = require_finite(points), require_finite(truth_contacts)
    _require_same_shape(points.shape[:-2], labels.shape[:-1])
    height = (points[..., 1].amin(-1) - sole_m).clamp(min=0)
    touching = (labels >= CONTACT_THRESHOLD).any(-1)
    return MM * _mean_where(height[..., None], touching[..., None])


def contact_scores(
    contacts: Float[Tensor, "*batch frames 4"], truth_contacts: Float[Tensor, "*batch frames 4"]
) -> ContactScores:
    """Precision and recall of contacts, both thresholded at 0.5, over all frames and joints."""
    prediction, truth = require_pair(contacts, truth_contacts)
    predicted, true = prediction >= CONTACT_THRESHOLD, truth >= CONTACT_THRESHOLD
    hits = (predicted & true).double()
    return ContactScores(_mean_where(hits, predicted), _mean_where(hits, true))


def require_pair(prediction: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
    """Both in float64.

    Raises:
        InputError: other shapes, no frames, or values that are not finite.
    """
    _require_same_shape(prediction.shape, truth.shape)
    return require_finite(prediction), require_finite(truth)


def _require_same_shape(prediction: torch.Size, truth: torch.Size) -> None:
    if prediction != truth:
        raise InputError(
            f"a motion of shape {tuple(prediction)} cannot be compared with a truth of shape "
            f"{tuple(truth)}; both need the same clips, frames and joints"
        )


def require_finite(values: Tensor) -> Tensor:
    """In float64; ``InputError`` where there are no frames or values are not finite."""
    if values.numel() == 0:
        raise InputError("a motion without frames cannot be measured")
    if not bool(torch.isfinite(values).all()):
        raise InputError("a motion holds values that are not finite (NaN or infinity)")
    return values.double()


def _derivative(positions: Tensor, order: int, fps: float) -> Tensor:
    """Finite difference of some order along the frames (third axis from the end), per second."""
    frames = positions.shape[-3]
    if frames <= order:
        raise InputError(f"{frames} frames are too few: at least {order + 1} are needed")
    if not (fps > 0 and math.isfinite(fps)):
        raise InputError(f"frame rate {fps} makes no sense")
    return torch.diff(positions, n=order, dim=-3) * fps**order


def _mean_where(values: Tensor, mask: Tensor) -> Tensor:
    """Mean over the last two axes of the values under the mask; NaN where it is empty."""
    return torch.where(mask, values, 0.0).sum((-2, -1)) / mask.sum((-2, -1))
