"""AMASS archives (Mahmood et al. 2019), unpacked: SMPL-H or SMPL-X npz of any rate."""

from __future__ import annotations

from pathlib import Path

import torch

from vimoflow.conventions import MODEL_FPS
from vimoflow.data.recording import Recording
from vimoflow.data.splits import AMASS_SUBSETS, amass_split
from vimoflow.errors import InputError
from vimoflow.formats.amass_npz import read_amass
from vimoflow.formats.motion_units import Up
from vimoflow.motion.canonical import canonical_motion
from vimoflow.motion.clip_resampling import resample_motion

# Shapes of the subjects and stages of the fit, which lie beside the motions.
_NOT_MOTIONS = ("shape", "_stagei", "_shape")


def list_amass(folder: Path) -> list[Path]:
    """The motion files below a folder, sorted; files of body shapes are left out.

    Raises:
        InputError: there are none.
    """
    files = [p for p in Path(folder).rglob("*.npz") if not p.stem.endswith(_NOT_MOTIONS)]
    if not files:
        raise InputError(f"{folder}: holds no AMASS motions (*.npz); unpack the archives there")
    return sorted(files)


def read_amass_file(path: Path, up: Up | None = None, unit: float | None = None) -> Recording:
    """One motion at 30 fps, its floor levelled; see ``formats.amass_npz`` for frames and sizes.

    The split follows the AMASS authors' usual one by the name of the data set among the folders
    (``splits.amass_split``): train, or validation with the group telling test from validation.

    Args:
        up, unit: what is up and metres in a unit, where files do not say.

    Raises:
        InputError: as :func:`read_amass`.
    """
    motion = resample_motion(read_amass(path, None, up, unit), MODEL_FPS)
    levelled = canonical_motion(
        torch.from_numpy(motion.local_rotations),
        torch.from_numpy(motion.trans).double() / motion.skeleton.scale,
        fps=MODEL_FPS,
    )
    name = _name(path)
    split = amass_split(name)
    if split == "train":
        return Recording(name, "amass", "train", levelled)
    return Recording(name, "amass", "validation", levelled, group=f"amass {split}")


def _name(path: Path) -> str:
    """From the data set's folder on, such as ``CMU/01/01_01_poses``; without one, the stem."""
    folders = path.parts[:-1]
    places = [i for i, folder in enumerate(folders) if folder in AMASS_SUBSETS]
    return "/".join((*folders[places[-1] :], path.stem)) if places else path.stem
