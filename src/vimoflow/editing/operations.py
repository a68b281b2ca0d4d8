"""The usual edits: what each keeps, and what it leaves to the model."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from vimoflow.diffusion.checkpoint import Checkpoint
from vimoflow.editing.completion import Completion, CompletionOptions, complete
from vimoflow.editing.constraints import Constraint, KeepFrames, KeepJoints
from vimoflow.editing.joint_groups import named_joints
from vimoflow.editing.masked_denoising import DenoisingOptions
from vimoflow.errors import ConfigError
from vimoflow.geometry.rotations import (
    axis_angle_to_matrix,
    heading_of,
    matrix_to_axis_angle,
    rotation_about,
)  # fmt: skip
from vimoflow.motion.clip import Motion
from vimoflow.motion.resampling import resample_motion
from vimoflow.motion.skeleton import JOINT_NAMES

_LEAST_KEPT = 3  # frames of each motion beside a blend: velocity and acceleration


def inbetween(
    checkpoint: Checkpoint, motion: Motion, first: int, end: int,
    extra: Sequence[Constraint] = (), options: CompletionOptions | None = None,
) -> Completion:  # fmt: skip
    """Generate frames ``first`` to ``end - 1`` anew; all others come out as they went in.

    Raises:
        ConfigError: no such frames, or ``extra`` constraints that contradict.
    """
    _require_span(first, end, len(motion))
    return complete(checkpoint, motion, [*_outside(first, end, len(motion)), *extra], options)


def infill(
    checkpoint: Checkpoint, motion: Motion, joints: Sequence[str], first: int, end: int,
    extra: Sequence[Constraint] = (), options: CompletionOptions | None = None,
) -> Completion:  # fmt: skip
    """Generate named joints or groups anew in frames ``first`` to ``end - 1``; the rest is kept.

    Raises:
        ConfigError: as :func:`inbetween`, and names that are no joint's.
    """
    _require_span(first, end, len(motion))
    redone = named_joints(joints)
    kept = tuple(name for name in JOINT_NAMES if name not in redone)
    rest = [KeepJoints(kept, first, end)] if kept else []
    constraints = [*_outside(first, end, len(motion)), *rest, *extra]
    return complete(checkpoint, motion, constraints, options)


def extend(
    checkpoint: Checkpoint, motion: Motion, before: int = 0, after: int = 0,
    extra: Sequence[Constraint] = (), options: CompletionOptions | None = None,
) -> Completion:  # fmt: skip
    """Generate frames before the start and after the end; ``extra`` counts from the new start.

    By default nothing pulls to the prior, which is the first or last pose held.

    Raises:
        ConfigError: nothing to add, or ``extra`` constraints that contradict.
    """
    if before < 0 or after < 0 or before + after == 0:
        raise ConfigError(
            f"extend by {before} frames before and {after} after: nothing to generate"
        )
    options = options or CompletionOptions(DenoisingOptions(prior=0.0))
    longer = padded(motion, before, after)
    keep = KeepFrames(before, before + len(motion))
    return complete(checkpoint, longer, [keep, *extra], options)


def blend(
    checkpoint: Checkpoint, a: Motion, b: Motion, overlap: int,
    extra: Sequence[Constraint] = (), options: CompletionOptions | None = None,
) -> Completion:  # fmt: skip
    """Motion ``a`` that becomes motion ``b`` over ``overlap`` frames, in the world of ``a``.

    ``b`` is brought to the rate and size of ``a``, then moved over the floor and turned so that
    both agree in the middle of the overlap; its poses beyond the root are kept exactly.

    Raises:
        ConfigError: an overlap that leaves no frames of one of them.
    """
    most = min(len(a), len(b)) - _LEAST_KEPT
    if not 1 <= overlap <= most:
        raise ConfigError(
            f"an overlap of {overlap} frames: motions of {len(a)} and {len(b)} frames overlap by "
            f"1 to {most}"
        )
    if abs(a.fps / b.fps - 1) > 1e-6:
        b = resample_motion(b, a.fps)
    b = b.scaled(a.skeleton.scale / b.skeleton.scale)
    start = len(a) - overlap
    b = met(b, overlap // 2, a, start + overlap // 2)
    joined = padded(a, 0, len(b) - overlap)
    for name in ("poses", "trans", "contacts"):
        getattr(joined, name)[len(a) :] = getattr(b, name)[overlap:]
    keep = [KeepFrames(0, start), KeepFrames(len(a), len(joined))]
    prior = _crossfaded(joined, a, b, overlap)
    return complete(checkpoint, joined, [*keep, *extra], options, prior)


def met(b: Motion, b_frame: int, a: Motion, a_frame: int) -> Motion:
    """``b`` turned about +Y and moved over the floor so that its frame meets that of ``a``."""
    heading_a, heading_b = (
        heading_of(torch.from_numpy(m.local_rotations[f, 0]))
        for m, f in ((a, a_frame), (b, b_frame))
    )
    turn = rotation_about("y", heading_a - heading_b).numpy()
    trans = b.trans @ turn.T
    trans = trans + (a.trans[a_frame] - trans[b_frame]) * np.array([1.0, 0.0, 1.0])
    poses = b.poses.copy()
    root = torch.from_numpy(turn @ b.local_rotations[:, 0])
    poses[:, 0] = matrix_to_axis_angle(root).numpy()
    return dataclasses.replace(b, poses=poses, trans=trans.astype(b.trans.dtype))


def padded(motion: Motion, before: int, after: int) -> Motion:
    """The motion with its first and last frames held; a steady clock from zero on."""
    frames = np.clip(np.arange(-before, len(motion) + after), 0, len(motion) - 1)
    times = motion.timestamps - motion.timestamps[0]
    lead = (np.arange(-before, 0)) / motion.fps
    tail = times[-1] + np.arange(1, after + 1) / motion.fps
    stamps = np.concatenate((lead, times, tail))
    return dataclasses.replace(
        motion, poses=motion.poses[frames], trans=motion.trans[frames],
        contacts=motion.contacts[frames], timestamps=stamps - stamps[0],
        joints2d=None, observed=None,
    )  # fmt: skip


def _crossfaded(joined: Motion, a: Motion, b: Motion, overlap: int) -> Motion:
    """``joined`` with both motions mixed over the overlap, along smooth weights."""
    x = (np.arange(overlap) + 1) / (overlap + 1)
    weight = x * x * (3 - 2 * x)
    span = slice(len(a) - overlap, len(a))
    R_a, R_b = _rotations(a.poses[span]), _rotations(b.poses[:overlap])
    step = matrix_to_axis_angle(R_a.transpose(-1, -2) @ R_b)
    R = R_a @ axis_angle_to_matrix(step * torch.from_numpy(weight)[:, None, None])
    poses, trans = joined.poses.copy(), joined.trans.copy()
    poses[span] = matrix_to_axis_angle(R).numpy()
    trans[span] += weight[:, None] * (b.trans[:overlap] - a.trans[span])
    return dataclasses.replace(joined, poses=poses, trans=trans)


def _rotations(poses: np.ndarray) -> Tensor:
    return axis_angle_to_matrix(torch.from_numpy(poses).double())


def _outside(first: int, end: int, frames: int) -> list[Constraint]:
    spans = [(0, first), (end, frames)]
    return [KeepFrames(a, b) for a, b in spans if a < b]


def _require_span(first: int, end: int, frames: int) -> None:
    if not 0 <= first < end <= frames:
        raise ConfigError(f"frames {first}:{end} are not within the motion's {frames} (0:{frames})")
