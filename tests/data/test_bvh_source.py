"""The generic BVH source: units, rates, axes, sizes, and the project's own files."""

from __future__ import annotations

import dataclasses
import tarfile
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from lab.rigs.rig_examples import SyntheticRig, along_x_frames, performance, rest_frames, to_bvh
from vimoflow.data.motion_files import load_motion
from vimoflow.data.rig_maps import detect_rig_map, load_rig_map
from vimoflow.data.sources.bvh import BvhWarning, list_bvh, read_bvh_file
from vimoflow.errors import ConfigError, InputError
from vimoflow.formats.bvh_reader import bvh_to_source_motion, read_bvh, write_bvh
from vimoflow.formats.motion_units import Up
from vimoflow.formats.up_axis import UP
from vimoflow.geometry.rotations import axis_angle_to_matrix
from vimoflow.motion.canonical import canonical_motion
from vimoflow.motion.clip import Motion
from vimoflow.motion.retarget import adopt

TRUNK = {"pelvis": "Hips", "spine1": "Spine", "spine3": "Spine2", "neck": "Neck", "head": "Head"}
NAMES = TRUNK | {
    f"{side}_{part}": side.title() + name
    for side in ("left", "right")
    for part, name in {
        "collar": "Shoulder", "shoulder": "Arm", "elbow": "ForeArm", "wrist": "Hand",
        "hip": "UpLeg", "knee": "Leg", "ankle": "Foot",
    }.items()
}  # fmt: skip
RIG = SyntheticRig(NAMES, rest_frames(45, np.eye(3)))


def write_take(folder: Path, units: float = 100, fps: float = 30, frames: int = 30) -> Path:
    poses, root = performance(frames)
    path = folder / "take.bvh"
    path.write_text(to_bvh(RIG, poses, root, units, fps))
    return path


def own_motion(frames: int = 40, scale: float = 1.0) -> Motion:
    poses, root = performance(frames)
    rng = np.random.default_rng(1)
    poses += 0.2 * np.sin(np.linspace(0, 3, len(poses)))[:, None, None] * rng.normal(size=(24, 3))
    R = axis_angle_to_matrix(torch.from_numpy(poses))
    return canonical_motion(R, torch.from_numpy(root), 30.0).scaled(scale)


@pytest.mark.parametrize("scale", [1.0, 1.13])
def test_our_own_files_come_back_to_the_millimetre(tmp_path: Path, scale: float) -> None:
    motion = own_motion(scale=scale)
    first, second = tmp_path / "first.bvh", tmp_path / "second.bvh"
    write_bvh(motion, first)
    back = adopt(bvh_to_source_motion(read_bvh(first), 0.01))
    assert back is not None
    assert back.skeleton.scale == pytest.approx(scale, rel=1e-5)
    np.testing.assert_allclose(back.joint_positions, motion.joint_positions, atol=1e-3)
    write_bvh(back, second)
    again = adopt(bvh_to_source_motion(read_bvh(second), 0.01))
    assert again is not None
    np.testing.assert_allclose(again.joint_positions, motion.joint_positions, atol=1e-3)


def test_our_own_files_are_recordings_without_loss(tmp_path: Path) -> None:
    motion = own_motion()
    write_bvh(motion, tmp_path / "own.bvh")
    recording = read_bvh_file(tmp_path / "own.bvh")
    np.testing.assert_allclose(recording.motion.joint_positions, motion.joint_positions, atol=1e-3)
    assert recording.retarget is not None
    assert recording.retarget.bone_error_deg_p95 == 0


def test_a_skeleton_with_our_names_and_other_bones_is_retargeted(tmp_path: Path) -> None:
    write_bvh(own_motion(), tmp_path / "own.bvh")
    source = bvh_to_source_motion(read_bvh(tmp_path / "own.bvh"), 0.01)
    longer = source.rest_positions.copy()
    longer[source.joint_names.index("left_ankle")] *= 1.1
    assert adopt(dataclasses.replace(source, rest_positions=longer)) is None


