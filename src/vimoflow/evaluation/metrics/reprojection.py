"""How far a motion is from its 2D, through the weak-perspective camera that suits it best.

A motion does not tell its camera, so one is fitted, to every method and to the truth alike: one
orientation for each second, scale and place for each frame. The truth's own figure is what the
2D's errors and the missing perspective cost.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

from vimoflow.errors import InputError

_CHUNK_S = 1.0  # one orientation a second: cameras turn
_ROUNDS = 40
_FRONT = np.diag([1.0, -1.0, -1.0])  # of the camera whose heading is zero: x right, y down


def weak_perspective_error(
    points_world: Float[np.ndarray, "frames points 3"],
    keypoints_px: Float[np.ndarray, "frames points 2"],
    seen: Bool[np.ndarray, "frames points"],
    fps: float,
) -> float:
    """Mean distance of the seen keypoints to the projected points, pixels; NaN if none was seen.

    The orientation is fitted by completing the keypoints with the depths of the last round's fit
    and solving the balanced problem (ten Berge and Knol 1984): the residual never rises. It
    starts at the camera whose heading is zero.

    Raises:
        InputError: points that are not finite.
    """
    if not np.isfinite(points_world).all():
        raise InputError("a motion holds values that are not finite (NaN or infinity)")
    seen = seen & (seen.sum(1, keepdims=True) >= 2)  # one point fits anywhere
    if not seen.any():
        return float("nan")
    p, q = _centred(points_world, seen), _centred(keypoints_px, seen)
    second = (np.arange(len(p)) / fps // _CHUNK_S).astype(int)
    R = _orientations(p, q, second)
    projected = np.einsum("fij,fpj->fpi", R[second, :2], p)
    scale = (projected * q).sum((1, 2)) / np.maximum((projected**2).sum((1, 2)), 1e-12)
    gaps = np.linalg.norm(scale.clip(0)[:, None, None] * projected - q, axis=-1)
    return float(gaps[seen].mean())


def _orientations(p: np.ndarray, q: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Rotation from the world to the camera for every second, (seconds, 3, 3)."""
    outer = np.einsum("fpi,fpj->fij", p, p)
    cross = np.einsum("fpi,fpj->fij", q, p)  # (frames, 2, 3)
    R = np.broadcast_to(_FRONT, (second[-1] + 1, 3, 3)).copy()
    starts = np.searchsorted(second, np.arange(len(R)))
    for _ in range(_ROUNDS):
        rows = R[second]
        seen_size = np.einsum("fki,fij,fkj->f", rows[:, :2], outer, rows[:, :2])
        scale = (rows[:, :2] * cross).sum((1, 2)).clip(0) / np.maximum(seen_size, 1e-12)
        depth = scale[:, None, None] * (rows[:, 2:] @ outer)
        frames = scale[:, None, None] * np.concatenate((cross, depth), axis=1)
        U, _, Vt = np.linalg.svd(np.add.reduceat(frames, starts))
        U[:, :, 2] *= np.sign(np.linalg.det(U @ Vt))[:, None]
        R = U @ Vt
    return R


def _centred(points: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Relative to the mean of the seen points of each frame; zero where not seen."""
    weight = seen[..., None].astype(float)
    mean = (weight * points).sum(1, keepdims=True) / weight.sum(1, keepdims=True).clip(1)
    return weight * (points - mean)
