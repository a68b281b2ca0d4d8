"""Corpora that come as BVH: Bandai-Namco 1 and 2, CMU, LaFAN1, ReActIdle, MASS, karate.

``list_<corpus>`` names the files, ``read_<corpus>_file`` reads one of them (a pure function, fit
for a pool of processes), ``read_<corpus>`` does both, one file after the other.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from lab.corpora.floors import lowest_floor, root_from_feet
from lab.corpora.knee_flips import mend_knee_flips
from vimoflow.data.recording import Recording, Split
from vimoflow.data.rig_maps import Body, Side, detect_rig_map, load_rig_map
from vimoflow.data.rigs.motion_axes import measured_hinge
from vimoflow.data.rigs.swings import as_axis
from vimoflow.data.sources.bvh import RiggedBvh, named, onto_skeleton, rigged_bvh
from vimoflow.errors import InputError
from vimoflow.formats.bvh_reader import read_bvh
from vimoflow.motion.canonical import Floor, canonical_motion
from vimoflow.motion.clip import Motion
from vimoflow.motion.floor import fit_floor
from vimoflow.motion.source import SourceMotion

CMU_TEST_TAKES = ("005_20", "60_12", "61_12")
CMU_DAMAGED = {
    "07_12": "a walk with the strides of a sprint, on feet that slide",
    "09_10": "legs and arms fly about",
}
_UNITS_M = (0.01, 0.0254 / 0.45)  # of CMU's two conversions: centimetres; the ASF files' own unit
_ASF_HEAD = Body("Head", up=(0.0, 0.955, -0.297))  # pitched under a level head, median of training
IDLE_VALIDATION = ("012_genuine", "014_genuine", "015_genuine")


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


def list_cmu_more(folder: Path) -> list[Path]:
    """Takes of CMU subjects on two rigs below a folder, sorted (``01_01.bvh`` ...)."""
    return _list(folder, "[0-9][0-9]_[0-9][0-9].bvh", "CMU")


def read_cmu_more_file(path: Path) -> Recording:
    """One take (30 fps), in centimetres or in CMU's own unit.

    The first frame is a T-pose that the converter put before the motion: it is left out.
    """
    if path.stem in CMU_DAMAGED:
        raise InputError(f"{path}: {CMU_DAMAGED[path.stem]}")
    bvh = read_bvh(path)
    bvh = dataclasses.replace(bvh, values=bvh.values[1:])
    asf = "LHipJoint" in bvh.names
    try:
        rig_map = detect_rig_map(bvh)
        posed = rigged_bvh(bvh, dataclasses.replace(rig_map, metres_per_unit=_UNITS_M[asf]))
    except InputError as error:
        raise named(path, error) from None
    if asf:
        posed = dataclasses.replace(posed, rig=dataclasses.replace(posed.rig, head=_ASF_HEAD))
    else:
        posed = _arms_turned_round(posed)
    split = cmu_more_split(path.stem)
    return _recording(path, "cmu-more", split, posed, name_prefix="cmu_", floor=lowest_floor)


def _arms_turned_round(posed: RiggedBvh) -> RiggedBvh:
    """In a few takes an arm is turned by half about its length: its elbow would bend backwards."""
    rig, source = posed.rig, posed.source
    left, right = _forward_elbow(source, rig.left, -1.0), _forward_elbow(source, rig.right, 1.0)
    return dataclasses.replace(posed, rig=dataclasses.replace(rig, left=left, right=right))


def _forward_elbow(source: SourceMotion, side: Side, forward: float) -> Side:
    """The side whose hinge is measured, if that lies against ``forward`` along Y."""
    shoulder, elbow, wrist = side.shoulder, side.elbow, str(side.wrist)
    hinge = measured_hinge(source, shoulder.name, elbow.name, wrist)
    if hinge is None or hinge[1] * forward > 0:
        return side
    axis = as_axis(hinge)
    return dataclasses.replace(
        side,
        shoulder=dataclasses.replace(shoulder, hinge=axis),
        elbow=dataclasses.replace(elbow, hinge=axis),
    )


def cmu_more_split(take: str) -> Split:
    """Split of a take such as "13_30": numbers that end in 0, and subject 14 from 20 on."""
    subject, number = take.split("_")
    held_out = number.endswith("0") or (subject == "14" and int(number) >= 20)
    return "validation" if held_out else "train"


def list_lafan1(folder: Path) -> list[Path]:
    """LaFAN1's takes below a folder, sorted."""
    return _list(folder, "*_subject[1-5].bvh", "LaFAN1")


def read_lafan1_file(path: Path) -> Recording:
    """One take (centimetres, 30 fps); its first frame is a T-pose, from which people walk off."""
    posed = _posed(path, "lafan1")
    return _recording(path, "lafan1", lafan1_split(path.stem), posed, floor=lowest_floor)


def lafan1_split(take: str) -> Split:
    """Split of a take such as "walk4_subject1": the fifth person and one obstacle course."""
    held_out = take.endswith("_subject5") or take == "obstacles3_subject4"
    return "validation" if held_out else "train"


def list_idle(folder: Path) -> list[Path]:
    """ReActIdle's takes below a folder, sorted."""
    return sorted(
        _list(folder, "[0-9][0-9][0-9]_acted.bvh", "ReActIdle")
        + _list(folder, "[0-9][0-9][0-9]_genuine.bvh", "ReActIdle")
    )


def read_idle_file(path: Path) -> Recording:
    """One take (metres, 24 fps)."""
    split: Split = "validation" if path.stem in IDLE_VALIDATION else "train"
    return _recording(path, "idle", split, _posed(path, "idle"), name_prefix="idle_")


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
    path: Path,
    corpus: str,
    split: Split,
    posed: RiggedBvh,
    group: str = "",
    name_prefix: str = "",
    floor: Floor = fit_floor,
) -> Recording:
    try:
        motion, report = onto_skeleton(posed, floor=floor)
    except InputError as error:
        raise named(path, error) from None
    return Recording(name_prefix + path.stem, corpus, split, motion, group=group, retarget=report)