@pytest.mark.parametrize(
    ("units", "said"),
    [(1, ""), (100, ""), (1000, "millimetres"), (1 / 0.0254, "inches"), (0.45 / 0.0254, "CMU")],
)
def test_the_unit_is_found_from_the_legs(tmp_path: Path, units: float, said: str) -> None:
    path = write_take(tmp_path, units)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        recording = read_bvh_file(path)
    assert recording.retarget is not None
    assert recording.retarget.scale == pytest.approx(1, abs=1e-3)
    assert (said in recording.retarget.notes) if said else not recording.retarget.notes
    told = [str(w.message) for w in caught if w.category is BvhWarning]
    assert len(told) == bool(said)


@pytest.mark.parametrize("units", [4, 220, 25])
def test_a_figure_of_no_human_size_is_brought_to_the_usual_one(
    tmp_path: Path, units: float
) -> None:
    expected = read_bvh_file(write_take(tmp_path, 100)).motion
    with pytest.warns(BvhWarning, match=r"take\.bvh: a leg is .* --unit"):
        found = read_bvh_file(write_take(tmp_path, units)).motion
    np.testing.assert_allclose(found.joint_positions, expected.joint_positions, atol=1e-3)


def test_a_map_may_state_unit_and_rate_and_the_user_the_rate(tmp_path: Path) -> None:
    path = write_take(tmp_path, 100, fps=120, frames=100)
    found = detect_rig_map(read_bvh(path))
    stated = dataclasses.replace(found, name="mine", fps=60.0, metres_per_unit=0.01)
    with pytest.warns(BvhWarning, match="60 fps as rig 'mine' says"):
        by_map = read_bvh_file(path, stated)
    assert len(by_map.motion) == 60
    assert len(read_bvh_file(path, fps=30.0).motion) == 120
    assert len(read_bvh_file(path).motion) == 30
    with pytest.raises(InputError, match="leg of"):
        read_bvh_file(path, dataclasses.replace(stated, metres_per_unit=0.02), fps=60.0)


@pytest.mark.parametrize("time", ["0.0", "0.00001", "5"])
def test_a_rate_that_makes_no_sense_is_asked_for(tmp_path: Path, time: str) -> None:
    path = write_take(tmp_path)
    text = path.read_text().replace("Frame Time: 0.03333333", f"Frame Time: {time}")
    path.write_text(text)
    with pytest.raises(InputError, match=r"take\.bvh.*give the"):
        read_bvh_file(path)
    assert len(read_bvh_file(path, fps=30.0).motion) == 50
    with pytest.raises(ConfigError, match="a frame rate of -1 makes no sense"):
        read_bvh_file(path, fps=-1.0)


def test_limbs_faster_than_any_persons_are_told(tmp_path: Path) -> None:
    path = write_take(tmp_path, fps=400)
    with pytest.warns(BvhWarning, match="too fast"):
        recording = read_bvh_file(path)
    assert recording.retarget is not None
    assert "give the right frame rate with --fps" in recording.retarget.notes


def test_a_z_up_file_is_turned(tmp_path: Path) -> None:
    poses, root = performance(30)
    upright = write_take(tmp_path)
    expected = read_bvh_file(upright).motion
    turned = tmp_path / "z.bvh"
    # Z-up: the root alone is turned; (x, y, z) becomes (x, -z, y).
    R = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
    lying = poses.copy()
    pelvis = Rotation.from_matrix(R) * Rotation.from_rotvec(poses[:, 0])
    lying[:, 0] = pelvis.as_rotvec()
    turned.write_text(to_bvh(RIG, lying, root @ R.T, 100, 30))
    with pytest.warns(BvhWarning, match="Z-up"):
        motion = read_bvh_file(turned).motion
    np.testing.assert_allclose(motion.joint_positions, expected.joint_positions, atol=1e-3)


