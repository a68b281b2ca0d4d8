"""Motions as a simulator's positions, velocities and accelerations, and back.

MuJoCo's world has z up, ours y: a motion's (x, y, z) is the simulator's (x, -z, y).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from scipy.interpolate import CubicSpline
from scipy.signal import butter, sosfiltfilt

from vimoflow.errors import InputError
from vimoflow.geometry.rotations import (
    matrix_to_axis_angle,
    matrix_to_quaternion,
    quaternion_to_matrix,
)
from vimoflow.motion.clip import Motion
from vimoflow.motion.clip_resampling import at_even_times
from vimoflow.motion.contacts import label_contacts
from vimoflow.motion.skeleton import JOINT_NAMES, Skeleton
from vimoflow.physics.anthropometry import segments

CUTOFF_HZ = 6.0  # of the filter that biomechanics puts before derivatives (Winter 2009, 3.4.4)
MIN_FRAMES = 4
_FASTEST_M_S = 30.0  # nobody moves so fast
UP = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])  # our world to the simulator's
_JOINTS = [JOINT_NAMES.index(name) for name in segments()]
_ROOT = slice(0, 3)


@dataclass(frozen=True)
class States:
    """A motion in the simulator's coordinates.

    Attributes:
        times: seconds, even.
        qpos: the root's place and quaternion, then a quaternion a joint (w first).
        qvel, qacc: its derivatives; turns in each body's own frame, radians.
    """

    times: Float[np.ndarray, " frames"]
    qpos: Float[np.ndarray, "frames nq"]
    qvel: Float[np.ndarray, "frames nv"]
    qacc: Float[np.ndarray, "frames nv"]


def states_of(motion: Motion, rate: float | None = None, cutoff_hz: float = CUTOFF_HZ) -> States:
    """The motion, smoothed by a filter without delay, and its derivatives by a cubic spline.

    Args:
        motion: at least ``MIN_FRAMES`` frames.
        rate: states a second; the motion's own unless given.
        cutoff_hz: of the filter; 0 leaves the motion as it is.

    Raises:
        InputError: too short, not finite, or faster than anybody moves.
    """
    require_physical(motion)
    motion = at_even_times(motion)
    times = np.arange(len(motion)) / motion.fps
    R = torch.from_numpy(motion.local_rotations[:, _JOINTS].copy())
    R[:, 0] = torch.from_numpy(UP) @ R[:, 0]
    quaternions = _continuous(matrix_to_quaternion(R).numpy()[..., [3, 0, 1, 2]])
    place = motion.trans.astype(np.float64) @ UP.T
    flat = np.concatenate((place, quaternions.reshape(len(motion), -1)), axis=1)
    if 0 < cutoff_hz < 0.45 * motion.fps:
        sections = butter(2, cutoff_hz, fs=motion.fps, output="sos")
        flat = sosfiltfilt(sections, flat, axis=0, padlen=min(len(flat) - 1, round(motion.fps / 2)))
    spline = CubicSpline(times, flat)
    if rate is not None:
        times = np.arange(int(times[-1] * rate + 1e-6) + 1) / rate
    value, first, second = spline(times), spline(times, 1), spline(times, 2)
    turns = _turns(*(part[:, 3:].reshape(len(times), -1, 4) for part in (value, first, second)))
    return States(
        times,
        qpos=np.concatenate((value[:, _ROOT], turns[0]), axis=1),
        qvel=np.concatenate((first[:, _ROOT], turns[1]), axis=1),
        qacc=np.concatenate((second[:, _ROOT], turns[2]), axis=1),
    )


def motion_of(qpos: Float[np.ndarray, "frames nq"], fps: float, skeleton: Skeleton) -> Motion:
    """The motion of simulated positions; contacts are found anew, hands are straight."""
    frames = len(qpos)
    quaternions = torch.from_numpy(qpos[:, 3:].reshape(frames, -1, 4)[..., [1, 2, 3, 0]].copy())
    R = quaternion_to_matrix(quaternions)
    R[:, 0] = torch.from_numpy(UP.T.copy()) @ R[:, 0]
    poses = np.zeros((frames, len(JOINT_NAMES), 3), np.float32)
    poses[:, _JOINTS] = matrix_to_axis_angle(R).numpy()
    trans = (qpos[:, _ROOT] @ UP).astype(np.float32)
    motion = Motion(poses, trans, fps, np.zeros((frames, 4), np.float32), skeleton=skeleton)
    contacts = label_contacts(torch.from_numpy(motion.joint_positions) / skeleton.scale, fps)
    return Motion(poses, trans, fps, contacts.numpy().astype(np.float32), skeleton=skeleton)


def require_physical(motion: Motion) -> None:
    """Refuse what no simulator can be asked about.

    Raises:
        InputError: too short, not finite, under the floor, or faster than anybody moves.
    """
    if len(motion) < MIN_FRAMES:
        raise InputError(f"physics needs {MIN_FRAMES} frames or more, not {len(motion)}")
    if not (np.isfinite(motion.poses).all() and np.isfinite(motion.trans).all()):
        raise InputError("the motion holds values that are not finite; repair it first")
    if motion.joint_positions[..., 1].max() < 0:
        raise InputError("the whole body is under the floor y = 0; is +Y up in this motion?")
    speed = np.linalg.norm(np.diff(motion.trans, axis=0), axis=1) * motion.fps
    if speed.max() > _FASTEST_M_S * max(motion.skeleton.scale, 1):
        raise InputError(
            f"the body moves at {speed.max():.0f} m/s; is the motion in metres, without jumps?"
        )


def _continuous(quaternions: Float[np.ndarray, "frames joints 4"]) -> np.ndarray:
    """The same turns with signs that do not jump."""
    flips = np.sign((quaternions[1:] * quaternions[:-1]).sum(-1))
    signs = np.cumprod(np.concatenate((np.ones_like(flips[:1]), np.where(flips < 0, -1, 1))), 0)
    return quaternions * signs[..., None]


def _turns(q: np.ndarray, dq: np.ndarray, ddq: np.ndarray) -> list[np.ndarray]:
    """Unit quaternions, and velocity and acceleration in the body's frame; q of any length."""
    square = (q * q).sum(-1, keepdims=True)
    slope = 2 * (q * dq).sum(-1, keepdims=True)
    velocity = 2 * _imaginary(q, dq) / square
    acceleration = 2 * _imaginary(q, ddq) / square - velocity * slope / square
    return [part.reshape(len(q), -1) for part in (q / np.sqrt(square), velocity, acceleration)]


def _imaginary(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The imaginary part of conj(a) b, w first."""
    return a[..., :1] * b[..., 1:] - b[..., :1] * a[..., 1:] - np.cross(a[..., 1:], b[..., 1:])
