"""The turn of a camera is found from a motion and what the camera saw of it."""

from __future__ import annotations

import math

import pytest
import torch

from motion_examples import swinging_motion
from vimoflow.geometry.rotations import rotation_about
from vimoflow.inference.conditioning.encoding import Condition
from vimoflow.inference.gravity import camera_turn
from vimoflow.motion.features import encode_features
from vimoflow.motion.kinematics import coco_points, forward_kinematics


@pytest.mark.parametrize(
    ("yaw", "pitch", "roll"), [(0.0, 0.0, 0.0), (0.2, 0.3, -0.5), (-0.1, -0.4, 0.6)]
)
def test_the_turn_that_made_the_picture_is_found(yaw: float, pitch: float, roll: float) -> None:
    motion = swinging_motion(30)
    R = torch.from_numpy(motion.local_rotations).float()
    root = torch.from_numpy(motion.trans).float()
    points = coco_points(*forward_kinematics(R, root))
    points = points - points[:, [11, 12]].mean(1, keepdim=True)
    turn = (
        rotation_about("z", torch.tensor(roll))
        @ rotation_about("x", torch.tensor(pitch))
        @ rotation_about("y", torch.tensor(yaw))
    )
    seen = points @ turn.T
    depth = 1 - seen[..., 2] / 5.0
    image = torch.stack((seen[..., 0], -seen[..., 1]), dim=-1) / depth[..., None] * 1.1
    pose = torch.cat((image, torch.ones_like(image[..., :1])), dim=-1)[None]
    features = encode_features(R, torch.zeros(len(R), 4), root)[None]
    found, misfit_m = camera_turn(features, Condition(pose, torch.zeros(1, len(R), 3)))
    angle = math.acos(min(1.0, (float((found[0] @ turn.T).trace()) - 1) / 2))
    assert math.degrees(angle) < 1.0 and float(misfit_m[0]) < 0.01
