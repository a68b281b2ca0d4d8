"""AIST++ sequences with their real detections (thesis 3.2 ii and iv)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float

from vimoflow.conventions import MODEL_FPS
from vimoflow.data.recording import Recording
from vimoflow.data.splits import project_split
from vimoflow.errors import InputError
from vimoflow.formats import aistpp_files as aistpp
from vimoflow.geometry.cameras import camera_heading
from vimoflow.geometry.rotations import axis_angle_to_matrix, slerp_resample
from vimoflow.geometry.signals import linear_resample, runs_of_true
from vimoflow.geometry.triangulation import project_with_lens
from vimoflow.motion.canonical import canonical_motion
from vimoflow.motion.clip import Motion
from vimoflow.motion.kinematics import coco_points, forward_kinematics
from vimoflow.motion.skeleton import COCO_LIMBS, load_skeleton

GOOD_CONFIDENCE = 0.5  # mean over a view's shoulders to ankles
_EVERY = 2  # 60 -> 30 fps by every second frame
_LONGEST_BRIDGE = 15  # missing frames in a row at 30 fps that are interpolated, half a second


@dataclass(frozen=True)
class AistReport:
    """What was found wrong with a sequence that is used all the same; counts at 30 fps.

    Attributes:
        name: the sequence.
        bridged_frames: frames without an SMPL pose, which are interpolated.
        untriangulated_points: points of ``keypoints3d_optim`` that are missing; the skeleton's own
            stand in for them.
        missing_frames: of each view, frames in which the detector found nobody (confidence 0).
        confidence: of each view, the mean over shoulders to ankles, missing points counting 0.
        off_px: of each view, the median distance in pixels of all detected shoulders to ankles
            from the posed skeleton, seen by the sequence's own camera; NaN where none is detected.
    """

    name: str
    bridged_frames: int
    untriangulated_points: int
    missing_frames: tuple[int, ...]
    confidence: tuple[float, ...]
    off_px: tuple[float, ...]

    @property
    def good_views(self) -> tuple[int, ...]:
        """Indices of the views whose detections can be trusted by their own confidence."""
        return tuple(v for v, c in enumerate(self.confidence) if c >= GOOD_CONFIDENCE)

    @property
    def remarks(self) -> tuple[str, ...]:
        """One line for each thing a user should know; none for a flawless sequence."""
        lines = []
        if self.bridged_frames:
            lines.append(f"{self.name}: {self.bridged_frames} frames without a pose, interpolated")
        if self.untriangulated_points:
            lines.append(
                f"{self.name}: {self.untriangulated_points} points of keypoints3d missing, "
                "the skeleton's own used"
            )
        for view, frames in enumerate(self.missing_frames):
            if frames:
                lines.append(f"{self.name}: view {view + 1} has {frames} frames without detections")
        poor = [v + 1 for v in range(len(self.confidence)) if v not in self.good_views]
        if poor:
            numbers = ", ".join(map(str, poor))
            lines.append(
                f"{self.name}: mean confidence below {GOOD_CONFIDENCE:g} in views {numbers}, "
                "kept with the confidence they state"
            )
        return tuple(lines)


def list_aistpp(folder: Path) -> list[Path]:
    """Motion files of an AIST++ folder, sorted; reading one on the ignore list says so."""
    return sorted((folder / "motions").glob("*.pkl"))


def read_aistpp_file(path: Path) -> Recording:
    """One sequence: SMPL motion at 30 fps and, where they exist, the nine views' detections.

    Short gaps of the motion are interpolated. Missing detections have confidence 0, and views of
    low confidence stay, as their confidence tells what to make of them; :func:`report_aistpp_file`
    lists both.

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
        name, "aistpp", split, motion, keypoints.astype(np.float32), headings, group, truth
    )


def report_aistpp_file(path: Path) -> AistReport:
    """What is missing or doubtful in a sequence, and how well its views fit the posed skeleton.

    The skeleton is our canonical one at the sequence's own scale (``smpl_scaling``), filmed by the
    sequence's own cameras with their distortion; nothing is fitted to the detections.

    Raises:
        InputError: a damaged file.
    """
    name, root = path.stem, path.parents[1]
    source = aistpp.read_motion(path)
    R, pelvis, missing = _every_second_pose(source, path)
    optimised = root / "keypoints3d" / f"{name}.pkl"
    untriangulated = 0
    if optimised.is_file():
        points = aistpp.read_keypoints3d(optimised)[::_EVERY]
        untriangulated = int((~np.isfinite(points).all(-1)).sum())
    detections = root / "keypoints2d" / f"{name}.pkl"
    if not detections.is_file():
        return AistReport(name, int(missing.sum()), untriangulated, (), (), ())
    cameras = _cameras(root, name)
    keypoints = _detections(detections, len(cameras), len(R))
    limbs = keypoints[:, :, list(COCO_LIMBS)]
    own = coco_points(*forward_kinematics(R, pelvis))[:, list(COCO_LIMBS)].flatten(0, 1)
    pixels = project_with_lens(aistpp.calibrated_cameras(cameras, source.scaling), own)
    off_px = np.linalg.norm(pixels.numpy().reshape(*limbs.shape[:3], 2) - limbs[..., :2], axis=-1)
    seen = limbs[..., 2] > 0
    return AistReport(
        name=name,
        bridged_frames=int(missing.sum()),
        untriangulated_points=untriangulated,
        missing_frames=tuple((keypoints[..., 2] <= 0).all(-1).sum(-1).tolist()),
        confidence=tuple(limbs[..., 2].clip(0, 1).mean((1, 2)).tolist()),
        off_px=tuple(
            float(np.median(off[detected])) if detected.any() else float("nan")
            for off, detected in zip(off_px, seen, strict=True)
        ),
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