@pytest.mark.parametrize("up", ["y", "z", "-y"])
def test_axis_and_unit_may_be_told(tmp_path: Path, up: Up) -> None:
    """A unit that is nobody's, and somebody who lies, whose axis no figure tells."""
    poses, root = performance(30)
    back = Rotation.from_euler("x", -90, degrees=True)
    poses[:, 0] = (back * Rotation.from_rotvec(poses[:, 0])).as_rotvec()
    upright = tmp_path / "upright.bvh"
    upright.write_text(to_bvh(RIG, poses, root, 100, 30))
    expected = read_bvh_file(upright, up="y").motion
    R = UP[up].T
    turned, poses = tmp_path / "turned.bvh", poses.copy()
    poses[:, 0] = (Rotation.from_matrix(R) * Rotation.from_rotvec(poses[:, 0])).as_rotvec()
    turned.write_text(to_bvh(RIG, poses, root @ R.T, 3.7, 30))
    found = load_motion(turned, up=up, unit=1 / 3.7).joint_positions
    np.testing.assert_allclose(found, expected.joint_positions, atol=1e-3)


@pytest.mark.parametrize("ending", ["fbx", "glb", "csv", "c3d"])
def test_files_that_say_what_they_are_in_are_told_nothing(tmp_path: Path, ending: str) -> None:
    own_motion().save(tmp_path / f"a.{ending}")
    with pytest.raises(ConfigError, match="leave --up and --unit out"):
        load_motion(tmp_path / f"a.{ending}", unit=0.01)


def test_files_are_listed_below_a_folder(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    for name in ("b/z.BVH", "a.bvh", "notes.txt"):
        (tmp_path / name).touch()
    assert [p.name for p in list_bvh(tmp_path)] == ["a.bvh", "z.BVH"]
    with pytest.raises(InputError, match="no BVH files"):
        list_bvh(tmp_path / "b" / "none")


def test_the_salsa_headers_are_overruled_by_their_map(shared_data: Path, tmp_path: Path) -> None:
    with tarfile.open(shared_data / "cmu-dance.tar.xz") as archive:
        member = next(m for m in archive if m.name.endswith("_scaled.bvh"))
        stream = archive.extractfile(member)
        assert stream is not None
        (tmp_path / "salsa.bvh").write_bytes(stream.read())
    frames = len(read_bvh(tmp_path / "salsa.bvh").values)
    with pytest.warns(BvhWarning, match="60 fps as rig 'cmu-salsa' says"):
        by_map = read_bvh_file(tmp_path / "salsa.bvh", load_rig_map("cmu-salsa"))
    assert len(by_map.motion) == pytest.approx(frames / 2, abs=1)
    assert by_map.retarget is not None
    assert by_map.retarget.end_error_ratio < 0.05


@pytest.mark.parametrize("folder", ["rest", "all along X"])
def test_a_file_of_one_frame_is_a_motion_of_one_frame(tmp_path: Path, folder: str) -> None:
    frames = rest_frames(0.0, np.eye(3)) if folder == "rest" else along_x_frames()
    poses, root = performance(1, 0)
    path = tmp_path / "pose.bvh"
    path.write_text(to_bvh(SyntheticRig(NAMES, frames), poses, root, 100, 30))
    motion = read_bvh_file(path).motion
    assert len(motion) == 1
    assert np.isfinite(motion.joint_positions).all()


@pytest.mark.parametrize(("rows", "frames"), [(-1, 49), (1, 51), (0, 50)])
def test_another_number_of_rows_than_declared_is_told(
    tmp_path: Path, rows: int, frames: int
) -> None:
    path = write_take(tmp_path)
    lines = path.read_text().rstrip().splitlines()
    lines = lines[:rows] if rows < 0 else lines + lines[-1:] * rows
    whole = read_bvh_file(path).motion.joint_positions
    path.write_text("\n".join(lines))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = read_bvh_file(path).motion.joint_positions
    assert len(found) == frames
    told = [str(w.message) for w in caught]
    assert told == ([f"{path}: the header declares 50 frames, {frames} are read"] if rows else [])
    both = min(len(whole), frames)
    np.testing.assert_allclose(found[:both], whole[:both], atol=2e-3)  # the floor may move
