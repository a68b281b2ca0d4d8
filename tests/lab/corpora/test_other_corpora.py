"""HDM05, unihsi, DeepMimic: splits, plausible figures, the repairs of HDM05."""

from __future__ import annotations

import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from lab.corpora import other_corpora
from lab.corpora.deepmimic import read_deepmimic
from lab.corpora.hdm05_repairs import (
    largest_turn,
    mend_deep_knee,
    stiffen_flipping_hand,
)
from lab.corpora.joint_tree import JointTree
from lab.corpora.poselib import read_poselib
from vimoflow.data.recording import Recording
from vimoflow.data.rig_maps import Rig, joint_map
from vimoflow.errors import InputError
from vimoflow.geometry.rotations import rotation_about
from vimoflow.motion.retarget import retarget
from vimoflow.motion.skeleton import joint
from vimoflow.motion.source import SourceMotion

LISTS = (other_corpora.list_hdm05, other_corpora.list_unihsi, other_corpora.list_deepmimic)


@pytest.mark.parametrize("list_files", LISTS)
def test_a_folder_without_the_corpus_is_said(
    tmp_path: Path, list_files: Callable[[Path], list[Path]]
) -> None:
    with pytest.raises(InputError, match="unpack"):
        list_files(tmp_path)


def leg(flexion: np.ndarray, knee_backwards: np.ndarray) -> SourceMotion:
    """Hip, knee, ankle, toe; ``knee_backwards`` frames state the same positions the other way."""
    tree = JointTree(
        ("hip", "knee", "ankle", "toe"),
        (-1, 0, 1, 2),
        np.array([[0, 0, 0], [0, -0.4, 0], [0, -0.4, 0], [0, -0.05, 0.12]]),
    )
    half_turn = np.where(knee_backwards[:, None, None], np.diag([-1.0, 1.0, -1.0]), np.eye(3))
    sign = np.where(knee_backwards, -1.0, 1.0)
    knee = rotation_about("x", torch.from_numpy(flexion * sign)).numpy()
    still = np.broadcast_to(np.eye(3), knee.shape)
    return tree.pose(np.stack((half_turn, knee, still), axis=1), np.zeros((len(knee), 3)), 120.0)


def test_backward_knees_are_turned_back_in_place() -> None:
    flexion = np.radians(np.concatenate((np.linspace(0, 150, 60), np.linspace(150, 0, 60))))
    deep = flexion > np.radians(145)
    clean, flipped = leg(flexion, np.zeros_like(deep)), leg(flexion, deep)
    np.testing.assert_allclose(flipped.p_world_joint[:, :3], clean.p_world_joint[:, :3], atol=1e-12)
    assert largest_turn(flipped, "hip") > 3.1
    mended = mend_deep_knee(flipped, "hip", "knee", "ankle", np.array([1.0, 0, 0]))
    np.testing.assert_allclose(mended.R_world_joint[:, :2], clean.R_world_joint[:, :2], atol=1e-9)
    np.testing.assert_allclose(mended.p_world_joint[:, :3], clean.p_world_joint[:, :3], atol=1e-12)
    assert largest_turn(mended, "ankle") < 0.1
    length = np.linalg.norm(mended.p_world_joint[:, 3] - mended.p_world_joint[:, 2], axis=-1)
    np.testing.assert_allclose(length, 0.13, atol=1e-9)


def test_a_sound_leg_is_left_alone() -> None:
    sound = leg(np.radians(np.linspace(0, 130, 50)), np.zeros(50, dtype=bool))
    mended = mend_deep_knee(sound, "hip", "knee", "ankle", np.array([1.0, 0, 0]))
    np.testing.assert_array_equal(mended.R_world_joint, sound.R_world_joint)
    np.testing.assert_array_equal(mended.p_world_joint, sound.p_world_joint)


def test_only_a_flipping_hand_is_stiffened() -> None:
    flipping = leg(np.full(6, 2.0), np.array([0, 0, 1, 0, 0, 0], dtype=bool))
    stiff = stiffen_flipping_hand(flipping, "knee", "ankle")
    np.testing.assert_array_equal(stiff.R_world_joint[:, 2], flipping.R_world_joint[:, 1])
    calm = leg(np.linspace(0, 1, 6), np.zeros(6, dtype=bool))
    assert stiffen_flipping_hand(calm, "knee", "ankle") is calm


