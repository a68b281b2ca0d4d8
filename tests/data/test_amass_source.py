"""AMASS as a corpus."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from vimoflow.data.sources.amass import list_amass, read_amass_file
from vimoflow.errors import InputError
from vimoflow.motion.floor import sole_heights
from vimoflow.motion.skeleton import joint


def write_motion(path: Path, fps: float = 120.0, frames: int = 241) -> Path:
    """A standing figure that waves evenly and glides along the file's +X; its floor is off."""
    seconds = np.arange(frames) / fps
    poses, trans = np.zeros((frames, 156)), np.zeros((frames, 3))
    poses[:, 0] = np.pi / 2
    poses[:, 3 * joint("left_shoulder") + 2] = 0.7 * seconds
    trans[:, 0], trans[:, 2] = 0.5 * seconds, 3.0
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, poses=poses, trans=trans, mocap_framerate=fps, gender="female", betas=[0.0])
    return path


@pytest.mark.parametrize("fps", [100.0, 120.0, 59.94])
def test_any_rate_becomes_30_fps_on_a_level_floor(tmp_path: Path, fps: float) -> None:
    recording = read_amass_file(write_motion(tmp_path / "CMU" / "01" / "01_01_poses.npz", fps))
    motion = recording.motion
    seconds = np.arange(len(motion)) / 30
    assert motion.fps == 30.0 and len(motion) == int(240 / fps * 30) + 1
    np.testing.assert_allclose(motion.poses[:, joint("left_shoulder"), 2], 0.7 * seconds, atol=1e-5)
    np.testing.assert_allclose(motion.trans[:, 0], 0.5 * seconds, atol=1e-5)
    np.testing.assert_allclose(motion.poses[:, 0], 0, atol=1e-6)
    soles = sole_heights(torch.from_numpy(motion.joint_positions))
    np.testing.assert_allclose(soles.amin(-1), 0, atol=1e-5)


def test_names_and_splits_follow_the_folders(tmp_path: Path) -> None:
    for name in ("CMU/01/a_poses", "SFU/2/b_poses", "SSM_synced/s/c_poses", "own/d_poses"):
        write_motion(tmp_path / f"{name}.npz", frames=9)
    for other in ("CMU/01/shape", "SFU/2/neutral_stagei", "readme"):
        (tmp_path / other).with_suffix(".npz" if other != "readme" else ".txt").write_bytes(b"")
    found = [read_amass_file(path) for path in list_amass(tmp_path)]
    assert [(r.name, r.split, r.group) for r in found] == [
        ("CMU/01/a_poses", "train", ""),
        ("SFU/2/b_poses", "validation", "amass validation"),
        ("SSM_synced/s/c_poses", "validation", "amass test"),
        ("d_poses", "train", ""),
    ]


def test_an_empty_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no AMASS motions"):
        list_amass(tmp_path)
