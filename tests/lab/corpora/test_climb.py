"""Climbing: 53 points to a motion."""

from __future__ import annotations

import tarfile
from pathlib import Path

import numpy as np
import pytest

from lab.corpora import climb
from lab.rigs.rig_examples import performance, world_positions, world_rotations
from vimoflow.errors import InputError
from vimoflow.motion.skeleton import JOINT_NAMES, joint

# Where the canonical skeleton has what the files have; fingers and soles stay at the hand and foot.
SAME = {name: name for name in climb.JOINTS if name in JOINT_NAMES} | {
    "spine": "spine1", "chest": "spine3", "neck": "neck", "left_toe": "left_foot",
    "right_toe": "right_foot",
}  # fmt: skip


def points_of(poses: np.ndarray, root: np.ndarray) -> np.ndarray:
    """(frames, 53, 3), +Z up, as the corpus has them."""
    R = world_rotations(poses)
    p = world_positions(R, root)
    points = np.repeat(p[:, :1], climb.POINTS, axis=1)
    for name, index in climb.JOINTS.items():
        points[:, index] = p[:, joint(SAME[name])]
    chest = R[:, joint("spine3")]
    points[:, climb.JOINTS["spine"]] = p[:, 0] + R[:, 0] @ [0, 0.08, 0]
    points[:, climb.JOINTS["neck"]] = p[:, joint("spine3")] + chest @ [0, 0.25, 0]
    points[:, climb.JOINTS["head"]] = points[:, climb.JOINTS["neck"]] + chest @ [0, 0.15, 0]
    for side, sign in (("left", 1.0), ("right", -1.0)):
        collar = p[:, joint(f"{side}_shoulder")] - chest @ [0.098 * sign, -0.015, -0.012]
        points[:, climb.JOINTS[f"{side}_collar"]] = collar
        wrist, turn = p[:, joint(f"{side}_wrist")], R[:, joint(f"{side}_wrist")]
        for name, ahead in (("index", 0.03), ("little", -0.03)):
            points[:, climb.KNUCKLES[side][name]] = wrist + turn @ np.array([0.09 * sign, 0, ahead])
    return np.stack((points[..., 0], -points[..., 2], points[..., 1]), axis=-1)


def write(folder: Path, points: np.ndarray, number: int = 0) -> Path:
    path = folder / f"mocap_climb_seq_{number}_joint_positions_f0-99.npy"
    np.save(path, points.astype(np.float32))
    return path


def test_points_of_a_known_motion_give_it_back(tmp_path: Path) -> None:
    poses, root = performance(frames=360, standing=120)
    poses[:, [joint(f"{s}_wrist") for s in ("left", "right")]] *= 0.3
    recording = climb.read_climb_file(write(tmp_path, points_of(poses, root)))
    motion = recording.motion
    expected = world_positions(world_rotations(poses), root)[::4]  # 120 to 30 fps
    ours = motion.joint_positions
    assert len(ours) == len(expected)
    apart = (ours - ours[:, :1]) - (expected - expected[:, :1])
    limbs = [joint(f"{s}_{p}") for s in ("left", "right")
             for p in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")]  # fmt: skip
    assert np.linalg.norm(apart[:, limbs], axis=-1).max() < 0.005
    hands = world_rotations(poses)[::4, [joint("left_wrist"), joint("right_wrist")]]
    own = world_rotations(motion.poses.reshape(-1, 24, 3).astype(float))
    cosine = (
        np.einsum("tjab,tjab->tj", own[:, [joint("left_wrist"), joint("right_wrist")]], hands) - 1
    ) / 2
    assert np.degrees(np.arccos(np.clip(cosine, -1, 1))).max() < 3


def test_the_floor_is_under_the_box_that_most_of_the_take_is_spent_on(tmp_path: Path) -> None:
    poses = np.zeros((600, 24, 3))
    root = np.zeros((600, 3))
    root[:, 1] = np.where(np.arange(600) < 90, 1.0, 1.5)
    motion = climb.read_climb_file(write(tmp_path, points_of(poses, root))).motion
    feet = motion.joint_positions[:, joint("left_foot"), 1]
    assert abs(feet[:20].mean()) < 0.03
    assert abs(feet[-20:].mean() - 0.5) < 0.03


@pytest.mark.parametrize(("number", "split"), [(0, "train"), (3, "train"), (4, "validation")])
def test_the_fifth_climb_is_held_out(tmp_path: Path, number: int, split: str) -> None:
    poses, root = np.zeros((8, 24, 3)), np.tile([0.0, 1.0, 0.0], (8, 1))
    recording = climb.read_climb_file(write(tmp_path, points_of(poses, root), number))
    assert recording.split == split
    assert recording.name == f"mocap_climb_seq_{number}_f0-99"


@pytest.mark.parametrize(
    "points",
    [np.zeros((4, 52, 3)), np.full((4, 53, 3), np.nan), np.zeros((0, 53, 3)), np.zeros(5)],
)
def test_other_arrays_are_refused(tmp_path: Path, points: np.ndarray) -> None:
    with pytest.raises(InputError, match="53 finite points"):
        climb.read_points(write(tmp_path, points))


def test_no_array_and_no_files_are_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="unpack"):
        climb.list_climb(tmp_path)
    path = tmp_path / "mocap_climb_seq_0_joint_positions.npy"
    path.write_bytes(b"not numpy")
    with pytest.raises(InputError, match="damaged npy"):
        climb.read_points(path)


def test_the_corpus_becomes_sane_motions(shared_data: Path, tmp_path: Path) -> None:
    with tarfile.open(shared_data / "climb.tar.xz") as archive:
        member = next(m for m in archive if m.name.endswith("seq_3_joint_positions_f200-2600.npy"))
        stream = archive.extractfile(member)
        assert stream is not None
        path = tmp_path / Path(member.name).name
        path.write_bytes(stream.read())
    recording = climb.read_climb_file(path)
    p = recording.motion.joint_positions
    assert len(p) == 601
    assert recording.retarget is not None
    assert recording.retarget.bone_stretch < 1e-3  # so the points are the joints
    assert recording.retarget.bone_error_deg_max < 0.1
    assert np.quantile(p[:, joint("left_foot"), 1], 0.01) < 0.05
    assert 0.9 < np.quantile(p[:, joint("left_foot"), 1], 0.9) < 1.1  # on a box a metre high
    knees = recording.motion.poses[:, [joint("left_knee"), joint("right_knee")], 0]
    assert np.quantile(knees, 0.02) > -0.1
