"""AIST++ sequences with their real detections (thesis 3.2 ii and iv)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float

from lab.corpora import aistpp_files as aistpp
from lab.corpora.aist_names import project_split
from vimoflow.conventions import MODEL_FPS
from vimoflow.data.recording import Recording
from vimoflow.errors import InputError
from vimoflow.geometry.cameras import camera_heading
from vimoflow.geometry.rotations import axis_angle_to_matrix, slerp_resample
from vimoflow.geometry.signals import linear_resample, runs_of_true
from vimoflow.motion.canonical import canonical_motion
from vimoflow.motion.clip import Motion
from vimoflow.motion.kinematics import coco_points, forward_kinematics
from vimoflow.motion.skeleton import load_skeleton

_EVERY = 2  # 60 -> 30 fps by every second frame
_LONGEST_BRIDGE = 15  # missing frames in a row at 30 fps that are interpolated, half a second


def list_aistpp(folder: Path) -> list[Path]:
    """Motion files of an AIST++ folder, sorted; reading one on the ignore list says so."""
    return sorted((folder / "motions").glob("*.pkl"))


def read_aistpp_file(path: Path) -> Recording:
    """One sequence: SMPL motion at 30 fps and, where they exist, the nine views' detections.

    Short gaps of the motion are interpolated. Missing detections have confidence 0, and views of
    low confidence stay, as their confidence tells what to make of them.

    Raises:
        InputError: a damaged file, one on the ignore list, or a gap longer than half a second.
    """
    name, root = path.stem, path.parents[1]
    if name in _ignored(root):
        raise InputError(f"{path}: on AIST++'s ignore list")
    source = aistpp.read_motion(path)
    R, pelvis, missing = _every_second_pose(source, path)
    longest = max((end - first for first, end in runs_of_true(missing)), default=0)
    if longest > _LONGEST_BRIDGE:
        raise InputError(f"{path}: no pose for {longest / MODEL_FPS:.1f} s, too long to bridge")
    motion = canonical_motion(R, pelvis, fps=MODEL_FPS)
    truth = _triangulated(root, name, source.scaling, motion)
    split = project_split(name)
    group = {"gBR_sBM_cAll_d04_mBR2_ch08": "floor work"}.get(name, "")
    detections = root / "keypoints2d" / f"{name}.pkl"
    if not detections.is_file():
        return Recording(name, "aistpp", split, motion, group=group, coco_truth=truth)
    cameras = _cameras(root, name)
    keypoints = _detections(detections, len(cameras), len(motion))
    headings = camera_heading(aistpp.calibrated_cameras(cameras).R_camera_world).numpy()
    return Recording(
        name,
        "aistpp",
        split,
        motion,
        keypoints.astype(np.float32),
        headings,
        group,
        truth,
        lens_of_view=aistpp.lenses(cameras),
    )


def _ignored(root: Path) -> frozenset[str]:
    """Names on the ignore list, which Google keeps in the root and EDGE among the splits."""
    places = (root / "ignore_list.txt", root / "splits" / "ignore_list.txt")
    return frozenset().union(*(aistpp.read_name_list(p) for p in places if p.is_file()))


def _every_second_pose(
    source: aistpp.AistMotion, path: Path
) -> tuple[Float[torch.Tensor, "frames 24 3 3"], Float[torch.Tensor, "frames 3"], np.ndarray]:
    """Local rotations, the pelvis in metres (floor as in the file), and which frames are bridged.

    Raises:
        InputError: no frame to keep.
    """
    poses = source.poses[::_EVERY]
    shift = np.array(load_skeleton().smpl_trans_to_pelvis)
    pelvis = source.trans[::_EVERY] / source.scaling + shift
    missing = np.isnan(pelvis).any(-1)
    if missing.all():
        raise InputError(f"{path}: every second frame is NaN")
    times = torch.arange(len(poses), dtype=torch.float64)
    known = torch.from_numpy(~missing)
    R = axis_angle_to_matrix(torch.from_numpy(poses))
    root = torch.from_numpy(pelvis)
    if missing.any():
        R = slerp_resample(R[known], times[known], times)
        root = linear_resample(root[known], times[known], times)
    return R, root, missing


def _detections(path: Path, views: int, frames: int) -> Float[np.ndarray, "views frames 17 3"]:
    keypoints = aistpp.read_keypoints2d(path)[:, ::_EVERY]
    if keypoints.shape[1] != frames:
        raise InputError(f"{path}: {keypoints.shape[1]} frames, the motion {frames}")
    if len(keypoints) != views:
        raise InputError(f"{path}: {len(keypoints)} views, the camera setting has {views}")
    return keypoints


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


def _cameras(root: Path, name: str) -> tuple[aistpp.AistCamera, ...]:
    setting = aistpp.read_camera_mapping(root / "cameras").get(name)
    if setting is None:
        raise InputError(f"{root / 'cameras' / 'mapping.txt'}: no camera setting for {name}")
    return aistpp.read_cameras(root / "cameras" / f"{setting}.json")
