"""A smooth motion that every format is tried on."""

from __future__ import annotations

import numpy as np

from vimoflow.motion.clip import Motion
from vimoflow.motion.skeleton import JOINT_NAMES


def swinging_motion(frames: int = 40, fps: float = 30.0, keypoints: bool = True) -> Motion:
    """All joints swing, each with its own axis, size and phase; the root walks a curve, turning."""
    rng = np.random.default_rng(7)
    seconds = np.arange(frames) / fps
    joints = len(JOINT_NAMES)
    axis = rng.normal(size=(joints, 3))
    axis /= np.linalg.norm(axis, axis=1, keepdims=True)
    size, phase = rng.uniform(0.2, 1.2, joints), rng.uniform(0, 6, joints)
    angle = size * np.sin(2.5 * seconds[:, None] + phase)
    poses = angle[..., None] * axis
    poses[:, 0] = seconds[:, None] * [0.0, 4.0, 0.0]  # more than one full turn
    trans = np.stack((np.sin(seconds), 0.95 + 0.05 * np.cos(3 * seconds), seconds), axis=1)
    points = rng.uniform(0, 400, (frames, 17, 3))
    points[..., 2] = rng.uniform(0, 1, (frames, 17)) * (rng.random((frames, 17)) > 0.2)
    return Motion(
        poses=poses,
        trans=trans,
        fps=fps,
        contacts=(rng.random((frames, 4)) > 0.5).astype(float),
        joints2d=points if keypoints else None,
        observed=points[..., 2] > 0 if keypoints else None,
    )
