"""AIST++ as distributed (Li et al. 2021): pickles, camera settings, splits.

The pickles are read by ``vimoflow.pickles``, which runs nothing.
Lengths are converted to metres here: keypoints3d, camera and SMPL translations are all in units of
``smpl_scaling`` (about 90 to the metre, one value a sequence), which DESIGN section 4 explains.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float

from lab.calibrated.triangulation import CalibratedCameras
from vimoflow import pickles
from vimoflow.errors import InputError
from vimoflow.geometry.rotations import axis_angle_to_matrix
from vimoflow.keypoints.aistpp_views import read_keypoints2d as read_keypoints2d


@dataclass(frozen=True)
class AistCamera:
    """One calibrated view; lengths still in the sequence's own units (see the module's text)."""

    name: str
    matrix: Float[np.ndarray, "3 3"]
    distortion: Float[np.ndarray, "5"]
    rotation: Float[np.ndarray, "3"]
    translation: Float[np.ndarray, "3"]
    size: tuple[int, int]


@dataclass(frozen=True)
class AistMotion:
    """SMPL poses (axis-angle, radians), SMPL translation and scale of one sequence.

    Frames that the file has no finite numbers for are NaN throughout, pose and translation.
    """

    poses: Float[np.ndarray, "frames 24 3"]
    trans: Float[np.ndarray, "frames 3"]
    scaling: float


def read_keypoints3d(path: Path) -> Float[np.ndarray, "frames 17 3"]:
    """The optimised 3D COCO points at 60 fps, in the sequence's own units; NaN where missing."""
    return pickles.array_field(pickles.load(path), "keypoints3d_optim", path, (17, 3))


def read_motion(path: Path) -> AistMotion:
    """SMPL poses and translation at 60 fps."""
    data = pickles.load(path)
    poses = pickles.array_field(data, "smpl_poses", path, (72,))
    trans = pickles.array_field(data, "smpl_trans", path, (3,))
    scaling = pickles.array_field(data, "smpl_scaling", path, ()).reshape(-1)
    if len(scaling) != 1 or not 10 < scaling[0] < 1000:
        raise InputError(f"{path}: field 'smpl_scaling' is {scaling}, expected one, about 90")
    if poses.ndim != 2 or not len(poses) or trans.shape != (len(poses), 3):
        raise InputError(
            f"{path}: fields 'smpl_poses' {poses.shape} and 'smpl_trans' {trans.shape} do not fit"
        )
    missing = ~(np.isfinite(poses).all(1) & np.isfinite(trans).all(1))
    if missing.all():
        raise InputError(f"{path}: 'smpl_poses' or 'smpl_trans' holds NaN or infinite values only")
    poses[missing], trans[missing] = np.nan, np.nan
    return AistMotion(poses.reshape(len(poses), 24, 3), trans, float(scaling[0]))


def read_camera_mapping(folder: Path) -> dict[str, str]:
    """Sequence name to camera setting, from ``cameras/mapping.txt``."""
    path = folder / "mapping.txt"
    try:
        lines = path.read_text("utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read, expected 'SEQUENCE SETTING' lines") from error
    pairs = (line.split() for line in lines if line.strip())
    return {pair[0]: pair[1] for pair in pairs if len(pair) == 2}


def read_cameras(path: Path) -> tuple[AistCamera, ...]:
    """All views of one camera setting."""
    try:
        views = json.loads(path.read_text("utf-8"))
        return tuple(
            AistCamera(
                name=str(view["name"]),
                matrix=np.array(view["matrix"], dtype=float).reshape(3, 3),
                distortion=np.array(view["distortions"], dtype=float).reshape(5),
                rotation=np.array(view["rotation"], dtype=float).reshape(3),
                translation=np.array(view["translation"], dtype=float).reshape(3),
                size=(int(view["size"][0]), int(view["size"][1])),
            )
            for view in views
        )
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise InputError(f"{path}: not an AIST++ camera setting ({error})") from error


def calibrated_cameras(views: Sequence[AistCamera], scaling: float = 1.0) -> CalibratedCameras:
    """The views with their lenses, float64; in metres where ``scaling`` is the sequence's."""
    distortion = np.pad(np.stack([view.distortion for view in views]), ((0, 0), (0, 3)))
    rotations = torch.from_numpy(np.stack([view.rotation for view in views]))
    return CalibratedCameras(
        matrix_px=torch.from_numpy(np.stack([view.matrix for view in views])),
        distortion=torch.from_numpy(distortion),
        R_camera_world=axis_angle_to_matrix(rotations),
        t_camera_world=torch.from_numpy(np.stack([view.translation for view in views]) / scaling),
    )


def lenses(views: Sequence[AistCamera]) -> Float[np.ndarray, "views 6"]:
    """Focal length and principal point in pixels, and the world's down in each camera's frame."""
    cameras = calibrated_cameras(views)
    focal = 0.5 * (cameras.matrix_px[:, 0, 0] + cameras.matrix_px[:, 1, 1])
    parts = (focal[:, None], cameras.matrix_px[:, :2, 2], -cameras.R_camera_world[..., 1])
    return torch.cat(parts, dim=1).float().numpy()


def read_name_list(path: Path) -> frozenset[str]:
    """Sequence names of a split file or of ``ignore_list.txt``, one a line."""
    try:
        return frozenset(path.read_text("utf-8").split())
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read, expected one sequence name a line") from error
