"""Keypoints lead the generated part, from whatever side the camera stood."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from vimoflow.diffusion.checkpoint import load_checkpoint
from vimoflow.editing import CompletionOptions, DenoisingOptions, Follow, inbetween
from vimoflow.geometry.rotations import axis_angle_to_matrix, rotation_about
from vimoflow.keypoints.sequence import Keypoints2D
from vimoflow.motion.clip import Motion
from vimoflow.motion.kinematics import coco_points, forward_kinematics
from vimoflow.motion.skeleton import joint

FRAMES, FIRST, END = 90, 30, 60


def hand_raiser() -> Motion:
    """Somebody facing +X with arms down, who raises the left one in the middle and lowers it."""
    poses = np.zeros((FRAMES, 24, 3))
    poses[:, 0, 1] = np.pi / 2
    up = np.clip(1.2 * np.sin(np.pi * (np.arange(FRAMES) - FIRST) / (END - FIRST)), 0, 1)
    up[:FIRST] = up[END:] = 0
    poses[:, joint("left_shoulder"), 2] = -1.2 + 2.2 * up
    poses[:, joint("right_shoulder"), 2] = 1.2
    trans = np.tile([0.5, 0.95, -0.3], (FRAMES, 1))
    return Motion(poses, trans, 30.0, np.ones((FRAMES, 4)))


def seen_from_front(motion: Motion, away_rad: float = 0.4) -> Keypoints2D:
    """Through a camera 5 m away, near where the figure faces."""
    R = axis_angle_to_matrix(torch.from_numpy(motion.poses))
    points = coco_points(*forward_kinematics(R, torch.from_numpy(motion.trans)))
    turn = rotation_about("y", torch.tensor(-(np.pi / 2 + away_rad), dtype=torch.float64))
    p = ((points - torch.tensor([0.5, 1.0, -0.3])) @ turn.T).numpy()
    depth = 5 - p[..., 2]
    image = np.stack((640 + 900 * p[..., 0] / depth, 360 - 900 * p[..., 1] / depth), axis=-1)
    confidence = np.full((*image.shape[:2], 1), 0.9)
    times = np.arange(len(p)) / 30
    return Keypoints2D(np.concatenate((image, confidence), axis=-1), times, (1280, 720))


@pytest.mark.parametrize("part", [slice(None), slice(FIRST, END)])
def test_a_raised_hand_that_only_the_camera_saw(part):
    model, truth = load_checkpoint(), hand_raiser()
    whole = seen_from_front(truth)
    keypoints = Keypoints2D(
        whole.points[part], np.arange(len(whole.points[part])) / 30, whole.image_size
    )
    follow = Follow(keypoints, FIRST if part.start else 0)
    options = CompletionOptions(DenoisingOptions(steps=10))
    led = inbetween(model, truth, FIRST, END, [follow], options).motion
    alone = inbetween(model, truth, FIRST, END, options=options).motion
    middle, wrist = (FIRST + END) // 2, joint("left_wrist")
    heights = [m.joint_positions[middle, wrist, 1] for m in (truth, led, alone)]
    assert heights[1] > heights[2] + 0.3
    error = np.linalg.norm(led.joint_positions - truth.joint_positions, axis=-1)[FIRST:END].mean()
    assert error < 0.15
    assert np.array_equal(led.poses[:FIRST], truth.poses[:FIRST])
