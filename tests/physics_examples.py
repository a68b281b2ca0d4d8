"""Motions of which it is known what physics says."""

from __future__ import annotations

import numpy as np

from vimoflow.motion.clip import Motion
from vimoflow.motion.contacts import standing_heights
from vimoflow.motion.skeleton import CONTACT_JOINTS, joint, load_skeleton


def standing(frames: int = 30, height: float = 0.0, arms: float = -1.3) -> Motion:
    """Somebody who stands still, the arms turned by so many radians, at a height over the floor."""
    poses = np.zeros((frames, 24, 3), np.float32)
    poses[:, joint("left_shoulder"), 2] = arms
    poses[:, joint("right_shoulder"), 2] = -arms
    foot = load_skeleton().rest_positions()[joint("left_foot"), 1]
    sole = float(standing_heights()[CONTACT_JOINTS.index("left_foot")])
    trans = np.tile(np.float32([0.0, sole - foot + height, 0.0]), (frames, 1))
    return Motion(poses, trans, 30.0, np.ones((frames, 4), np.float32))


def waving(frames: int = 60) -> Motion:
    """All joints swing smoothly and the body turns, sways and bobs; no foot rests."""
    rng = np.random.default_rng(3)
    t = np.arange(frames)[:, None, None] / 30
    axis = rng.normal(size=(24, 3)) * 0.25
    poses = axis * np.sin(5 * t + rng.uniform(0, 6, (24, 1)))
    poses[:, 0] += t[:, 0] * [0.0, 1.0, 0.0]
    s = t[:, 0, 0]
    trans = np.stack((0.2 * np.sin(3 * s), 1 + 0.05 * np.cos(6 * s), s), axis=1)
    return Motion(
        poses.astype(np.float32), trans.astype(np.float32), 30.0, np.zeros((frames, 4), np.float32)
    )
