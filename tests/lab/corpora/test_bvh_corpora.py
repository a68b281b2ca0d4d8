"""The BVH corpora: splits by name, and a few real files of each archive."""

from __future__ import annotations

import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from lab.corpora import bvh_corpora
from lab.rigs.rig_examples import (
    SyntheticRig,
    performance,
    rest_frames,
    to_bvh,
    world_positions,
    world_rotations,
)
from vimoflow.data.recording import Recording
from vimoflow.errors import InputError
from vimoflow.geometry.rotations import geodesic_angle
from vimoflow.motion.skeleton import joint

Reader = Callable[[Path], Recording]


@pytest.mark.parametrize(
    ("take", "expected"),
    [
        ("dataset-1_bow_active_001", ("train", "")),
        ("dataset-1_walk_elderly_010", ("train", "")),
        ("dataset-2_walk_normal_010", ("validation", "")),
        ("dataset-2_walk_normal_101", ("train", "")),
        ("dataset-2_walk-turn-left_elderly_003", ("validation", "elderly")),
        ("dataset-2_walk-turn-left_elderly_030", ("validation", "elderly")),
    ],
)
def test_bandai_namco_splits_by_number_and_style(take: str, expected: tuple[str, str]) -> None:
    assert bvh_corpora.bandai_namco_split(take) == expected


def test_cmu_holds_out_three_takes() -> None:
    takes = [f"005_{n:02d}" for n in range(1, 21)]
    takes += [f"{s}_{n:02d}" for s in (60, 61) for n in range(1, 16)]
    held_out = [t for t in takes if bvh_corpora.cmu_dance_split(t) == "validation"]
    assert held_out == ["005_20", "60_12", "61_12"]


@pytest.mark.parametrize(
    ("take", "expected"),
    [
        ("01_01", "train"), ("13_30", "validation"), ("02_10", "validation"),
        ("14_19", "train"), ("14_21", "validation"), ("13_21", "train"),
    ],
)  # fmt: skip
def test_cmu_more_holds_out_tens_and_the_end_of_subject_14(take: str, expected: str) -> None:
    assert bvh_corpora.cmu_more_split(take) == expected


@pytest.mark.parametrize(
    ("take", "expected"),
    [
        ("walk4_subject1", "train"), ("ground1_subject5", "validation"),
        ("obstacles3_subject4", "validation"), ("obstacles3_subject3", "train"),
        ("fallAndGetUp1_subject4", "train"),
    ],
)  # fmt: skip
def test_lafan1_holds_out_a_person_and_a_course(take: str, expected: str) -> None:
    assert bvh_corpora.lafan1_split(take) == expected


@pytest.mark.parametrize(
    "list_files",
    [
        bvh_corpora.list_cmu_more,
        bvh_corpora.list_lafan1,
        bvh_corpora.list_idle,
        bvh_corpora.list_bandai_namco,
        bvh_corpora.list_cmu_dance,
        bvh_corpora.list_mass,
        bvh_corpora.list_karate,
    ],
)
def test_a_folder_without_the_corpus_is_said(
    tmp_path: Path, list_files: Callable[[Path], list[Path]]
) -> None:
    with pytest.raises(InputError, match="unpack"):
        list_files(tmp_path)


def unpack(archive: Path, suffix: str, count: int, folder: Path) -> list[Path]:
    """The first few members of an archive whose names end in ``suffix``."""
    found: list[Path] = []
    with tarfile.open(archive) as stream:
        for member in stream:
            if not member.name.endswith(suffix):
                continue
            target = folder / Path(member.name).parent.name / Path(member.name).name
            target.parent.mkdir(parents=True, exist_ok=True)
            extracted = stream.extractfile(member)
            assert extracted is not None
            target.write_bytes(extracted.read())
            found.append(target)
            if len(found) == count:
                break
    return found


CORPORA = {
    "bandai-namco-1": (".bvh", bvh_corpora.read_bandai_namco_file, 30.0),
    "bandai-namco-2": (".bvh", bvh_corpora.read_bandai_namco_file, 30.0),
    "cmu-more": ("_01.bvh", bvh_corpora.read_cmu_more_file, 30.0),
    "lafan1": ("walk4_subject1.bvh", bvh_corpora.read_lafan1_file, 30.0),
    "idle": ("genuine.bvh", bvh_corpora.read_idle_file, 24.0),
    "cmu-dance": ("005_02.bvh", bvh_corpora.read_cmu_dance_file, 60.0),
    "acrobatics": ("walk.bvh", bvh_corpora.read_mass_file, 120.0),
    "karate-validation": (".bvh", bvh_corpora.read_karate_file, 100.0),
}


