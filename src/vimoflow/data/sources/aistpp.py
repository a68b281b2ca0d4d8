"""AIST++ sequences with their real detections (thesis 3.2 ii and iv)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float

from vimoflow.data.recording import Recording, Split
from vimoflow.errors import InputError
from vimoflow.formats import aistpp
from vimoflow.geometry.cameras import camera_heading
from vimoflow.geometry.rotations import axis_angle_to_matrix
from vimoflow.motion.canonical import canonical_motion
from vimoflow.motion.clip import Motion
from vimoflow.motion.kinematics import coco_points, forward_kinematics
from vimoflow.motion.skeleton import load_skeleton

VALIDATION = frozenset({"gJS_sBM_cAll_d03_mJS2_ch07", "gBR_sBM_cAll_d04_mBR2_ch08"})
_EVERY = 2  # 60 -> 30 fps by every second frame


def list_aistpp(folder: Path) -> list[Path]:
    """Motion files of an AIST++ folder, without those on its ignore list."""
    ignored = folder / "splits" / "ignore_list.txt"
    names = aistpp.read_name_list(ignored) if ignored.is_file() else frozenset()
    files = sorted((folder / "motions").glob("*.pkl"))
    return [path for path in files if path.stem not in names]


def read_aistpp_file(path: Path) -> Recording:
    """One sequence: SMPL motion at 30 fps and, where they exist, the nine views' detections."""
    name, root = path.stem, path.parents[1]
    source = aistpp.read_motion(path)
    shift = np.array(load_skeleton().smpl_trans_to_pelvis)
    motion = canonical_motion(
        axis_angle_to_matrix(torch.from_numpy(source.poses[::_EVERY])),
        torch.from_numpy(source.trans[::_EVERY] / source.scaling + shift),
        fps=30.0,
    )
    triangulated = _triangulated(root, name, source.scaling, motion)
    split: Split = "validation" if name in VALIDATION else "train"
    group = {"gBR_sBM_cAll_d04_mBR2_ch08": "floor work"}.get(name, "")
    detections = root / "keypoints2d" / f"{name}.pkl"
    if not detections.is_file():
        return Recording(name, "aistpp", split, motion, group=group, coco_truth=triangulated)
    keypoints = aistpp.read_keypoints2d(detections)[:, ::_EVERY]
    if keypoints.shape[1] != len(motion):
        raise InputError(f"{detections}: {keypoints.shape[1]} frames, the motion {len(motion)}")
    return Recording(
        name,
        "aistpp",
        split,
        motion,
        keypoints.astype(np.float32),
        _headings(root, name),
        group,
        triangulated,
    )


def _triangulated(root: Path, name: str, scaling: float, motion: Motion) -> np.ndarray | None:
    """``keypoints3d_optim`` in metres on the motion's floor; NaN points are the skeleton's own."""
    path = root / "keypoints3d" / f"{name}.pkl"
    if not path.is_file():
        return None
    points = aistpp.read_keypoints3d(path)[::_EVERY] / scaling
    R = torch.from_numpy(motion.local_rotations)
    own = coco_points(*forward_kinematics(R, torch.from_numpy(motion.trans).double())).numpy()
    if points.shape != own.shape:
        raise InputError(f"{path}: {len(points)} frames, the motion has {len(own)}")
    points += np.nanmedian(own - points, axis=(0, 1)) * (0.0, 1.0, 0.0)
    return np.where(np.isfinite(points), points, own).astype(np.float32)


def _headings(root: Path, name: str) -> Float[np.ndarray, "views"]:
    setting = aistpp.read_camera_mapping(root / "cameras").get(name)
    if setting is None:
        raise InputError(f"{root / 'cameras' / 'mapping.txt'}: no camera setting for {name}")
    cameras = aistpp.read_cameras(root / "cameras" / f"{setting}.json")
    rotations = torch.tensor(np.stack([camera.rotation for camera in cameras]))
    return camera_heading(axis_angle_to_matrix(rotations)).numpy()
