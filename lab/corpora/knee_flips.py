"""Repair of legs whose inverse-kinematics solver lost the knee's side."""

from __future__ import annotations

import dataclasses

import numpy as np
from jaxtyping import Float

from vimoflow.motion.source import SourceMotion


def mend_knee_flips(
    source: SourceMotion,
    hip: str,
    knee: str,
    ankle: str,
    pelvis_forward: Float[np.ndarray, "frames 3"],
) -> SourceMotion:
    """Undo jumps of a knee to the other side of the line from hip to ankle.

    An inverse-kinematics solver that loses its pole vector turns the knee by half a turn about that
    line (and the foot with it) from one frame to the next, with hip and ankle in place; no person
    can. Such legs are turned back so that the knee's side is continuous, and on the whole the one
    that the pelvis faces.
    """
    h, k, a = (source.joint_names.index(name) for name in (hip, knee, ankle))
    p = source.p_world_joint
    line = normalised(p[:, a] - p[:, h])
    out = p[:, k] - p[:, h]
    out = normalised(out - (out * line).sum(-1, keepdims=True) * line)
    step = np.where((out[1:] * out[:-1]).sum(-1) < 0, -1.0, 1.0)
    side = np.concatenate(([1.0], np.cumprod(step)))
    forward = (out * pelvis_forward).sum(-1)
    if (side * forward).sum() < 0:
        side = -side
    flipped = side < 0
    leg = descendants(source.parents, h)
    R, p = source.R_world_joint.copy(), p.copy()
    turn = (2 * line[:, :, None] * line[:, None, :] - np.eye(3))[flipped, None]
    block, pivot = np.ix_(np.flatnonzero(flipped), np.array(leg)), p[flipped, h][:, None]
    R[block] = turn @ R[block]
    p[block] = (turn @ (p[block] - pivot)[..., None])[..., 0] + pivot
    return dataclasses.replace(source, R_world_joint=R, p_world_joint=p)


def descendants(parents: tuple[int, ...], top: int) -> list[int]:
    """A joint and all below it."""
    found = [top]
    for index, parent in enumerate(parents):
        if parent in found:
            found.append(index)
    return found


def normalised(v: Float[np.ndarray, "frames 3"]) -> Float[np.ndarray, "frames 3"]:
    """Vectors of length one; zero stays zero."""
    return v / np.maximum(np.linalg.norm(v, axis=-1, keepdims=True), 1e-12)
