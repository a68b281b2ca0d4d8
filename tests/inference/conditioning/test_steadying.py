"""Keypoints of a moving camera as a steady one would have seen them."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from vimoflow.geometry.camera_path import CameraPath
from vimoflow.inference.conditioning.steadying import steadied, turned_along
from vimoflow.inference.conditioning.viewpoint import USUAL_FOCAL
from vimoflow.motion.features import LAYOUT, encode_features

SIZE, FRAMES = (1280.0, 720.0), 40
RNG = np.random.default_rng(0)
PERSON = (
    RNG.normal(size=(FRAMES, 17, 3)) * 0.4 + np.linspace([-2, 0, 5], [2, 0, 6], FRAMES)[:, None]
)


def seen(R_first_camera: np.ndarray, zoom: np.ndarray) -> np.ndarray:
    """The person through a camera at the origin of the first one's frame."""
    p = PERSON @ R_first_camera
    focal = USUAL_FOCAL * max(SIZE) * zoom[:, None, None]
    image = p[..., :2] / p[..., 2:] * focal + np.array(SIZE) / 2
    return np.concatenate((image, np.ones((FRAMES, 17, 1))), axis=-1)


def path(**turns: np.ndarray) -> CameraPath:
    angles = np.stack([turns.get(axis, np.zeros(FRAMES)) for axis in "yxz"], axis=1)
    R = Rotation.from_euler("YXZ", angles).as_matrix()
    return CameraPath(R, np.exp(0.01 * np.arange(FRAMES)), travels=False)


@pytest.mark.parametrize("amount", [0.0, 0.3])
def test_turns_shake_and_zoom_are_undone(amount: float) -> None:
    turn = np.linspace(0, amount, FRAMES)
    moved = path(y=turn, x=0.02 * np.sin(np.arange(FRAMES)), z=-0.1 * turn)
    got = steadied(seen(moved.R_first_camera, moved.zoom), SIZE, moved)
    still = CameraPath.still(FRAMES)
    right = Rotation.from_euler("Y", -got.yaw[0]).as_matrix()
    expected = seen(np.tile(right, (FRAMES, 1, 1)), still.zoom)
    assert got.still and np.ptp(got.yaw) == 0
    assert np.abs(got.points_px - expected).max() < 1e-6


def test_a_still_camera_is_left_alone() -> None:
    points = seen(CameraPath.still(FRAMES).R_first_camera, np.ones(FRAMES))
    got = steadied(points, SIZE, CameraPath.still(FRAMES))
    assert got.points_px is points and got.still and not got.yaw.any()


def test_who_travels_is_followed_without_its_shake() -> None:
    turn = np.linspace(0, 1.5, FRAMES)
    moved = dataclasses.replace(path(y=turn, z=0.1 * np.sin(np.arange(FRAMES))), travels=True)
    got = steadied(seen(moved.R_first_camera, moved.zoom), SIZE, moved)
    inner = slice(12, -12)
    assert not got.still
    assert np.abs(got.yaw + turn)[inner].max() < 0.01


def test_what_circles_in_a_turning_view_walks_straight() -> None:
    yaw = torch.linspace(0, 2, FRAMES)[None]
    step = torch.stack((-yaw.sin(), torch.zeros_like(yaw), yaw.cos()), dim=-1)  # ahead, turned back
    root = torch.cat((torch.zeros(1, 1, 3), step[:, 1:]), dim=1).cumsum(1)
    features = encode_features(
        torch.eye(3).expand(1, FRAMES, 24, 3, 3), torch.zeros(1, FRAMES, 4), root
    )
    path = turned_along(features, yaw)[..., LAYOUT.root]
    assert torch.allclose(path[0, :, 2], torch.arange(FRAMES).float(), atol=1e-4)
    assert path[..., 0].abs().max() < 1e-4
