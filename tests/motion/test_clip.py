"""The motion as a value: clock, joints, size, saving by ending."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from vimoflow.errors import ConfigError, OutputError
from vimoflow.motion.clip import Motion
from vimoflow.motion.skeleton import joint, load_skeleton


@pytest.fixture
def motion() -> Motion:
    rng = np.random.default_rng(0)
    return Motion(
        poses=rng.normal(0, 0.5, (8, 24, 3)),
        trans=rng.normal(0, 0.2, (8, 3)) + np.array([0, 1, 0]),
        fps=25.0,
        contacts=np.zeros((8, 4)),
    )


def test_the_clock_starts_at_zero_unless_given(motion: Motion) -> None:
    np.testing.assert_allclose(motion.timestamps, np.arange(8) / 25.0)
    assert len(motion) == 8
    uneven = np.cumsum(np.arange(8.0))
    np.testing.assert_array_equal(dataclasses.replace(motion, timestamps=uneven).timestamps, uneven)


def test_joint_positions_are_the_posed_skeleton(motion: Motion) -> None:
    np.testing.assert_allclose(motion.joint_positions[:, 0], motion.trans)
    expected = Rotation.from_rotvec(motion.poses.reshape(-1, 3)).as_matrix()
    np.testing.assert_allclose(motion.local_rotations.reshape(-1, 3, 3), expected, atol=1e-9)
    hip = Rotation.from_rotvec(motion.poses[:, 0]).apply(load_skeleton().offsets[joint("left_hip")])
    np.testing.assert_allclose(motion.joint_positions[:, joint("left_hip")], motion.trans + hip)


def test_a_scaled_motion_is_the_same_in_larger(motion: Motion) -> None:
    large = motion.scaled(1.1)
    np.testing.assert_allclose(large.joint_positions, 1.1 * motion.joint_positions)
    np.testing.assert_array_equal(large.poses, motion.poses)
    np.testing.assert_allclose(large.scaled(1 / 1.1).trans, motion.trans)


@pytest.mark.parametrize(
    ("ending", "start"),
    [(".npz", b"PK"), (".bvh", b"HIERARCHY"), (".glb", b"glTF"), (".BVH", b"H")],
)
def test_the_ending_tells_the_format(
    tmp_path: Path, motion: Motion, ending: str, start: bytes
) -> None:
    path = tmp_path / f"take{ending}"
    motion.save(path)
    assert path.read_bytes().startswith(start)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]  # nothing temporary is left


@pytest.mark.parametrize("name", ["take.obj", "take", "take.npz.txt"])
def test_an_unknown_ending_is_said_and_nothing_written(
    tmp_path: Path, motion: Motion, name: str
) -> None:
    with pytest.raises(ConfigError, match=r"\.npz, \.bvh, \.glb") as caught:
        motion.save(str(tmp_path / name))
    assert "\n" not in str(caught.value) and name in str(caught.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("ending", [".npz", ".bvh", ".glb"])
def test_a_folder_that_is_a_file_is_said(tmp_path: Path, motion: Motion, ending: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="file"):
        motion.save(tmp_path / "file" / f"take{ending}")


def test_a_long_motion_is_that_of_its_parts() -> None:
    """Thousands of frames go through in parts, which no number shows."""
    rng = np.random.default_rng(0)
    poses, trans = rng.normal(size=(2500, 24, 3)).astype(np.float32), rng.normal(size=(2500, 3))
    whole = Motion(poses, trans, 30.0, np.zeros((2500, 4)))
    part = Motion(poses[1500:], trans[1500:], 30.0, np.zeros((1000, 4)))
    np.testing.assert_array_equal(whole.joint_positions[1500:], part.joint_positions)
    np.testing.assert_array_equal(whole.local_rotations[1500:], part.local_rotations)
