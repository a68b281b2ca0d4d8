"""MediaPipe's own 3D as a baseline: its world landmarks, fitted to the skeleton.

They are metres about the mid-hip, with no path through the room, so only metrics that are relative
to the root make sense for them. BlazePose marks hips and ears differently from COCO; a similarity
alignment forgives some of that.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from vimoflow.conventions import MODEL_FPS
from vimoflow.errors import InputError
from vimoflow.geometry.rotations import (
    matrix_to_axis_angle,
    matrix_to_sixd,
    rotation_about,
    sixd_to_matrix,
)
from vimoflow.geometry.signals import linear_resample
from vimoflow.motion.clip import Motion
from vimoflow.motion.kinematics import coco_points, forward_kinematics
from vimoflow.motion.skeleton import coco, joint, load_skeleton
from vimoflow.video import frames

# Of MediaPipe's 33 landmarks, those with the names of the 17 COCO points, in COCO's order.
_COCO_OF_33 = (0, 2, 5, 7, 8, 11, 12, 13, 14, 15, 16, 23, 24, 25, 26, 27, 28)
_TO_Y_UP = (1.0, -1.0, -1.0)  # x right, y down, z away to x right, y up, z towards the camera
_SOLE_M = 0.015  # the foot joint's height over the floor in a standing figure
# Rigid bones: from shoulders over elbows to wrists and from hips over knees to ankles.
_SIZE_BONES = tuple(
    (coco(f"{side}_{a}"), coco(f"{side}_{b}"))
    for side in ("left", "right")
    for a, b in (("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "ankle"))
)


@dataclass(frozen=True)
class FitSettings:
    """Inverse kinematics by gradient descent.

    Attributes:
        steps: of Adam.
        learning_rate: on the 6D rotations.
        smoothness: weight of the squared change of rotations from frame to frame.
        prior: weight of the squared distance to the rest pose, for joints that no point shows.
    """

    steps: int = 400
    learning_rate: float = 0.05
    smoothness: float = 1e-3
    prior: float = 1e-4


def coco_of_landmarks(
    landmarks: Float[np.ndarray, "frames 33 3"],
) -> Float[np.ndarray, "frames 17 3"]:
    """The 17 COCO points among MediaPipe's landmarks, +Y up, +Z towards the camera."""
    return landmarks[:, list(_COCO_OF_33)] * np.array(_TO_Y_UP)


def landmark_motion(
    landmarks: Float[np.ndarray, "frames 33 3"],
    fps: float = MODEL_FPS,
    settings: FitSettings | None = None,
) -> Motion:
    """Landmarks that a case carries, as a motion of the skeleton; gaps are filled in.

    Raises:
        InputError: no frame has a person.
    """
    points = coco_of_landmarks(landmarks.astype(np.float64))
    return fit_motion(_filled(points), fps, settings)


def _filled(points: np.ndarray) -> np.ndarray:
    """Linear between the frames that have all points; the ends are held."""
    seen = np.isfinite(points).all((1, 2))
    if not seen.any():
        raise InputError("no person was found in any frame")
    frames = torch.arange(len(points), dtype=torch.float64)
    return linear_resample(
        torch.from_numpy(points[seen]), frames[torch.from_numpy(seen)], frames
    ).numpy()


def fit_motion(
    points: Float[np.ndarray, "frames 17 3"], fps: float, settings: FitSettings | None = None
) -> Motion:
    """The motion of the canonical skeleton whose COCO points come closest to the given ones.

    The points are scaled to the skeleton by the median ratio of bone lengths first. The root stays
    over the points' mid-hip; the lowest foot of the clip rests on the floor. Contacts are unknown
    and zero.

    Args:
        points: metres, +Y up, without NaN.

    Raises:
        InputError: no frames, or values that are not finite.
    """
    settings = settings or FitSettings()
    if not len(points) or not np.isfinite(points).all():
        raise InputError("points to fit must be finite, and at least one frame")
    target = torch.from_numpy(points).float() * _size_ratio(points)
    hips = target[:, [coco("left_hip"), coco("right_hip")]].mean(1)
    rest = torch.eye(3).expand(len(target), 24, 3, 3).clone()
    rest[:, 0] = rotation_about("y", _heading(target))
    start = matrix_to_sixd(rest)
    sixd, root = start.clone().requires_grad_(True), hips.clone().requires_grad_(True)
    optimizer = torch.optim.Adam((sixd, root), settings.learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, settings.steps)
    with torch.enable_grad():
        for _ in range(settings.steps):
            optimizer.zero_grad()
            fitted = coco_points(*forward_kinematics(sixd_to_matrix(sixd), root))
            loss = (fitted - target).square().sum(-1).mean()
            loss = loss + settings.prior * (sixd - start)[:, 1:].square().mean()
            if len(target) > 1:
                loss = loss + settings.smoothness * sixd.diff(dim=0).square().mean()
            loss.backward()
            optimizer.step()
            schedule.step()
    R, trans = sixd_to_matrix(sixd.detach()), root.detach()
    feet = [joint("left_foot"), joint("right_foot")]
    lowest = forward_kinematics(R, trans)[1][:, feet, 1].min()
    trans = trans + torch.tensor([0.0, _SOLE_M - float(lowest), 0.0])
    contacts = np.zeros((len(target), 4), np.float32)
    return Motion(matrix_to_axis_angle(R).numpy(), trans.numpy(), fps, contacts)


def _size_ratio(points: Float[np.ndarray, "frames 17 3"]) -> float:
    """Skeleton's size relative to the points': median over the body's bones and frames."""
    skeleton = load_skeleton()
    eye = torch.eye(3, dtype=torch.float64).expand(24, 3, 3)
    own = coco_points(eye, torch.from_numpy(skeleton.rest_positions())).numpy()
    a, b = (list(ends) for ends in zip(*_SIZE_BONES, strict=True))
    given = np.median(np.linalg.norm(points[:, a] - points[:, b], axis=-1), axis=0)
    expected = np.linalg.norm(own[a] - own[b], axis=-1)
    return float(np.median(expected / given.clip(1e-6)))


def _heading(points: Tensor) -> Float[Tensor, "frames"]:
    """Yaw from hips and shoulders: left minus right is the figure's own +X."""
    across = (
        points[:, coco("left_hip")] - points[:, coco("right_hip")]
        + points[:, coco("left_shoulder")] - points[:, coco("right_shoulder")]
    )  # fmt: skip
    return torch.atan2(-across[:, 2], across[:, 0])