@pytest.mark.parametrize("corpus", CORPORA)
def test_real_files_become_sane_motions(shared_data: Path, tmp_path: Path, corpus: str) -> None:
    suffix, read, source_fps = CORPORA[corpus]
    files = unpack(shared_data / f"{corpus}.tar.xz", suffix, 2, tmp_path)
    assert files
    for path in files:
        recording = read(path)
        motion = recording.motion
        declared = next(w for w in path.read_text().splitlines() if w.startswith("Frames:"))
        seconds = int(declared.split()[1]) / source_fps
        assert abs(len(motion) / 30 - seconds) < 0.05
        assert np.isfinite(motion.poses).all()
        p = motion.joint_positions
        # Upright people on the floor: the head well above the pelvis, feet at zero, none below.
        assert np.median(p[:, joint("head"), 1]) > 1.2
        assert p[:, :, 1].min() > -0.1
        assert np.abs(np.quantile(p[:, joint("left_foot"), 1], 0.1)) < 0.12
        # Knees flex backwards (positive about +X) and about nothing else.
        for side in ("left", "right"):
            knee = motion.poses[:, joint(f"{side}_knee")]
            assert np.quantile(knee[:, 0], 0.02) > -0.3
            assert np.quantile(np.abs(knee[:, 1:]), 0.95) < 0.3
        # Left is left: the left hip lies to the left of the way the pelvis faces.
        across = p[:, joint("left_hip")] - p[:, joint("right_hip")]
        forward = motion.local_rotations[:, 0, :, 2]
        assert (np.cross(across, forward)[:, 1] < 0).mean() > 0.9
        R = torch.from_numpy(motion.local_rotations)
        assert (geodesic_angle(R[:-1], R[1:]) * 30).max() < 60  # rad/s: nothing flips


def cmu_more_take(folder: Path, rig: SyntheticRig, units_per_metre: float) -> Path:
    """A take as converted: a T-pose, then the performance."""
    poses, root = performance()
    poses[0] = 0
    path = folder / "14_21.bvh"
    path.write_text(to_bvh(rig, poses, root, units_per_metre, 30.0))
    return path


DAZ_NAMES = {
    "pelvis": "hip", "spine1": "abdomen", "spine3": "chest", "neck": "neck", "head": "head",
} | {
    f"{side}_{part}": side[0] + name
    for side in ("left", "right")
    for part, name in {
        "collar": "Collar", "shoulder": "Shldr", "elbow": "ForeArm", "wrist": "Hand",
        "hip": "Thigh", "knee": "Shin", "ankle": "Foot",
    }.items()
}  # fmt: skip


def test_cmu_more_leaves_out_the_t_pose_before_the_motion(tmp_path: Path) -> None:
    rig = SyntheticRig(DAZ_NAMES, rest_frames(0.0, np.eye(3)))
    recording = bvh_corpora.read_cmu_more_file(cmu_more_take(tmp_path, rig, 100.0))
    assert recording.name == "cmu_14_21"
    assert recording.split == "validation"
    poses, root = performance()
    expected = world_positions(world_rotations(poses), root)[1:]
    ours = recording.motion.joint_positions
    assert len(ours) == len(expected)
    limbs = [joint(f"{s}_{p}") for s in ("left", "right") for p in ("knee", "ankle", "wrist")]
    relative = (ours - ours[:, :1])[:, limbs] - (expected - expected[:, :1])[:, limbs]
    assert np.linalg.norm(relative, axis=-1).max() < 0.01


def test_takes_known_to_be_damaged_are_refused_with_the_reason(tmp_path: Path) -> None:
    for take, reason in bvh_corpora.CMU_DAMAGED.items():
        with pytest.raises(InputError, match=reason):
            bvh_corpora.read_cmu_more_file(tmp_path / f"{take}.bvh")


def test_salsa_runs_at_60_whatever_the_header_says(shared_data: Path, tmp_path: Path) -> None:
    (path,) = unpack(shared_data / "cmu-dance.tar.xz", "_scaled.bvh", 1, tmp_path)
    header = next(w for w in path.read_text().splitlines() if w.startswith("Frames:"))
    motion = bvh_corpora.read_cmu_dance_file(path).motion
    assert len(motion) == pytest.approx(int(header.split()[1]) / 2, abs=1)


def test_a_wrong_unit_and_other_joints_are_refused_by_name(
    shared_data: Path, tmp_path: Path
) -> None:
    (path,) = unpack(shared_data / "acrobatics.tar.xz", "walk.bvh", 1, tmp_path)
    text = path.read_text()
    for damaged in (text.replace("-40.345", "-4034.5"), text.replace("UpLeg", "Hip")):
        path.write_text(damaged)
        with pytest.raises(InputError, match=r"walk\.bvh"):
            bvh_corpora.read_mass_file(path)
