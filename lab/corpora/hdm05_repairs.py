"""Repairs of what the skeleton fit of HDM05 lost: knees in deep squats, hands out of sight."""

from __future__ import annotations

import dataclasses

import numpy as np
import torch
from jaxtyping import Float

from lab.corpora.knee_flips import descendants, normalised
from vimoflow.geometry.rotations import geodesic_angle, slerp_resample
from vimoflow.motion.source import SourceMotion

# Measured on the squats: standing feet, which do not turn, start to turn with the shank near 140
# degrees of flexion (90th percentile of their yaw 13 degrees below, 40 degrees and more above).
TRUSTED_FLEXION = np.radians(138)
# A turn from one frame to the next, at 120 fps, that no hand or limb can make.
IMPOSSIBLE_TURN = np.radians(120)


def mend_deep_knee(
    source: SourceMotion,
    hip: str,
    knee: str,
    ankle: str,
    hinge_hip: Float[np.ndarray, "3"],
) -> SourceMotion:
    """Undo what HDM05's solver does to a leg in deep squats; hip, knee and ankle stay in place.

    Past a full bend the solver goes on with the knee bent backwards: the same positions, with thigh
    and shank turned half round about their lengths. They are turned back. The foot, which turns
    with the shank there, is interpolated in the world over the frames of deep flexion.

    Args:
        hinge_hip: flexion axis of the knee in the hip joint's frame.
    """
    h, k, a = (source.joint_names.index(name) for name in (hip, knee, ankle))
    R, p = source.R_world_joint.copy(), source.p_world_joint.copy()
    thigh, shank = normalised(p[:, k] - p[:, h]), normalised(p[:, a] - p[:, k])
    flexion = np.arccos(np.clip((thigh * shank).sum(-1), -1, 1))
    bend = (np.cross(thigh, shank) * (R[:, h] @ hinge_hip)).sum(-1)
    backwards = (bend < 0) & (flexion > np.pi / 2)
    for joint, bone in ((h, thigh), (k, shank)):
        half_turn = 2 * bone[:, :, None] * bone[:, None, :] - np.eye(3)
        R[backwards, joint] = (half_turn @ R[:, joint])[backwards]
    trusted = flexion <= TRUSTED_FLEXION
    if trusted.any() and not trusted.all():
        times = torch.arange(len(p), dtype=torch.float64)
        keep = torch.from_numpy(np.flatnonzero(trusted))
        foot = slerp_resample(torch.from_numpy(R[:, a])[keep], times[keep], times).numpy()
        turn = foot @ R[:, a].transpose(0, 2, 1)
        for j in descendants(source.parents, a):
            R[:, j] = turn @ R[:, j]
            p[:, j] = p[:, a] + (turn @ (p[:, j] - p[:, a])[..., None])[..., 0]
    return dataclasses.replace(source, R_world_joint=R, p_world_joint=p)


def stiffen_flipping_hand(source: SourceMotion, forearm: str, hand: str) -> SourceMotion:
    """A hand that jumps by half a turn was not seen; it becomes straight on the forearm."""
    if largest_turn(source, hand) < IMPOSSIBLE_TURN:
        return source
    R = source.R_world_joint.copy()
    R[:, source.joint_names.index(hand)] = R[:, source.joint_names.index(forearm)]
    return dataclasses.replace(source, R_world_joint=R)


def largest_turn(source: SourceMotion, joint: str) -> float:
    """Largest angle in radians that a joint turns from one frame to the next."""
    R = torch.from_numpy(source.R_world_joint[:, source.joint_names.index(joint)])
    return float(geodesic_angle(R[1:], R[:-1]).max()) if len(R) > 1 else 0.0
