"""Tang2018 ballroom dances: SMPL-style npz at 25 fps."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path

import numpy as np
import torch

from lab.corpora.floors import drifting_floor
from vimoflow.conventions import MODEL_FPS
from vimoflow.data.recording import Recording, Split
from vimoflow.errors import InputError
from vimoflow.geometry.rotations import axis_angle_to_matrix, slerp_resample
from vimoflow.geometry.signals import linear_resample
from vimoflow.motion.canonical import canonical_motion

VALIDATION = frozenset({"DANCE_C_8", "DANCE_R_9", "DANCE_T_9", "DANCE_W_9"})
# What numpy raises for files that are not npz, cut, or hold something else than numbers.
_UNREADABLE = (
    OSError, ValueError, KeyError, TypeError, AttributeError, EOFError, zipfile.BadZipFile,
    zlib.error,
)  # fmt: skip
_JUMP = 0.35  # metres the pelvis moves in one frame of a bad stretch


def list_tang2018(folder: Path) -> list[Path]:
    """The npz files of the corpus."""
    return sorted(folder.glob("DANCE_*.npz"))


def read_tang2018_file(path: Path) -> Recording:
    """One dance at 30 fps; NaN frames and jumps are bridged by interpolation.

    The tracked root height wanders by decimetres, so the floor is taken out as it drifts.
    """
    try:
        with np.load(path, allow_pickle=False) as data:
            poses, trans, fps = data["poses"], data["trans"], float(data["fps"])
    except _UNREADABLE as error:
        raise InputError(f"{path}: not a Tang2018 npz with poses, trans and fps") from error
    if poses.ndim != 2 or poses.shape[1] != 72 or trans.shape != (len(poses), 3) or fps <= 0:
        raise InputError(f"{path}: poses {poses.shape} and trans {trans.shape} do not fit")
    good = np.isfinite(poses).all(1) & np.isfinite(trans).all(1)
    step = np.linalg.norm(np.diff(trans, axis=0, prepend=trans[:1]), axis=1)
    good &= ~(step > _JUMP)
    if good.sum() < 2:
        raise InputError(f"{path}: no finite frames")
    times = torch.arange(len(poses), dtype=torch.float64) / fps
    new_times = torch.arange(int(float(times[-1]) * MODEL_FPS) + 1, dtype=torch.float64) / MODEL_FPS
    kept = torch.from_numpy(good)
    rotations = axis_angle_to_matrix(torch.from_numpy(poses[good]).double().unflatten(1, (24, 3)))
    motion = canonical_motion(
        slerp_resample(rotations, times[kept], new_times),
        linear_resample(torch.from_numpy(trans[good]).double(), times[kept], new_times),
        fps=MODEL_FPS,
        floor=drifting_floor,
    )
    split: Split = "validation" if path.stem in VALIDATION else "train"
    return Recording(path.stem, "tang2018", split, motion)
