"""Corpora that come as BVH: Bandai-Namco 1 and 2, CMU dances, MASS acrobatics, karate.

``list_<corpus>`` names the files, ``read_<corpus>_file`` reads one of them (a pure function, fit
for a pool of processes), ``read_<corpus>`` does both, one file after the other.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from vimoflow.data.recording import Recording, Split
from vimoflow.data.rig_maps import load_rig_map
from vimoflow.data.sources.bvh import RiggedBvh, named, onto_skeleton, rigged_bvh
from vimoflow.data.sources.knee_flips import mend_knee_flips
from vimoflow.errors import InputError
from vimoflow.formats.bvh_reader import read_bvh
from vimoflow.motion.canonical import canonical_motion
from vimoflow.motion.clip import Motion
from vimoflow.motion.floor import root_from_feet
from vimoflow.motion.source import SourceMotion

CMU_TEST_TAKES = ("005_20", "60_12", "61_12")


def list_bandai_namco(folder: Path) -> list[Path]:
    """Files of Bandai-Namco-Research-Motiondataset-1 and -2 below a folder, sorted."""
    return _list(folder, "dataset-[12]_*.bvh", "Bandai-Namco")


def read_bandai_namco_file(path: Path) -> Recording:
    """One take (centimetres, 30 fps)."""
    split, group = bandai_namco_split(path.stem)
    return _recording(path, "bandai-namco", split, _posed(path, "bandai-namco"), group)


def bandai_namco_split(take: str) -> tuple[Split, str]:
    """Split and group of a take by its name, such as "dataset-2_walk_elderly_010".

    Validation: takes of data set 2 whose number ends in 0, and its style "elderly" (group
    "elderly"), which is never trained on.
    """
    if not take.startswith("dataset-2_"):
        return "train", ""
    if "_elderly_" in take:
        return "validation", "elderly"
    return ("validation" if take.endswith("0") else "train"), ""


def read_bandai_namco(folder: Path) -> Iterator[Recording]:
    """All takes of both Bandai-Namco data sets below a folder."""
    return map(read_bandai_namco_file, list_bandai_namco(folder))


def list_cmu_dance(folder: Path) -> list[Path]:
    """Modern dance (subject 05) and salsa (60, 61) of CMU below a folder, sorted."""
    return sorted(
        _list(folder, "005_*.bvh", "CMU modern dance")
        + _list(folder, "6[01]_*_scaled.bvh", "CMU salsa")
    )


def read_cmu_dance_file(path: Path) -> Recording:
    """One take: subject 05 (centimetres, 60 fps) or salsa (60 fps whatever the header says)."""
    take = path.stem.removesuffix("_scaled")
    modern = take.startswith("005_")
    posed = _posed(path, "cmu-cc" if modern else "cmu-salsa")
    if modern:
        mended = _mend_modern(posed.source)
        if not np.array_equal(mended.p_world_joint, posed.source.p_world_joint):
            # The feet's own rotation jumps with the knee, but by another angle: not to be mended.
            stiff = dataclasses.replace(posed.rig, stiff_feet=True)
            posed = dataclasses.replace(posed, source=mended, rig=stiff)
    return _recording(path, "cmu-dance", cmu_dance_split(take), posed)


def cmu_dance_split(take: str) -> Split:
    """Split of a take such as "005_20" or "60_12"."""
    return "validation" if take in CMU_TEST_TAKES else "train"


def _mend_modern(source: SourceMotion) -> SourceMotion:
    """Subject 05's knees jump behind the leg and back on many frames: the rig's solver."""
    pelvis = source.joint_names.index("CC_Base_Hip")
    forward = source.R_world_joint[:, pelvis, :, 2]
    for side in ("L", "R"):
        name = f"CC_Base_{side}_"
        source = mend_knee_flips(source, name + "Thigh", name + "Calf", name + "Foot", forward)
    return source


def read_cmu_dance(folder: Path) -> Iterator[Recording]:
    """All CMU dances below a folder."""
    return map(read_cmu_dance_file, list_cmu_dance(folder))


def list_mass(folder: Path) -> list[Path]:
    """BVH files of MASS' acrobatics below a folder, sorted."""
    return _list(folder, "mass/*.bvh", "MASS")


def read_mass_file(path: Path) -> Recording:
    """One clip (centimetres, 120 fps)."""
    return _recording(path, "mass", "train", _posed(path, "mass"), name_prefix="mass_")


def read_mass(folder: Path) -> Iterator[Recording]:
    """All MASS clips below a folder."""
    return map(read_mass_file, list_mass(folder))


def list_karate(folder: Path) -> list[Path]:
    """Karate techniques below a folder, sorted."""
    return _list(folder, "ShoriunRiu_*.bvh", "karate")


def read_karate_file(path: Path) -> Recording:
    """One technique (centimetres, 100 fps). No licence is stated: validation only, never trained.

    The files hold no path of the root (the hips hang at one point): it is made from the feet.
    """
    recording = _recording(path, "karate", "validation", _posed(path, "karate"))
    return dataclasses.replace(recording, motion=_walk_on_feet(recording.motion))


def _walk_on_feet(motion: Motion) -> Motion:
    shift = root_from_feet(torch.from_numpy(motion.joint_positions))
    root = torch.from_numpy(motion.trans) + shift
    return canonical_motion(torch.from_numpy(motion.local_rotations), root, motion.fps)


def read_karate(folder: Path) -> Iterator[Recording]:
    """All karate techniques below a folder."""
    return map(read_karate_file, list_karate(folder))


def _list(folder: Path, pattern: str, what: str) -> list[Path]:
    files = sorted(Path(folder).rglob(pattern))
    if not files:
        raise InputError(f"{folder}: holds no {what} files ({pattern}); unpack the archive there")
    return files


def _posed(path: Path, rig: str) -> RiggedBvh:
    rig_map = load_rig_map(rig)
    try:
        return rigged_bvh(read_bvh(path), rig_map, rig_map.fps)
    except InputError as error:
        raise named(path, error) from None


def _recording(
    path: Path, corpus: str, split: Split, posed: RiggedBvh, group: str = "", name_prefix: str = ""
) -> Recording:
    try:
        motion, report = onto_skeleton(posed)
    except InputError as error:
        raise named(path, error) from None
    return Recording(name_prefix + path.stem, corpus, split, motion, group=group, retarget=report)
