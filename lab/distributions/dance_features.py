"""The two descriptors that dance generation is scored with: kinetic (72) and geometric (32).

Both were defined by fairmotion and are used through the AIST++ API: kinetic features are Onuma et
al. 2008's energies per joint, geometric features Müller et al. 2005's Boolean relations, averaged
over frames. Every published number was computed at 60 fps on joints in SMPL order, after moving
the first frame's root to the origin; :func:`published_input` prepares that.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from vimoflow.errors import InputError
from vimoflow.motion.skeleton import joint

PUBLISHED_FPS = 60.0
Acceleration = Literal["as published", "corrected"]

_HALF_WINDOW = 2  # frames to each side that velocities and accelerations are averaged over
# Lengths of the figure that the geometric thresholds were tuned on, metres; part of the definition.
_HUMERUS, _SHOULDERS, _HIPS = 0.2568381, 0.3908484, 0.1192471

# (feature, joints, threshold), in the published order. See `_geometric_frame` for their meaning.
_H = _HUMERUS
_GEOMETRIC: tuple[tuple[str, tuple[str, ...], tuple[float, ...]], ...] = (
    ("normal speed", ("neck", "right_hip", "left_hip", "right_wrist"), (1.8 * _H,)),
    ("normal speed", ("neck", "left_hip", "right_hip", "left_wrist"), (1.8 * _H,)),
    ("beyond", ("spine3", "neck", "neck", "right_wrist"), (0.2 * _H,)),
    ("beyond", ("spine3", "neck", "neck", "left_wrist"), (0.2 * _H,)),
    ("speed", ("spine1", "spine3", "spine3"), (1.8 * _H,)),
    ("speed", ("spine1", "spine3", "spine3"), (1.8 * _H,)),
    ("angle", ("right_elbow", "right_shoulder", "right_elbow", "right_wrist"), (0.0, 110.0)),
    ("angle", ("left_elbow", "left_shoulder", "left_elbow", "left_wrist"), (0.0, 110.0)),
    ("beyond", ("left_shoulder", "right_shoulder", "left_wrist", "right_wrist"),
     (2.5 * _SHOULDERS,)),
    ("speed", ("left_wrist", "right_wrist", "right_wrist"), (1.4 * _H,)),
    ("speed", ("right_wrist", "pelvis", "left_wrist"), (1.4 * _H,)),
    ("speed", ("left_wrist", "pelvis", "right_wrist"), (1.4 * _H,)),
    ("fast", ("right_wrist",), (2.5 * _H,)),
    ("fast", ("left_wrist",), (2.5 * _H,)),
    ("plane", ("pelvis", "left_hip", "left_foot", "right_ankle"), (0.38 * _H,)),
    ("plane", ("pelvis", "right_hip", "right_foot", "left_ankle"), (0.38 * _H,)),
    ("above lowest", ("right_ankle",), (1.2 * _H,)),
    ("above lowest", ("left_ankle",), (1.2 * _H,)),
    ("beyond", ("left_hip", "right_hip", "left_ankle", "right_ankle"), (2.1 * _HIPS,)),
    ("angle", ("right_knee", "right_hip", "right_knee", "right_ankle"), (0.0, 110.0)),
    ("angle", ("left_knee", "left_hip", "left_knee", "left_ankle"), (0.0, 110.0)),
    ("fast", ("right_ankle",), (2.5 * _H,)),
    ("fast", ("left_ankle",), (2.5 * _H,)),
    ("angle", ("neck", "pelvis", "right_shoulder", "right_elbow"), (25.0, 180.0)),
    ("angle", ("neck", "pelvis", "left_shoulder", "left_elbow"), (25.0, 180.0)),
    ("angle", ("neck", "pelvis", "right_hip", "right_knee"), (50.0, 180.0)),
    ("angle", ("neck", "pelvis", "left_hip", "left_knee"), (50.0, 180.0)),
    ("plane", ("right_ankle", "neck", "left_ankle", "pelvis"), (0.5 * _H,)),
    ("tilt", ("neck", "pelvis"), (70.0, 110.0)),
    ("below", ("right_wrist",), (1.2 * _H,)),
    ("below", ("left_wrist",), (1.2 * _H,)),
    ("fast", ("pelvis",), (2.3 * _H,)),
)  # fmt: skip


def published_input(
    joints: Float[np.ndarray, "frames 24 3"], fps: float
) -> Float[Tensor, "frames60 24 3"]:
    """Joints at 60 fps (cubic interpolation) with the first frame's root at the origin, metres.

    Raises:
        InputError: fewer than four frames, values that are not finite, or a senseless rate.
    """
    if joints.ndim != 3 or len(joints) < 4 or joints.shape[1:] != (24, 3):
        raise InputError(f"{joints.shape} is no motion of at least 4 frames of 24 joints")
    if not np.isfinite(joints).all():
        raise InputError("a motion holds values that are not finite (NaN or infinity)")
    if not 0 < fps <= 1000:
        raise InputError(f"frame rate {fps} makes no sense")
    moved = joints.astype(np.float64) - joints[:1, :1]
    if abs(fps - PUBLISHED_FPS) > 1e-6:
        from scipy.interpolate import CubicSpline

        duration = (len(joints) - 1) / fps
        times = np.arange(int(duration * PUBLISHED_FPS + 1e-6) + 1) / PUBLISHED_FPS
        moved = CubicSpline(np.arange(len(joints)) / fps, moved, axis=0)(times)
    return torch.from_numpy(np.ascontiguousarray(moved))


def kinetic_features(
    joints: Float[Tensor, "*batch frames 24 3"],
    fps: float = PUBLISHED_FPS,
    acceleration: Acceleration = "as published",
) -> Float[Tensor, "*batch 72"]:
    """Per joint: horizontal and vertical kinetic energy and energy expenditure, mean over frames.

    Energies are squares of the velocity averaged over up to five frames, (m/s)^2; expenditure is
    the norm of the acceleration averaged alike, m/s^2. The code that most published numbers come
    from divides only the second of two positions by the frame's duration when it forms the earlier
    velocity, so that a third of its features is how far joints are from the first frame's root;
    ``"as published"`` repeats that slip, ``"corrected"`` (as the AIST++ API has it today) does not.
    FIDs of the two do not compare.
    """
    p, frames = _enough(joints, 3), joints.shape[-3]
    now = torch.arange(1, frames)
    last = (now + _HALF_WINDOW).clamp(max=frames - 1)
    first = (now - _HALF_WINDOW - 1).clamp(min=0)
    span = (last - first).to(p)[:, None, None] / fps
    velocity = (p[..., last, :, :] - p[..., first, :, :]) / span  # mean of differences: telescopes
    horizontal = velocity[..., (0, 2)].square().sum(-1).mean(-2)
    vertical = velocity[..., 1].square().mean(-2)

    # Differences k that exist are 1 .. frames - 2; their mean over each window by running sums.
    ahead, here, behind = p[..., 2:, :, :], p[..., 1:-1, :, :], p[..., :-2, :, :]
    later = (ahead - here) * fps
    earlier = here - behind * fps if acceleration == "as published" else (here - behind) * fps
    total = torch.cat((torch.zeros_like(p[..., :1, :, :]), (later - earlier) * fps), -3).cumsum(-3)
    high = (now + _HALF_WINDOW).clamp(max=frames - 2)
    low = (now - _HALF_WINDOW).clamp(min=1) - 1
    count = (high - low).to(p)[:, None, None]
    mean = (total[..., high, :, :] - total[..., low, :, :]) / count
    expenditure = mean.norm(dim=-1).mean(-2)
    return torch.stack((horizontal, vertical, expenditure), dim=-1).flatten(-2)


def geometric_features(
    joints: Float[Tensor, "*batch frames 24 3"], fps: float = PUBLISHED_FPS
) -> Float[Tensor, "*batch 32"]:
    """Share of the frames (from the second on) in which each of 32 relations of joints holds.

    The published code takes 1/120 s for the frames' distance in data at 60 fps; in general half of
    the true distance is taken here, so that thresholds mean the same at any rate.
    """
    p = _enough(joints, 2)
    now = {name: p[..., 1:, joint(name), :] for name in _names()}
    before = {name: p[..., :-1, joint(name), :] for name in _names()}
    lowest = p[..., 1:, :, 1].amin(-1)
    columns = [
        _relation(kind, names, limits, now, before, lowest, 2 * fps)
        for kind, names, limits in _GEOMETRIC
    ]
    return torch.stack([c.double().mean(-1) for c in columns], dim=-1)


def _names() -> set[str]:
    return {name for _, names, _ in _GEOMETRIC for name in names}


def _relation(
    kind: str,
    names: tuple[str, ...],
    limits: tuple[float, ...],
    now: dict[str, Tensor],
    before: dict[str, Tensor],
    lowest: Tensor,
    rate: float,
) -> Tensor:
    """Whether one relation holds in each frame."""
    a = now[names[0]]
    points = [now[name] for name in names]
    if kind == "fast":  # the joint's speed
        return (a - before[names[0]]).norm(dim=-1) * rate > limits[0]
    if kind == "above lowest":  # height over the lowest joint
        return a[..., 1] - lowest > limits[0]
    if kind == "below":  # height over the lowest joint, from above
        return a[..., 1] - lowest < limits[0]
    if kind == "tilt":  # angle between a bone and the vertical
        return _within(_angle(points[1] - a, _up(a)), limits)
    if kind == "angle":  # angle between two bones
        return _within(_angle(points[1] - a, points[3] - points[2]), limits)
    if kind == "beyond":  # distance along the direction a to b, measured from c
        return _along(points[3] - points[2], points[1] - a) > limits[0]
    if kind == "plane":  # distance from the plane through a, b and c
        normal = torch.linalg.cross(points[2] - a, points[1] - a, dim=-1)
        return _along(points[3] - a, normal) > limits[0]
    moving = names[2] if kind == "speed" else names[3]
    velocity = (now[moving] - a) - (before[moving] - before[names[0]])
    direction = points[1] - a
    if kind == "normal speed":  # of the last joint, relative to a, along the plane's normal
        direction = torch.linalg.cross(points[2] - a, points[1] - a, dim=-1)
    return _along(velocity, direction) * rate > limits[0]


def _along(vector: Tensor, direction: Tensor) -> Tensor:
    return (vector * direction).sum(-1) / direction.norm(dim=-1)


def _angle(a: Tensor, b: Tensor) -> Tensor:
    return torch.rad2deg(torch.arccos((a * b).sum(-1) / (a.norm(dim=-1) * b.norm(dim=-1))))


def _within(angle: Tensor, limits: tuple[float, ...]) -> Tensor:
    return (angle > limits[0]) & (angle < limits[1])


def _up(like: Tensor) -> Tensor:
    return torch.tensor([0.0, 1.0, 0.0]).to(like).expand_as(like)


def _enough(joints: Tensor, frames: int) -> Tensor:
    if joints.shape[-3] < frames:
        raise InputError(f"{joints.shape[-3]} frames are too few: at least {frames} are needed")
    if not bool(torch.isfinite(joints).all()):
        raise InputError("a motion holds values that are not finite (NaN or infinity)")
    return joints.double()
