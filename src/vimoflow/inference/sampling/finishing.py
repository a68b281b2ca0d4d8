"""Features as a motion that stands on the floor, in pieces where it is long."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
import torch
from jaxtyping import Float

from vimoflow.conventions import MODEL_FPS, PIECE
from vimoflow.diffusion.windows import WindowPlan
from vimoflow.geometry.rotations import (
    axis_angle_to_matrix,
    matrix_to_axis_angle,
    matrix_to_sixd,
    sixd_to_matrix,
)
from vimoflow.inference.refinement.foot_locking import lock_feet
from vimoflow.inference.sampling.sampling_options import SamplingOptions
from vimoflow.inference.sampling.stillness import stilled
from vimoflow.motion.clip import Motion
from vimoflow.motion.features import decode_features
from vimoflow.motion.floor import fit_floor

_SHARED = 150  # frames over which pieces with locked feet are faded into each other


def finished_motion(
    features: Float[torch.Tensor, "frames 151"], options: SamplingOptions | None = None
) -> Motion:
    """Features at 30 fps as a motion that stands on the floor (y = 0) with feet that rest.

    With ``options`` that refine, who hardly moves does not tremble.
    """
    motion = features_to_motion(features)
    if options is not None and options.refine:
        motion = stilled(motion)
    joints = np.concatenate([piece.joint_positions for _, piece in pieces(motion)])
    drop = float(fit_floor(torch.from_numpy(joints), motion.fps))
    motion = dataclasses.replace(motion, trans=motion.trans - np.array([0, drop, 0], np.float32))
    return _locked(motion) if (options or SamplingOptions()).lock_feet else motion


def features_to_motion(
    features: Float[torch.Tensor, "frames 151"], fps: float = MODEL_FPS
) -> Motion:
    """Features as a motion; contacts are clipped to [0, 1]."""
    poses, contacts, root = [], [], []
    for part in features.cpu().split(PIECE):
        R, touch, place = decode_features(part)
        poses.append(matrix_to_axis_angle(R).numpy())
        contacts.append(touch.clamp(0, 1).numpy())
        root.append(place.numpy())
    return Motion(np.concatenate(poses), np.concatenate(root), fps, np.concatenate(contacts))


def pieces(motion: Motion, length: int = PIECE) -> Iterator[tuple[int, Motion]]:
    """First frames and parts of a motion, one after the other."""
    for first in range(0, len(motion), length):
        yield first, _part(motion, slice(first, first + length))


def _part(motion: Motion, span: slice) -> Motion:
    return Motion(motion.poses[span], motion.trans[span], motion.fps, motion.contacts[span])


def _locked(motion: Motion) -> Motion:
    """The motion with resting feet that rest; what two pieces say of a frame is cross-faded."""
    plan = WindowPlan.cover(len(motion), PIECE, _SHARED)
    if len(plan.starts) == 1:
        return lock_feet(motion)
    poses, end = motion.poses.copy(), 0
    for first in plan.starts:
        piece = lock_feet(_part(motion, slice(first, first + plan.length))).poses
        shared = end - first
        if shared > 0:
            weight = np.arange(1, shared + 1, dtype=np.float32)[:, None, None] / (shared + 1)
            piece[:shared] = _between(poses[first:end], piece[:shared], weight)
        end = first + plan.length
        poses[first:end] = piece
    return dataclasses.replace(motion, poses=poses)


def _between(
    first: Float[np.ndarray, "frames 24 3"],
    second: Float[np.ndarray, "frames 24 3"],
    weight: Float[np.ndarray, "frames 1 1"],
) -> Float[np.ndarray, "frames 24 3"]:
    """Rotations between two that are near each other, as axis-angle vectors."""
    a, b = (matrix_to_sixd(axis_angle_to_matrix(torch.from_numpy(x))) for x in (first, second))
    between = torch.lerp(a, b, torch.from_numpy(weight))
    return matrix_to_axis_angle(sixd_to_matrix(between)).numpy()
