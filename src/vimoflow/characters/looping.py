"""Cycles of a walk, a run or a dance: found, and closed without a pop.

A cycle is two frames in which the body has the same pose and moves the same way, seen from its own
heading. What still differs between them is taken off along the cycle, a little from every frame and
nothing at both ends' speed, so the last frame is the first one again; only the path along the floor
goes on.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float

from vimoflow.errors import InputError
from vimoflow.geometry.rotations import (
    axis_angle_to_matrix,
    heading_of,
    matrix_to_axis_angle,
    rotation_about,
)
from vimoflow.motion.clip import Motion

_SPEED_S = 0.2  # a difference in speed counts like the way that it makes in this time
_LONGER = 0.2  # share by which the ends of a cycle of twice the length have to be more alike
_LIVELY = 0.5  # of the motion's mean: who moves less stands still, which is no cycle
_TURN_M = 0.2  # metres that a radian of turning counts like
_STAYS_M = 0.35  # a cycle that ends so near its beginning ends there


@dataclass(frozen=True)
class Cycle:
    """A motion that begins again where it ends.

    Attributes:
        motion: its last frame shows the first one's pose.
        start_s, end_s: where in the original it lies.
        gap_mm: mean distance of the joints between both ends, before it was closed.
    """

    motion: Motion
    start_s: float
    end_s: float
    gap_mm: float


def best_cycle(motion: Motion, shortest_s: float = 0.7, longest_s: float = 10.0) -> Cycle:
    """The cycle whose ends are most alike, closed; of those nearly alike, a short one.

    Raises:
        InputError: the motion is shorter than a cycle.
    """
    shortest = max(4, round(shortest_s * motion.fps))
    if len(motion) <= shortest + 2:
        raise InputError(f"the motion is too short to loop; it needs over {shortest_s:g} s")
    points = _seen_from_heading(motion)
    speed = np.gradient(points, axis=0) * motion.fps * _SPEED_S
    looks = np.concatenate((points, speed), axis=1).reshape(len(points), -1)
    looks = looks / np.sqrt(points.shape[1])
    headings = _headings(motion)
    steps = np.linalg.norm(np.diff(points, axis=0), axis=-1).mean(1)
    way = np.concatenate(([0.0], np.cumsum(steps)))
    best, first, last = np.inf, 0, 0
    for length in range(shortest, min(round(longest_s * motion.fps), len(motion) - 1) + 1):
        apart = np.linalg.norm(looks[length:] - looks[:-length], axis=1)
        turned = np.abs(np.angle(np.exp(1j * (headings[length:] - headings[:-length]))))
        cost = (apart + _TURN_M * turned) * (1 + _LONGER * np.log2(length / shortest))
        cost[way[length:] - way[:-length] < _LIVELY * way[-1] * length / len(way)] = np.inf
        if cost.min() < best:
            best, first = float(cost.min()), int(cost.argmin())
            last = first + length
    gap = np.linalg.norm(points[first] - points[last], axis=-1).mean()
    times = motion.timestamps - motion.timestamps[0]
    closed = _closed(_cut(motion, first, last + 1))
    return Cycle(closed, float(times[first]), float(times[last]), 1000 * float(gap))


def repeated(motion: Motion) -> Motion:
    """A cycle three times in a row, the second where it is: what looks around needs neighbours."""
    way = (motion.trans[-1] - motion.trans[0]) * np.array([1.0, 0.0, 1.0], np.float32)
    steps = len(motion) - 1
    rows = np.concatenate([np.arange(steps), np.arange(steps), np.arange(len(motion))])
    turn = np.repeat((-1.0, 0.0, 1.0), (steps, steps, len(motion)))[:, None]
    period = float(motion.timestamps[-1] - motion.timestamps[0])
    return dataclasses.replace(
        motion,
        poses=motion.poses[rows],
        trans=(motion.trans[rows] + turn * way).astype(np.float32),
        contacts=motion.contacts[rows],
        timestamps=motion.timestamps[rows] + period * (turn[:, 0] + 1),
        joints2d=None,
        observed=None,
    )


def trimmed(motion: Motion, start_s: float = 0.0, end_s: float | None = None) -> Motion:
    """The frames from one time to another, seconds from the beginning.

    Raises:
        InputError: nothing is left.
    """
    times = motion.timestamps - motion.timestamps[0]
    kept = np.flatnonzero((times >= start_s - 1e-6) & (times <= (end_s or np.inf) + 1e-6))
    if not len(kept):
        raise InputError(f"nothing is left: the motion lasts {float(times[-1]):.2f} s")
    return _cut(motion, int(kept[0]), int(kept[-1]) + 1)


def _cut(motion: Motion, first: int, end: int) -> Motion:
    part = slice(first, end)
    return dataclasses.replace(
        motion,
        poses=motion.poses[part],
        trans=motion.trans[part],
        contacts=motion.contacts[part],
        timestamps=motion.timestamps[part] - motion.timestamps[first],
        joints2d=None if motion.joints2d is None else motion.joints2d[part],
        observed=None if motion.observed is None else motion.observed[part],
    )


def _headings(motion: Motion) -> Float[np.ndarray, " frames"]:
    return heading_of(torch.from_numpy(motion.local_rotations[:, 0])).numpy()


def _seen_from_heading(motion: Motion) -> Float[np.ndarray, "frames 24 3"]:
    """Joints over the floor below the pelvis, seen from where it faces."""
    points = motion.joint_positions.copy()
    points[..., [0, 2]] -= points[:, :1, [0, 2]]
    back = rotation_about("y", -torch.from_numpy(_headings(motion))).numpy()
    return np.asarray(points @ back.transpose(0, 2, 1))


def _closed(motion: Motion) -> Motion:
    """The motion with its last pose made its first one; the path ends there too if it is near."""
    frames = len(motion)
    share = torch.linspace(0, 1, frames, dtype=torch.float64)
    share = (3 * share**2 - 2 * share**3)[:, None]
    R = torch.from_numpy(motion.local_rotations)
    gap = matrix_to_axis_angle(R[-1].transpose(-1, -2) @ R[0])
    poses = matrix_to_axis_angle(R @ axis_angle_to_matrix(share[..., None] * gap))
    way = motion.trans[0] - motion.trans[-1]
    if np.hypot(way[0], way[2]) > _STAYS_M:
        way = way * np.array([0.0, 1.0, 0.0], np.float32)
    contacts = motion.contacts.copy()
    contacts[-1] = contacts[0]
    return dataclasses.replace(
        motion,
        poses=poses.numpy().astype(np.float32),
        trans=(motion.trans + share.numpy() * way).astype(np.float32),
        contacts=contacts,
    )
