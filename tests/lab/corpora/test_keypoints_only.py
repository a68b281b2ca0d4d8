"""2D-only corpora: the views' own agreement is the reference."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from lab.corpora.aistpp_files import read_keypoints2d
from lab.corpora.keypoints_only import list_aistpp_kp2d, read_aistpp_kp2d_file
from vimoflow.errors import InputError

NAME = "made_up"
DISTORTION = [-0.11, 0.02, 0.001, -0.002, 0.0]


def write_views(folder: Path, points_px: np.ndarray) -> Path:
    (folder / "cameras").mkdir()
    views = [
        {
            "name": f"c{i + 1:02d}", "size": [1920, 1080], "distortions": DISTORTION,
            "matrix": [[1300.0, 0, 960], [0, 1300, 540], [0, 0, 1]],
            "rotation": rotation(i).tolist(), "translation": [0.0, 0.0, 400.0],
        }
        for i in range(len(points_px))
    ]  # fmt: skip
    (folder / "cameras" / "setting1.json").write_text(json.dumps(views))
    (folder / "cameras" / "mapping.txt").write_text(f"{NAME} setting1\n")
    path = folder / f"{NAME}.pkl"
    path.write_bytes(pickle.dumps({"keypoints2d": points_px}))
    return path


def rotation(view: int) -> np.ndarray:
    return Rotation.from_euler("yx", [view * 40.0, 5.0], degrees=True).as_rotvec()


def ring(p_world: np.ndarray, views: int = 9) -> np.ndarray:
    """What nine distorted cameras 4 m around the origin see, by OpenCV; confidence 0.8."""
    matrix = np.array([[1300.0, 0, 960], [0, 1300, 540], [0, 0, 1]])
    out = np.full((views, *p_world.shape[:2], 3), 0.8)
    for i in range(views):
        pixels, _ = cv2.projectPoints(
            p_world.reshape(-1, 3), rotation(i), np.array([0, 0, 400.0]), matrix,
            np.array(DISTORTION),
        )  # fmt: skip
        out[i, ..., :2] = pixels.reshape(*p_world.shape[:2], 2)
    return out


def moving_points(frames: int = 12) -> np.ndarray:
    rng = np.random.default_rng(0)
    start, speed = rng.uniform(-80, 80, (2, 17, 3))
    return start + speed * np.linspace(0, 0.2, frames)[:, None, None]


def test_the_reference_is_found_in_spite_of_a_bad_view_and_gaps(tmp_path: Path) -> None:
    p_world = moving_points()
    points = ring(p_world)
    points[3, ..., :2] += 150.0  # a view that does not belong to its calibration
    points[:, 4, 9] = np.nan  # a point that no view has
    points[1:, 6, 2, 2] = 0.0  # one that only one view has
    sequence = read_aistpp_kp2d_file(write_views(tmp_path, points), tmp_path / "cameras")
    assert sequence.keypoints_px.shape == (9, 6, 17, 3)  # every second frame
    np.testing.assert_allclose(sequence.points_world, p_world[::2], atol=1e-2)  # linear: bridged
    gone = np.argwhere(~sequence.agreed).tolist()
    assert gone == [[2, 9], [3, 2]]
    assert sequence.calibrated_views.tolist() == [v != 3 for v in range(9)]
    assert sequence.off_px[3] > 100 and np.delete(sequence.off_px, 3).max() < 0.01


def test_what_cannot_be_triangulated_is_refused(tmp_path: Path) -> None:
    points = ring(moving_points())
    path = write_views(tmp_path, points)
    path.write_bytes(pickle.dumps({"keypoints2d": points[:5]}))
    with pytest.raises(InputError, match="5 views, the camera setting has 9"):
        read_aistpp_kp2d_file(path, tmp_path / "cameras")
    points[2:, ..., 2] = 0.0
    points[1] = points[0]
    path.write_bytes(pickle.dumps({"keypoints2d": points}))
    with pytest.raises(InputError, match="views that agree"):
        read_aistpp_kp2d_file(path, tmp_path / "cameras")
    (tmp_path / "cameras" / "mapping.txt").write_text("")
    with pytest.raises(InputError, match="no camera setting"):
        read_aistpp_kp2d_file(path, tmp_path / "cameras")
    with pytest.raises(InputError, match="no AIST"):
        list_aistpp_kp2d(tmp_path / "cameras")


def test_real_views_agree_within_the_detectors_error(shared_data: Path, tmp_path: Path) -> None:
    path = list_aistpp_kp2d(shared_data / "aistpp_kp2d")[2]
    cut = tmp_path / path.name  # a second and a half will do
    cut.write_bytes(pickle.dumps({"keypoints2d": read_keypoints2d(path)[:, 200:290]}))
    ch03 = read_aistpp_kp2d_file(cut, shared_data / "aistpp" / "cameras")
    assert ch03.agreed.mean() > 0.99
    assert ch03.calibrated_views.tolist() == [True] * 4 + [False] + [True] * 4
    assert ch03.off_px[ch03.calibrated_views].max() < 10
    # Bones keep their length, though nothing told them to: left thigh and shin, in cm.
    for a, b in ((11, 13), (13, 15)):
        length = np.linalg.norm(ch03.points_world[:, a] - ch03.points_world[:, b], axis=-1)
        assert length.std() < 0.1 * length.mean() and 30 < length.mean() < 60
