"""The npz form of poselib motions: axes, positions against scipy, hostile files."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from lab.corpora.poselib import read_poselib
from vimoflow.errors import InputError

NAMES = ("pelvis", "torso", "left_arm", "right_arm")
PARENTS = (-1, 0, 1, 1)
OFFSETS = np.array([[0, 0, 1.0], [0, 0, 0.3], [0, 0.2, 0.2], [0, -0.2, 0.2]])


def fields(frames: int = 4, seed: int = 0) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    quaternions = rng.normal(size=(frames, 4, 4))
    quaternions /= np.linalg.norm(quaternions, axis=-1, keepdims=True)
    return {
        "local_rotations_xyzw": quaternions.astype(np.float32),
        "root_translation": rng.normal(size=(frames, 3)).astype(np.float32),
        "parents": np.array(PARENTS),
        "offsets": OFFSETS.astype(np.float32),
        "joint_names": np.array(NAMES),
        "fps": np.float32(30),
    }


def to_yup(v: np.ndarray) -> np.ndarray:
    """(x forward, y left, z up) to (x left, y up, z forward)."""
    return v[..., [1, 2, 0]]


def test_positions_follow_local_rotations(tmp_path: Path) -> None:
    data = fields()
    np.savez(tmp_path / "a.npz", **data)
    motion = read_poselib(tmp_path / "a.npz")
    assert motion.joint_names == NAMES and motion.parents == PARENTS and motion.fps == 30
    R = Rotation.from_quat(data["local_rotations_xyzw"].reshape(-1, 4)).as_matrix()
    R = R.reshape(-1, 4, 3, 3)
    root = data["root_translation"].astype(float)
    torso = root + R[:, 0] @ OFFSETS[1]
    left = torso + R[:, 0] @ R[:, 1] @ OFFSETS[2]
    expected = np.stack((root, torso, left), axis=1)
    np.testing.assert_allclose(motion.p_world_joint[:, :3], to_yup(expected), atol=1e-6)


def test_the_rest_pose_stands_upright_facing_z(tmp_path: Path) -> None:
    data = fields(1)
    data["local_rotations_xyzw"][:] = (0, 0, 0, 1)
    np.savez(tmp_path / "a.npz", **data)
    motion = read_poselib(tmp_path / "a.npz")
    shift = motion.p_world_joint[0, 0]
    np.testing.assert_allclose(motion.p_world_joint[0] - shift, motion.rest_positions, atol=1e-6)
    left, right = motion.rest_positions[2], motion.rest_positions[3]
    assert left[0] > 0 > right[0] and left[1] > 0
    np.testing.assert_allclose(motion.R_world_joint[0], np.broadcast_to(np.eye(3), (4, 3, 3)))


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("fps", None, "'fps' is missing"),
        ("fps", np.float32(0), "frame rate"),
        ("fps", np.array([30, 30]), "frame rate"),
        ("fps", np.array("30"), "not numeric"),
        ("root_translation", np.zeros((5, 3)), "do not fit"),
        ("root_translation", np.full((4, 3), np.nan), "NaN"),
        ("root_translation", np.array(1.0), "do not fit"),
        ("local_rotations_xyzw", np.zeros((4, 4, 4)), "length zero"),
        ("local_rotations_xyzw", np.ones((4, 3, 4)), "do not fit"),
        ("parents", np.array([-1, 0, 3, 1]), "parents"),
        ("parents", np.array([-1, 0, -1, 1]), "parents"),
        ("parents", np.array([-1.0, 0, 1, 1]), "parents"),
        ("joint_names", np.array(["a", "a", "b", "c"]), "repeats"),
        ("joint_names", np.arange(4), "one skeleton"),
        ("offsets", np.zeros((4, 2)), "one skeleton"),
        ("offsets", np.array([{}] * 4, dtype=object), "pickled objects"),
    ],
)
def test_wrong_fields_are_one_line(tmp_path: Path, name: str, value: Any, message: str) -> None:
    data = fields()
    data[name] = value
    if value is None:
        del data[name]
    np.savez(tmp_path / "a.npz", **data)
    with pytest.raises(InputError, match=message) as caught:
        read_poselib(tmp_path / "a.npz")
    assert "\n" not in str(caught.value)


def test_no_frames_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", **fields(0))
    with pytest.raises(InputError, match="do not fit"):
        read_poselib(tmp_path / "a.npz")


def test_cut_and_flipped_bytes_never_end_in_another_error(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez_compressed(path, **fields(40))
    whole = path.read_bytes()
    rng = np.random.default_rng(1)
    for _ in range(60):
        damaged = bytearray(whole[: rng.integers(0, len(whole))] if rng.random() < 0.3 else whole)
        for position in rng.integers(0, max(len(damaged), 1), size=3):
            if damaged:
                damaged[position] ^= 0xFF
        path.write_bytes(damaged)
        try:
            motion = read_poselib(path)
        except InputError as error:
            assert "\n" not in str(error)
        else:
            assert np.isfinite(motion.p_world_joint).all()


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("offsets.npy", bytes(300 * 2**20))
    with pytest.raises(InputError, match="unpacks to more"):
        read_poselib(path)


def test_missing_and_other_files_are_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_poselib(tmp_path / "none.npz")
    (tmp_path / "a.npz").write_text("not a zip")
    with pytest.raises(InputError, match="damaged npz"):
        read_poselib(tmp_path / "a.npz")
