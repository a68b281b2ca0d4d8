"""The camera that points were seen through is found again."""

from __future__ import annotations

import numpy as np
import torch

from motion_examples import swinging_motion
from vimoflow.inference.refinement.cameras import best_reprojection
from vimoflow.inference.refinement.reprojection import View, level_camera, reproject
from vimoflow.motion.kinematics import coco_points, forward_kinematics


def test_points_seen_through_a_pitched_camera_come_to_lie_where_they_were_seen() -> None:
    motion = swinging_motion(30)
    R, root = torch.from_numpy(motion.local_rotations).double(), torch.from_numpy(motion.trans)
    points = coco_points(*forward_kinematics(R, root.double())).numpy()
    every = np.ones((30, 17))
    nothing = View(np.zeros((30, 17, 2)), every, np.zeros((30, 2)), np.ones(30, bool))
    image = reproject(points, np.array([0.0, -0.25, 0.1, -0.2, 0.0]), nothing).image
    hips = image[:, 11:13].mean(1)
    view = View(image - hips[:, None], every, hips, nothing.placed)
    level = reproject(points, level_camera(points, view, 0.0), view)
    best = best_reprojection(points, view, 0.01, 0.15, 0.02)
    before, after = (np.linalg.norm(seen.pose, axis=-1).mean() for seen in (level, best))
    assert before > 0.015 and after < 0.3 * before
