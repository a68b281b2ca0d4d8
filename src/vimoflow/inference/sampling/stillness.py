"""People who hardly move are held still.

Keypoints tremble, and so does what follows them: on recordings of people who sit or stand the
answer had twice to three times the true acceleration, while it had half of it in kicks and floor
work. How fast the person moves as a whole tells the two apart.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import torch
from scipy.ndimage import gaussian_filter1d

from vimoflow.conventions import PIECE
from vimoflow.geometry.rotations import (
    axis_angle_to_matrix,
    matrix_to_axis_angle,
    matrix_to_sixd,
    sixd_to_matrix,
)
from vimoflow.motion.clip import Motion
from vimoflow.motion.skeleton import joint

_STILL_M_S = 0.4  # at which half of the trembling is taken away
_TREMBLING, _MOVING = 3.0, 4.0  # frames at 30 fps: of what is smoothed, and of the speed
_QUICK = 90  # percentile of the joints' speeds: a kick moves one leg
_BODY = slice(0, joint("left_hand"))


def stilled(motion: Motion) -> Motion:
    """The motion, the smoother the slower the person moves.

    A frame becomes its Gaussian mean in time by a share of 1 / (1 + (v / 0.4 m/s)^2), where v is
    the speed of the quicker joints, smoothed.

    Args:
        motion: at 30 fps.
    """
    share = _stillness(motion)
    # In parts: what is made on the way is many times a motion's size.
    parts = torch.from_numpy(motion.poses).split(PIECE)
    sixd = np.concatenate(
        [matrix_to_sixd(axis_angle_to_matrix(part.double())).float().numpy() for part in parts]
    )
    calm = gaussian_filter1d(sixd, _TREMBLING, axis=0, mode="nearest")
    calm -= sixd
    calm *= share[:, None, None].astype(np.float32)
    calm += sixd
    parts = torch.from_numpy(calm).split(PIECE)
    poses = [matrix_to_axis_angle(sixd_to_matrix(part)).numpy() for part in parts]
    off = gaussian_filter1d(motion.trans, _TREMBLING, axis=0, mode="nearest") - motion.trans
    trans = (motion.trans + share[:, None] * off).astype(motion.trans.dtype)
    together = np.concatenate(poses).astype(motion.poses.dtype).reshape(motion.poses.shape)
    return dataclasses.replace(motion, poses=together, trans=trans)


def _stillness(motion: Motion) -> np.ndarray:
    """1 for a frame of somebody who does not move at all, towards 0 the quicker."""
    if len(motion) < 2:
        return np.zeros(len(motion))
    joints = gaussian_filter1d(motion.joint_positions, _MOVING, axis=0, mode="nearest")
    speed = np.linalg.norm(np.gradient(joints, axis=0), axis=-1) * motion.fps
    return 1 / (1 + (np.percentile(speed[:, _BODY], _QUICK, axis=1) / _STILL_M_S) ** 2)
