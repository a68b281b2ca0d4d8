"""AIST++: gaps, the ignore list, and the projection onto the real detections."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation, Slerp

from lab.calibrated.triangulation import project_with_lens
from lab.corpora import aistpp_files as aistpp
from lab.corpora.aistpp import (
    _cameras,
    _detections,
    _every_second_pose,
    list_aistpp,
    read_aistpp_file,
)
from vimoflow.errors import InputError
from vimoflow.motion.kinematics import coco_points, forward_kinematics
from vimoflow.motion.skeleton import COCO_LIMBS

NAME = "gPO_sBM_cAll_d10_mPO1_ch02"
D04 = "gBR_sBM_cAll_d04_mBR2_ch08"


def write_sequence(root: Path, frames: int = 180, gap: slice | None = None) -> Path:
    """A figure whose root turns evenly while it rises on the spot, two views of it."""
    seconds = np.arange(frames) / 60
    poses, trans = np.zeros((frames, 72)), np.zeros((frames, 3))
    poses[:, 1] = seconds
    trans[:, 0] = 90 * seconds
    if gap is not None:
        poses[gap, 7] = np.nan
    data = {"smpl_poses": poses, "smpl_trans": trans, "smpl_scaling": np.array([90.0])}
    points2d = np.full((2, frames, 17, 3), 0.9)
    points2d[1, :, :, 2] = 0.2
    points2d[0, 10:14] = np.nan
    points3d = np.random.default_rng(0).normal(size=(frames, 17, 3))
    points3d[6, 3] = np.nan
    for folder, content in (
        ("motions", data),
        ("keypoints2d", {"keypoints2d": points2d}),
        ("keypoints3d", {"keypoints3d_optim": points3d}),
    ):
        (root / folder).mkdir(exist_ok=True, parents=True)
        (root / folder / f"{NAME}.pkl").write_bytes(pickle.dumps(content))
    view = {
        "size": [1920, 1080], "matrix": np.diag([1500.0, 1500, 1]).tolist(),
        "translation": [0, 160, 500], "distortions": [0.0] * 5, "name": "c", "rotation": [3, 0, 0],
    }  # fmt: skip
    (root / "cameras").mkdir(exist_ok=True)
    (root / "cameras" / "setting1.json").write_text(json.dumps([view, view]))
    (root / "cameras" / "mapping.txt").write_text(f"{NAME} setting1\n")
    return root / "motions" / f"{NAME}.pkl"


def test_every_second_frame_is_kept(tmp_path: Path) -> None:
    recording = read_aistpp_file(write_sequence(tmp_path, 181))
    assert recording.motion.fps == 30 and len(recording.motion) == 91
    seconds = np.arange(91) / 30
    np.testing.assert_allclose(recording.motion.poses[:, 0, 1], seconds, atol=1e-6)
    np.testing.assert_allclose(np.diff(recording.motion.trans[:, 0]), 1 / 30, atol=1e-5)


def test_short_gaps_are_bridged_on_so3(tmp_path: Path) -> None:
    path = write_sequence(tmp_path, gap=slice(50, 71))
    recording = read_aistpp_file(path)
    whole = np.delete(np.arange(90), np.arange(25, 36))
    seconds = np.arange(90) / 30
    known = Slerp(seconds[whole], Rotation.from_rotvec(np.outer(seconds[whole], [0, 1, 0])))
    expected = known(seconds).as_rotvec()
    np.testing.assert_allclose(recording.motion.poses[:, 0], expected, atol=1e-5)


def test_long_gaps_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no pose for 0\.5 s"):
        read_aistpp_file(write_sequence(tmp_path, gap=slice(50, 82)))
    with pytest.raises(InputError, match="every second frame"):
        read_aistpp_file(write_sequence(tmp_path, gap=slice(0, 180, 2)))


def test_missing_and_doubtful_detections_stay_as_they_are(tmp_path: Path) -> None:
    path = write_sequence(tmp_path)
    recording = read_aistpp_file(path)
    assert recording.keypoints_px is not None and recording.keypoints_px.shape[0] == 2
    assert not recording.keypoints_px[0, 5:7].any()  # kept as "not there"
    np.testing.assert_allclose(recording.keypoints_px[1, ..., 2], 0.2)  # kept as it is


@pytest.mark.parametrize("place", ["ignore_list.txt", "splits/ignore_list.txt"])
def test_the_ignore_list_is_honoured_with_a_reason(tmp_path: Path, place: str) -> None:
    path = write_sequence(tmp_path)
    (tmp_path / "splits").mkdir()
    (tmp_path / place).write_text(f"another\n{NAME}\n")
    assert list_aistpp(tmp_path) == [path]  # listed, so that it can be told why it is left out
    with pytest.raises(InputError, match="ignore list"):
        read_aistpp_file(path)


def test_views_that_do_not_fit_the_cameras_are_refused(tmp_path: Path) -> None:
    path = write_sequence(tmp_path)
    cameras = tmp_path / "cameras" / "setting1.json"
    cameras.write_text(json.dumps(json.loads(cameras.read_text())[:1]))
    with pytest.raises(InputError, match="2 views, the camera setting has 1"):
        read_aistpp_file(path)


def test_projected_joints_land_on_the_detections_of_every_view(shared_data: Path) -> None:
    """Within 15 pixels median, over all shoulders to ankles that were detected at all."""
    limbs = list(COCO_LIMBS)
    for path in list_aistpp(shared_data / "aistpp"):
        motion, cameras = aistpp.read_motion(path), _cameras(path.parents[1], path.stem)
        R, pelvis, _ = _every_second_pose(motion, path)
        detections = path.parents[1] / "keypoints2d" / path.name
        seen = _detections(detections, len(cameras), len(R))[:, :, limbs]
        points = coco_points(*forward_kinematics(R, pelvis))[:, limbs].flatten(0, 1)
        cameras = aistpp.calibrated_cameras(cameras, motion.scaling)
        pixels = project_with_lens(cameras, points).numpy().reshape(*seen.shape[:3], 2)
        off = np.linalg.norm(pixels - seen[..., :2], axis=-1)
        assert len(off) == 9
        for view, detected in zip(off, seen[..., 2] > 0, strict=True):
            # Break-dance on the floor: the detector doubts itself in all views.
            assert np.median(view[detected]) < (15 if path.stem == D04 else 10)