def check_recording(recording: Recording) -> None:
    """What must hold for any person on the canonical skeleton."""
    motion = recording.motion
    assert motion.fps == 30.0 and len(motion) > 5
    assert np.isfinite(motion.poses).all() and np.isfinite(motion.trans).all()
    positions = motion.joint_positions
    assert -0.25 < positions[..., 1].min() < 0.1
    knees = motion.poses[:, [joint("left_knee"), joint("right_knee")]]
    bent = np.linalg.norm(knees, axis=-1) > 0.8
    assert (knees[bent][:, 0] > 0.3).mean() > 0.99  # flexion is about the figure's left


@pytest.fixture(scope="module")
def hdm05(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The skeletons and a few clips of the archive."""
    folder = tmp_path_factory.mktemp("hdm05")
    wanted = (".asf", "bd_squat1Reps_004_120.amc", "dg_squat1Reps_026_120.amc")
    wanted += ("mm_kickLFront1Reps_019_120.amc", "bk_sneak2StepsLStart_006_120.AMC")
    with tarfile.open(shared_data / "hdm05.tar.xz") as archive:
        for member in archive:
            if member.name.endswith(wanted):
                stream = archive.extractfile(member)
                assert stream is not None
                (folder / Path(member.name).name).write_bytes(stream.read())
    return folder


def test_hdm05_holds_out_one_actor_and_stands_upright(hdm05: Path) -> None:
    files = other_corpora.list_hdm05(hdm05)
    assert len(files) == 4
    recordings = {path.stem: other_corpora.read_hdm05_file(path) for path in files}
    for name, recording in recordings.items():
        assert (recording.split == "validation") == ("_mm_" in name)
        check_recording(recording)
        assert recording.motion.joint_positions[0, joint("head"), 1] > 1.35
    frames = {name: len(recording.motion) for name, recording in recordings.items()}
    assert frames["HDM_bd_squat1Reps_004_120"] == 38  # 151 frames at 120 fps


def test_hdm05_kicks_with_the_left_leg(hdm05: Path) -> None:
    path = hdm05 / "HDM_mm_kickLFront1Reps_019_120.amc"
    positions = other_corpora.read_hdm05_file(path).motion.joint_positions
    left, right = (positions[:, joint(f"{side}_ankle"), 1].max() for side in ("left", "right"))
    assert left > 0.6 > right


def test_hdm05_squats_do_not_flip(hdm05: Path) -> None:
    source = other_corpora.hdm05_source(hdm05 / "HDM_dg_squat1Reps_026_120.amc")
    for bone in ("lfemur", "rfemur", "ltibia", "rtibia", "lfoot", "rfoot"):
        assert np.degrees(largest_turn(source, bone)) < 30


def test_unihsi_splits_every_tenth_file(shared_data: Path) -> None:
    files = other_corpora.list_unihsi(shared_data / "unihsi")
    for path in (files[0], files[1], files[19]):
        recording = other_corpora.read_unihsi_file(path)
        assert recording.split == ("train" if path == files[1] else "validation")
        check_recording(recording)


def check_rig(source: SourceMotion, rig: Rig) -> None:
    _, report = retarget(source, joint_map(rig))
    assert report.bone_error_deg_max < 0.1
    assert report.end_error_ratio < 0.02
    assert report.bone_stretch < 1e-3
    assert 0.9 < report.scale < 1.1


def test_amp_humanoid_limbs_are_followed(shared_data: Path) -> None:
    path = other_corpora.list_unihsi(shared_data / "unihsi")[-1]
    check_rig(read_poselib(path), other_corpora.AMP_HUMANOID)


def test_deepmimic_limbs_are_followed(shared_data: Path, tmp_path: Path) -> None:
    with tarfile.open(shared_data / "acrobatics.tar.xz") as archive:
        member = next(m for m in archive if m.name.endswith("humanoid3d_kick.txt"))
        stream = archive.extractfile(member)
        assert stream is not None
        (tmp_path / "humanoid3d_kick.txt").write_bytes(stream.read())
    (path,) = other_corpora.list_deepmimic(tmp_path)
    recording = other_corpora.read_deepmimic_file(path)
    assert recording.split == "train"
    check_recording(recording)
    check_rig(read_deepmimic(path), other_corpora.DEEPMIMIC)
