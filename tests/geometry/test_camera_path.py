"""How a camera moved, at its own times and between them."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from vimoflow.geometry.camera_path import CameraPath


def turning(degrees_right: np.ndarray) -> CameraPath:
    R = Rotation.from_euler("y", degrees_right[:, None], degrees=True).as_matrix()
    return CameraPath(R, np.exp(degrees_right / 100), travels=False)


def test_a_camera_that_turns_round_looks_ever_farther_to_the_right() -> None:
    degrees = np.linspace(0, 400, 41)
    assert np.allclose(turning(degrees).heading, np.radians(degrees))


def test_between_frames_it_is_in_between() -> None:
    times = np.arange(5) / 10
    path = turning(np.arange(5.0))
    same, middle = path.at(times, times), path.at(times, times[:-1] + 0.05)
    assert np.allclose(same.R_first_camera, path.R_first_camera)
    assert np.allclose(np.degrees(middle.heading), np.arange(4) + 0.5, atol=1e-3)


def test_only_what_does_not_move_is_still() -> None:
    assert CameraPath.still(3).is_still
    assert not turning(np.arange(3.0)).is_still
    assert not CameraPath(np.tile(np.eye(3), (3, 1, 1)), np.ones(3), travels=True).is_still


def test_in_a_mirrored_picture_the_camera_turns_the_other_way() -> None:
    R = Rotation.from_rotvec([[0.1, 0.2, 0.3]]).as_matrix()
    path = CameraPath(R, np.ones(1), travels=False)
    found = Rotation.from_matrix(path.mirrored().R_first_camera).as_rotvec()
    np.testing.assert_allclose(found, [[0.1, -0.2, -0.3]], atol=1e-12)


def test_a_still_camera_is_still_at_any_time() -> None:
    assert CameraPath.still(5).at(np.arange(5) / 20, np.linspace(0, 0.25, 9)).is_still
