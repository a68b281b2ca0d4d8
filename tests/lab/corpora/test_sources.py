"""Tang2018 on made-up files, AIST++ on the real sequences."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from lab.corpora import aistpp_files as aistpp
from lab.corpora.aistpp import list_aistpp, read_aistpp_file
from lab.corpora.tang2018 import list_tang2018, read_tang2018_file
from vimoflow.errors import InputError
from vimoflow.geometry.rotations import axis_angle_to_matrix, rotation_about
from vimoflow.motion.floor import sole_heights
from vimoflow.motion.kinematics import coco_points, forward_kinematics
from vimoflow.motion.skeleton import COCO_LIMBS, joint, load_skeleton


def write_dance(path: Path, frames: int = 100, bad: slice | None = None, jump: float = 0.0) -> Path:
    """A figure that waves evenly and glides at 0.5 m/s, 25 fps; ``bad`` frames are NaN or jump."""
    seconds = np.arange(frames) / 25
    poses, trans = np.zeros((frames, 72)), np.zeros((frames, 3))
    poses[:, 3 * joint("left_shoulder") + 2] = 0.7 * seconds  # radians, about Z
    trans[:, 0] = 0.5 * seconds
    if bad is not None:
        if jump:
            trans[bad, 1] += jump
        else:
            poses[bad, 5] = np.nan
    np.savez(path, poses=poses, trans=trans, fps=25.0)
    return path


@pytest.mark.parametrize("jump", [0.0, 0.5])
def test_tang2018_is_resampled_and_bridged(tmp_path: Path, jump: float) -> None:
    path = write_dance(tmp_path / "DANCE_C_1.npz", bad=slice(40, 46 - 5 * (jump > 0)), jump=jump)
    recording = read_tang2018_file(path)
    motion = recording.motion
    seconds = np.arange(len(motion)) / 30
    assert motion.fps == 30.0 and len(motion) == int(99 / 25 * 30) + 1
    np.testing.assert_allclose(motion.trans[:, 0], 0.5 * seconds, atol=1e-4)
    np.testing.assert_allclose(motion.poses[:, joint("left_shoulder"), 2], 0.7 * seconds, atol=1e-4)
    soles = sole_heights(torch.from_numpy(motion.joint_positions))
    np.testing.assert_allclose(soles.amin(-1), 0, atol=1e-4)


def test_tang2018_splits_by_file(tmp_path: Path) -> None:
    for name in ("DANCE_C_8", "DANCE_C_1", "DANCE_W_29"):
        write_dance(tmp_path / f"{name}.npz", 10)
    (tmp_path / "DANCE_C_1.mp3").touch()
    recordings = [read_tang2018_file(path) for path in list_tang2018(tmp_path)]
    assert [(r.name, r.split) for r in recordings] == [
        ("DANCE_C_1", "train"), ("DANCE_C_8", "validation"), ("DANCE_W_29", "train"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "arrays",
    [
        {},
        {"poses": np.zeros((5, 72)), "trans": np.zeros((5, 3))},
        {"poses": np.zeros((5, 66)), "trans": np.zeros((5, 3)), "fps": 25.0},
        {"poses": np.zeros((5, 72)), "trans": np.zeros((4, 3)), "fps": 25.0},
        {"poses": np.zeros((5, 72)), "trans": np.zeros((5, 3)), "fps": 0.0},
        {"poses": np.full((5, 72), np.nan), "trans": np.zeros((5, 3)), "fps": 25.0},
        {"poses": np.array([{}] * 5), "trans": np.zeros((5, 3)), "fps": 25.0},
    ],
)
def test_tang2018_refuses_what_it_is_not(tmp_path: Path, arrays: dict[str, np.ndarray]) -> None:
    path = tmp_path / "DANCE_C_1.npz"
    np.savez(path, **arrays)
    with pytest.raises(InputError, match="DANCE_C_1"):
        read_tang2018_file(path)


def test_tang2018_refuses_torn_files(tmp_path: Path) -> None:
    path = write_dance(tmp_path / "DANCE_C_1.npz")
    whole = path.read_bytes()
    for size in (0, 100, len(whole) - 50):
        path.write_bytes(whole[:size])
        with pytest.raises(InputError, match="DANCE_C_1"):
            read_tang2018_file(path)


D03, D04 = "gJS_sBM_cAll_d03_mJS2_ch07", "gBR_sBM_cAll_d04_mBR2_ch08"


def test_aistpp_sequences_and_splits(shared_data: Path) -> None:
    recordings = {p.stem: read_aistpp_file(p) for p in list_aistpp(shared_data / "aistpp")}
    assert {n: r.split for n, r in recordings.items()} == {
        D03: "validation", D04: "validation", "gJS_sFM_cAll_d02_mJS4_ch09": "train",
    }  # fmt: skip
    assert recordings[D04].group == "floor work" and not recordings[D03].group
    for recording in recordings.values():
        frames = len(recording.motion)
        assert recording.keypoints_px is not None and recording.coco_truth is not None
        assert recording.keypoints_px.shape == (9, frames, 17, 3)
        assert np.isfinite(recording.keypoints_px).all()
        assert np.isfinite(recording.coco_truth).all()
        assert recording.heading_of_view is not None and len(recording.heading_of_view) == 9
        own = posed_points(recording.motion.poses, recording.motion.trans)
        error = np.linalg.norm(own - recording.coco_truth, axis=-1)[:, list(COCO_LIMBS)]
        assert np.median(error) < 0.05  # metres, in place, not aligned


def posed_points(poses: np.ndarray, trans: np.ndarray) -> np.ndarray:
    R = axis_angle_to_matrix(torch.from_numpy(poses).double())
    return coco_points(*forward_kinematics(R, torch.from_numpy(trans).double())).numpy()


def test_the_skeleton_lands_on_the_real_detections(shared_data: Path) -> None:
    """The fitted skeleton, posed by AIST++ and filmed by its cameras with their distortion."""
    root = shared_data / "aistpp"
    source = aistpp.read_motion(root / "motions" / f"{D03}.pkl")
    shift = np.array(load_skeleton().smpl_trans_to_pelvis)
    points = posed_points(source.poses[::10], source.trans[::10] / source.scaling + shift)
    keypoints = aistpp.read_keypoints2d(root / "keypoints2d" / f"{D03}.pkl")[:, ::10]
    setting = aistpp.read_camera_mapping(root / "cameras")[D03]
    cameras = aistpp.read_cameras(root / "cameras" / f"{setting}.json")
    limbs, medians = list(COCO_LIMBS), []
    for camera, detected in zip(cameras, keypoints, strict=True):
        pixels, _ = cv2.projectPoints(
            points.reshape(-1, 3), camera.rotation, camera.translation / source.scaling,
            camera.matrix, camera.distortion,
        )  # fmt: skip
        error = np.linalg.norm(pixels.reshape(-1, 17, 2) - detected[..., :2], axis=-1)[:, limbs]
        medians.append(float(np.median(error[detected[:, limbs, 2] > 0.5])))
    assert np.median(medians) < 10 and max(medians) < 15, medians


def test_in_the_view_the_dancer_faces_left_appears_right(shared_data: Path) -> None:
    """The views' headings are the cameras': turned by them, left joints lie where detections do."""
    recording = read_aistpp_file(shared_data / "aistpp" / "motions" / f"{D03}.pkl")
    assert recording.keypoints_px is not None and recording.heading_of_view is not None
    points = torch.from_numpy(posed_points(recording.motion.poses, recording.motion.trans))
    for keypoints, heading in zip(recording.keypoints_px, recording.heading_of_view, strict=True):
        turned = points @ rotation_about("y", torch.tensor(-heading, dtype=torch.float64)).T
        across_3d = (turned[:, 5, 0] - turned[:, 6, 0]).numpy()  # left minus right shoulder
        across_2d = keypoints[:, 5, 0] - keypoints[:, 6, 0]
        seen = (keypoints[:, [5, 6], 2] > 0.5).all(-1)
        assert np.corrcoef(across_3d[seen], across_2d[seen])[0, 1] > 0.8
