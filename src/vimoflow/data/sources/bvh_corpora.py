"""Corpora that come as BVH: Bandai-Namco 1 and 2, CMU dances, MASS acrobatics, karate.

``list_<corpus>`` names the files, ``read_<corpus>_file`` reads one of them (a pure function, fit
for a pool of processes), ``read_<corpus>`` does both, one file after the other.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from vimoflow.data import rig_maps
from vimoflow.data.recording import Recording, Split
from vimoflow.data.sources.knee_flips import mend_knee_flips
from vimoflow.errors import InputError
from vimoflow.formats.bvh import bvh_to_source_motion, read_bvh
from vimoflow.motion.canonical import canonical_motion
from vimoflow.motion.clip import Motion
from vimoflow.motion.floor import root_from_feet
from vimoflow.motion.retarget import retarget
from vimoflow.motion.skeleton import load_skeleton
from vimoflow.motion.source import JointMap, SourceMotion

# A leg (hip to ankle), metres: 0.64 in the salsa files, which are scaled to a small figure, to
# 0.98. Outside, the unit is not what the corpus declares or the file was scaled apart from its
# corpus. A change of scale within a file shows as bones that change their length.
LEG_RANGE_M = (0.55, 1.10)
BONE_STRETCH = 0.02
CMU_TEST_TAKES = ("005_20", "60_12", "61_12")
KARATE_FPS = 100.0  # the headers say 0.0, or 0.01 s
SALSA_FPS = 60.0  # the headers say 120; CMU's own table of the takes says 60


def list_bandai_namco(folder: Path) -> list[Path]:
    """Files of Bandai-Namco-Research-Motiondataset-1 and -2 below a folder, sorted."""
    return _list(folder, "dataset-[12]_*.bvh", "Bandai-Namco")


def read_bandai_namco_file(path: Path) -> Recording:
    """One take (centimetres, 30 fps)."""
    source = bvh_to_source_motion(read_bvh(path), 0.01)
    split, group = bandai_namco_split(path.stem)
    return _recording(path, "bandai-namco", split, source, "BANDAI_NAMCO", group)


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
    fps = None if modern else SALSA_FPS
    source = bvh_to_source_motion(read_bvh(path), 0.01 if modern else 1.0, fps)
    rig = "CMU_MODERN" if modern else "CMU_SALSA"
    if modern:
        mended = _mend_modern(source)
        if not np.array_equal(mended.p_world_joint, source.p_world_joint):
            # The feet's own rotation jumps with the knee, but by another angle: not to be mended.
            rig, source = "CMU_MODERN_STIFF_FEET", mended
    split = cmu_dance_split(take)
    return _recording(path, "cmu-dance", split, source, rig)


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
    source = bvh_to_source_motion(read_bvh(path), 0.01)
    return _recording(path, "mass", "train", source, "MASS", name_prefix="mass_")


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
    source = bvh_to_source_motion(read_bvh(path), 0.01, KARATE_FPS)
    recording = _recording(path, "karate", "validation", source, "KARATE")
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


def _recording(
    path: Path,
    corpus: str,
    split: Split,
    source: SourceMotion,
    rig: str,
    group: str = "",
    name_prefix: str = "",
) -> Recording:
    try:
        motion, report = retarget(source, _joint_map(rig))
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    leg = load_skeleton().leg_length / report.scale
    if not LEG_RANGE_M[0] <= leg <= LEG_RANGE_M[1]:
        raise InputError(f"{path}: a leg of {leg:.2f} m; the file's unit or scale is wrong")
    if report.bone_stretch > BONE_STRETCH:
        raise InputError(f"{path}: bones change their length by {report.bone_stretch:.0%}")
    return Recording(name_prefix + path.stem, corpus, split, motion, group=group)


@functools.cache
def _joint_map(rig: str) -> JointMap:
    return rig_maps.joint_map(getattr(rig_maps, rig))
