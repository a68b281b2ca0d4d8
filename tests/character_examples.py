"""A walk to put on characters."""

from __future__ import annotations

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from lab.rigs.rig_examples import OFFSETS
from vimoflow.geometry.rotations import matrix_to_axis_angle
from vimoflow.inference.refinement.foot_locking import limb_turns
from vimoflow.motion.clip import Motion
from vimoflow.motion.contacts import standing_heights
from vimoflow.motion.kinematics import forward_kinematics
from vimoflow.motion.skeleton import joint


def walk(frames: int = 120, fps: float = 30.0, speed: float = 0.7) -> Motion:
    """Walking along +Z with feet that do not slide: heels lift before the toes do."""
    t = np.arange(frames) / fps
    heights = standing_heights().numpy()
    stand = float(
        heights[0] - OFFSETS[[joint(f"left_{n}") for n in ("hip", "knee", "ankle")], 1].sum()
    )
    root = np.stack((0.03 * np.sin(2 * np.pi * t), stand - 0.055 + 0.01 * np.cos(4 * np.pi * t),
                     speed * t), axis=1)  # fmt: skip
    rotvec = np.zeros((frames, 24, 3))
    rotvec[:, 0, 1] = 0.12 * np.sin(2 * np.pi * t)
    for side, sign in (("left", -1.0), ("right", 1.0)):
        rotvec[:, joint(f"{side}_shoulder"), 2] = sign * 1.2
        rotvec[:, joint(f"{side}_elbow"), 1] = sign * (0.4 + 0.3 * np.sin(2 * np.pi * t))
    R = torch.from_numpy(
        Rotation.from_rotvec(rotvec.reshape(-1, 3)).as_matrix().reshape(frames, 24, 3, 3)
    )
    contacts = np.zeros((frames, 4), np.float32)
    for leg, side in enumerate(("left", "right")):
        hip, knee, ankle, foot = (joint(f"{side}_{n}") for n in ("hip", "knee", "ankle", "foot"))
        steps, phase = np.divmod(t + 0.5 * leg, 1.0)
        landing = speed * (steps - 0.5 * leg + 0.3)
        swing = np.clip((phase - 0.6) / 0.4, 0, 1)
        pitch = 0.5 * np.clip((phase - 0.42) / 0.18, 0, 1) * (1 - swing)
        turn = torch.from_numpy(Rotation.from_rotvec(pitch[:, None] * [1.0, 0, 0]).as_matrix())
        x = OFFSETS[[hip, knee, ankle], 0].sum()
        smooth = 3 * swing**2 - 2 * swing**3
        ball = np.stack((x + OFFSETS[foot, 0] + 0 * t, heights[1] + 0.09 * np.sin(np.pi * swing),
                         landing + OFFSETS[foot, 2] + speed * smooth), axis=1)  # fmt: skip
        target = torch.from_numpy(ball) - turn @ torch.from_numpy(OFFSETS[foot])
        world, at = forward_kinematics(R, torch.from_numpy(root))
        thigh, shin = at[:, knee] - at[:, hip], at[:, ankle] - at[:, knee]
        upper, lower = limb_turns(thigh, shin, world[:, knee, :, 0], target - at[:, ankle])
        R_hip, R_knee = upper @ world[:, hip], lower @ world[:, knee]
        R[:, hip] = world[:, 0].transpose(-1, -2) @ R_hip
        R[:, knee] = R_hip.transpose(-1, -2) @ R_knee
        R[:, ankle] = R_knee.transpose(-1, -2) @ turn
        contacts[:, 2 * leg] = phase < 0.42
        contacts[:, 2 * leg + 1] = phase < 0.6
    return Motion(
        matrix_to_axis_angle(R).numpy().astype(np.float32), root.astype(np.float32), fps, contacts
    )
