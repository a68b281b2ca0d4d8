"""Pinhole projection against a hand computation and OpenCV; the heading of cameras."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from vimoflow.geometry.cameras import Camera, camera_heading, project
from vimoflow.geometry.rotations import rotation_about

# A camera that looks along -Z of the world: image right is world +X, image down is world -Y.
LOOKING_BACK = np.diag([1.0, -1.0, -1.0])


def make_camera(rotation: np.ndarray, translation: np.ndarray, focal: float) -> Camera:
    return Camera(
        torch.tensor(rotation, dtype=torch.float64),
        torch.tensor(translation, dtype=torch.float64),
        torch.tensor(focal, dtype=torch.float64),
        torch.tensor([640.0, 360.0], dtype=torch.float64),
    )


def test_by_hand() -> None:
    # 4 m in front of the origin at eye level 1 m: t = -R @ (0, 1, 4).
    camera = make_camera(LOOKING_BACK, -LOOKING_BACK @ [0.0, 1.0, 4.0], 1000.0)
    points = torch.tensor([[0.0, 1.0, 0.0], [0.2, 1.0, 0.0], [0.0, 2.0, 2.0], [0.0, 1.0, 5.0]])
    pixels, depth = project(camera, points.double())
    np.testing.assert_allclose(pixels[:3], [[640, 360], [690, 360], [640, -140]], atol=1e-9)
    np.testing.assert_allclose(depth, [4, 4, 2, -1], atol=1e-12)
    assert torch.isfinite(pixels).all()  # also behind the camera


def test_agrees_with_opencv_for_a_batch_of_cameras() -> None:
    rng = np.random.default_rng(0)
    rotations = Rotation.from_rotvec(0.3 * rng.normal(size=(4, 3)))
    translations = rng.normal(size=(4, 3)) + np.array([0, 0, 6])
    focals = rng.uniform(500, 1500, 4)
    points = rng.normal(size=(4, 11, 3))
    camera = Camera(
        torch.tensor(rotations.as_matrix()),
        torch.tensor(translations),
        torch.tensor(focals),
        torch.tensor([[640.0, 360.0]] * 4, dtype=torch.float64),
    )
    pixels, _ = project(camera, torch.tensor(points))
    for view in range(4):
        matrix = np.array([[focals[view], 0, 640], [0, focals[view], 360], [0, 0, 1]])
        rotvec = rotations[view].as_rotvec()
        expected, _ = cv2.projectPoints(points[view], rotvec, translations[view], matrix, None)
        np.testing.assert_allclose(pixels[view], expected[:, 0], atol=1e-6)


@pytest.mark.parametrize("yaw", [-2.5, -0.3, 0.0, 1.0, 3.0])
def test_heading_points_from_the_subject_to_the_camera(yaw: float) -> None:
    turn = rotation_about("y", torch.tensor(yaw, dtype=torch.float64))
    heading = camera_heading(torch.tensor(LOOKING_BACK) @ turn.T)
    np.testing.assert_allclose(heading, yaw, atol=1e-9)
    position = turn @ torch.tensor([0.0, 1.0, 4.0], dtype=torch.float64)
    np.testing.assert_allclose(torch.atan2(position[0], position[2]), yaw, atol=1e-9)


def test_pitch_and_roll_leave_the_heading() -> None:
    turn = rotation_about("y", torch.tensor(0.8, dtype=torch.float64)).numpy()
    tilt = Rotation.from_euler("xz", [0.5, 0.2]).as_matrix()  # about the camera's own axes
    heading = camera_heading(torch.tensor(tilt @ LOOKING_BACK @ turn.T))
    np.testing.assert_allclose(heading, 0.8, atol=1e-9)
