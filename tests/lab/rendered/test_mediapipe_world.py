"""MediaPipe's landmarks as a motion: the mapping, the fit on known motion, a real video."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lab.rendered.mediapipe_world import (
    FitSettings,
    coco_of_landmarks,
    fit_motion,
    landmark_motion,
)
from vimoflow.conventions import COCO_NAMES
from vimoflow.errors import InputError
from vimoflow.evaluation.metrics import paired as metrics
from vimoflow.geometry.rotations import axis_angle_to_matrix
from vimoflow.motion.kinematics import coco_points, forward_kinematics
from vimoflow.motion.skeleton import COCO_LIMBS


def posed(frames: int, seed: int, yaw: float = 0.0) -> np.ndarray:
    """COCO points of the skeleton moving its limbs, facing the yaw."""
    generator = torch.Generator().manual_seed(seed)
    swing = 0.5 * torch.randn(24, 3, generator=generator)
    time = torch.linspace(0, 1, frames)[:, None, None]
    poses = swing * torch.sin(3 * time + 1)
    poses[:, 0] = torch.tensor([0.0, yaw, 0.0])
    root = torch.tensor([0.4, 0.9, -1.0]).expand(frames, 3)
    return coco_points(*forward_kinematics(axis_angle_to_matrix(poses), root)).numpy()


def test_landmarks_are_those_of_the_same_name():
    landmark = pytest.importorskip("mediapipe").solutions.pose.PoseLandmark
    landmarks = np.arange(33 * 3, dtype=float).reshape(1, 33, 3)
    points = coco_of_landmarks(landmarks)
    for row, name in enumerate(COCO_NAMES):
        x, y, z = landmarks[0, landmark[name.upper()]]
        assert points[0, row].tolist() == [x, -y, -z]


@pytest.mark.parametrize(("yaw", "size"), [(2.5, 0.8), (-1.6, 1.3)])
def test_the_fit_finds_the_pose_whatever_size_and_heading(yaw, size):
    points = posed(6, 1, yaw)
    motion = fit_motion(points * size, 30.0)
    R = torch.from_numpy(motion.local_rotations)
    fitted = coco_points(*forward_kinematics(R, torch.from_numpy(motion.trans).double()))
    error = metrics.pa_mpjpe(
        fitted[:, list(COCO_LIMBS)], torch.from_numpy(points).double()[:, list(COCO_LIMBS)]
    )
    assert float(error) < 7  # mm
    feet = motion.joint_positions[:, [10, 11], 1]
    assert feet.min() == pytest.approx(0.015, abs=1e-4)
    assert motion.fps == 30.0 and len(motion) == 6


def landmarks_of(points: np.ndarray) -> np.ndarray:
    landmarks = np.zeros((len(points), 33, 3))
    landmarks[:, [0, 2, 5, 7, 8, *range(11, 17), *range(23, 29)]] = points * (1, -1, -1)
    return landmarks


def test_gaps_in_the_landmarks_of_a_case_are_bridged():
    points = posed(6, 3)
    points[3:5] = points[2] + (points[5] - points[2]) * np.array([1 / 3, 2 / 3])[:, None, None]
    points[0] = points[1]
    holes = landmarks_of(points)
    holes[[0, 3, 4]] = np.nan
    settings = FitSettings(steps=20)
    motion = landmark_motion(holes, settings=settings)
    np.testing.assert_allclose(motion.poses, fit_motion(points, 30.0, settings).poses, atol=1e-4)


def test_bad_input_is_refused():
    with pytest.raises(InputError, match="no person"):
        landmark_motion(np.full((4, 33, 3), np.nan))
    with pytest.raises(InputError, match="finite"):
        fit_motion(np.full((4, 17, 3), np.nan), 30.0)
    with pytest.raises(InputError, match="at least one frame"):
        fit_motion(np.zeros((0, 17, 3)), 30.0)
