"""AMASS and SMPL npz: read with scipy as the oracle, written and read back identical."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation, Slerp

from vimoflow.errors import InputError, OutputError
from vimoflow.formats.amass_npz import read_amass, save_amass
from vimoflow.motion.clip import Motion
from vimoflow.motion.clip_resampling import resample_motion
from vimoflow.motion.skeleton import PARENTS, joint, load_skeleton

BODY = 22


def body(frames: int = 9, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Axis-angle of 22 joints and the translation as an AMASS file has them (Z up)."""
    rng = np.random.default_rng(seed)
    aa = Rotation.random(frames * BODY, random_state=seed).as_rotvec().reshape(frames, BODY, 3)
    return aa, rng.uniform(-2, 2, (frames, 3))


def write(path: Path, **arrays: Any) -> Path:
    np.savez(path, **arrays)
    return path


def poses_of(width: int, aa: np.ndarray) -> np.ndarray:
    rng = np.random.default_rng(5)
    poses = rng.normal(size=(len(aa), width))  # fingers, jaw and eyes are to be left out
    poses[:, : 3 * BODY] = aa.reshape(len(aa), -1)
    return poses


def smpl_joints_zup(aa: np.ndarray, trans: np.ndarray) -> np.ndarray:
    """SMPL's own order: pose the rest joints about the root joint J0, then add ``trans``.

    Written with scipy alone and in the file's Z-up world. (frames, 22, 3).
    """
    skeleton = load_skeleton()
    J0 = np.array(skeleton.smpl_trans_to_pelvis)
    out = np.zeros((len(aa), BODY, 3))
    for f in range(len(aa)):
        world: list[Rotation] = []
        for j in range(BODY):
            local = Rotation.from_rotvec(aa[f, j])
            world.append(local if j == 0 else world[PARENTS[j]] * local)
            if j == 0:
                out[f, j] = J0 + trans[f]
            else:
                out[f, j] = out[f, PARENTS[j]] + world[PARENTS[j]].apply(skeleton.offsets[j])
    return out


def layouts(aa: np.ndarray, trans: np.ndarray) -> dict[str, dict[str, Any]]:
    """The key sets of the SMPL-H release and of the SMPL-X release."""
    smplx = poses_of(165, aa)
    return {
        "smplh": {
            "trans": trans, "gender": np.array("female"), "mocap_framerate": np.array(120.0),
            "betas": np.ones(16), "dmpls": np.zeros((len(aa), 8)), "poses": poses_of(156, aa),
        },
        "smplx": {
            "gender": np.array("male"), "surface_model_type": np.array("smplx"),
            "mocap_frame_rate": np.array(120.0), "trans": trans, "poses": smplx,
            "betas": np.ones(16), "num_betas": np.array(16), "root_orient": smplx[:, :3],
            "pose_body": smplx[:, 3:66], "pose_hand": smplx[:, 75:], "pose_jaw": smplx[:, 66:69],
        },
        "smplx parts": {
            "mocap_frame_rate": np.array(120.0), "trans": trans, "root_orient": smplx[:, :3],
            "pose_body": smplx[:, 3:66],
        },
    }  # fmt: skip


@pytest.mark.parametrize("layout", ["smplh", "smplx", "smplx parts"])
def test_joints_are_where_smpl_puts_them(tmp_path: Path, layout: str) -> None:
    aa, trans = body()
    motion = read_amass(write(tmp_path / "a_poses.npz", **layouts(aa, trans)[layout]))
    assert motion.fps == 120.0 and motion.poses.shape == (9, 24, 3)
    x, y, z = np.moveaxis(smpl_joints_zup(aa, trans), -1, 0)
    expected = np.stack([x, z, -y], -1)  # Z up to Y up, right-handed
    np.testing.assert_allclose(motion.joint_positions[:, :BODY], expected, atol=2e-6)
    assert not motion.poses[:, BODY:].any()


def test_a_standing_person_stands_and_faces_forward(tmp_path: Path) -> None:
    """AMASS' rest is turned by 90 degrees about X: then the head is up and the face at -Y."""
    poses = np.zeros((3, 156))
    poses[:, 0] = np.pi / 2
    path = write(tmp_path / "a.npz", poses=poses, trans=np.zeros((3, 3)), mocap_framerate=60)
    motion = read_amass(path)
    np.testing.assert_allclose(motion.poses, 0, atol=1e-7)
    head = motion.joint_positions[0, joint("head")] - motion.joint_positions[0, 0]
    assert head[1] > 0.4 and abs(head[0]) < 1e-6


@pytest.mark.parametrize(("turn", "up"), [(0.0, "y"), (np.pi / 2, "z")])
@pytest.mark.parametrize("stated", [True, False])
def test_smpl_files_of_either_axis_stand_up(
    tmp_path: Path, turn: float, up: str, stated: bool
) -> None:
    poses = np.random.default_rng(0).normal(scale=0.05, size=(20, 24, 3))
    poses[:, 0, 0] += turn
    fields: dict[str, Any] = {"up_axis": np.array(up)} if stated else {}
    path = write(tmp_path / "a.npz", poses=poses.reshape(20, 72), trans=np.zeros((20, 3)),
                 fps=25.0, **fields)  # fmt: skip
    motion = read_amass(path)
    assert motion.joint_positions[:, joint("head"), 1].min() > 0.1
    np.testing.assert_allclose(motion.poses[:, 1:], poses[:, 1:].astype(np.float32))  # with hands


def our_motion(frames: int = 12, scale: float = 1.0) -> Motion:
    rng = np.random.default_rng(3)
    aa = Rotation.random(frames * 24, random_state=1).as_rotvec().reshape(frames, 24, 3)
    return Motion(
        poses=aa.astype(np.float32),
        trans=rng.normal(size=(frames, 3)).astype(np.float32),
        fps=29.97,
        contacts=rng.uniform(size=(frames, 4)).astype(np.float32),
        skeleton=load_skeleton() if scale == 1 else load_skeleton().scaled(scale),
    )


@pytest.mark.parametrize("scale", [1.0, 1.1])
def test_written_and_read_back_is_identical(tmp_path: Path, scale: float) -> None:
    motion = our_motion(scale=scale)
    first, second = tmp_path / "a.npz", tmp_path / "b.npz"
    save_amass(motion, first)
    back = read_amass(first)
    for field in ("poses", "trans", "contacts", "timestamps"):
        np.testing.assert_array_equal(getattr(back, field), getattr(motion, field), field)
    assert back.fps == motion.fps
    np.testing.assert_array_equal(back.skeleton.offsets, motion.skeleton.offsets)
    save_amass(back, second)
    assert first.read_bytes() == second.read_bytes()


def test_what_is_written_is_what_amass_has(tmp_path: Path) -> None:
    """SMPL's formula on the written file gives our joints, in AMASS' world."""
    motion = our_motion()
    motion.save(tmp_path / "motion.amass.npz")
    with np.load(tmp_path / "motion.amass.npz", allow_pickle=False) as data:
        assert {"poses", "trans", "betas", "dmpls", "gender", "mocap_framerate"} <= set(data)
        assert data["poses"].shape == (12, 156) and data["poses"].dtype == np.float64
        assert data["dmpls"].shape == (12, 8) and not data["betas"].any()
        posed = smpl_joints_zup(data["poses"][:, :66].reshape(12, BODY, 3), data["trans"])
    x, y, z = np.moveaxis(motion.joint_positions[:, :BODY], -1, 0)
    np.testing.assert_allclose(posed, np.stack([x, -z, y], -1), atol=1e-6)


def test_uneven_times_become_even(tmp_path: Path) -> None:
    times = np.array([0.0, 0.1, 0.4, 0.5, 1.0])
    poses = np.zeros((5, 24, 3), dtype=np.float32)
    poses[:, 5, 0] = times
    motion = dataclasses.replace(
        our_motion(5), poses=poses, timestamps=times, fps=4.0,
        trans=np.stack([times, 0 * times, 0 * times], -1).astype(np.float32),
    )  # fmt: skip
    save_amass(motion, tmp_path / "a.npz")
    back = read_amass(tmp_path / "a.npz")
    assert back.fps == 5.0  # the rate of most frames
    np.testing.assert_allclose(back.trans[:, 0], np.arange(6) / 5, atol=1e-6)
    np.testing.assert_allclose(back.poses[:, 5, 0], np.arange(6) / 5, atol=1e-6)


@pytest.mark.parametrize("fps", [24.0, 30.0, 59.94, 120.0])
def test_resampling_agrees_with_scipys_slerp(fps: float) -> None:
    motion = our_motion(20)
    new = resample_motion(motion, fps)
    times = np.arange(len(new)) / fps
    assert motion.timestamps[-1] - 1 / fps < times[-1] <= motion.timestamps[-1] + 1e-6
    times = times.clip(0, motion.timestamps[-1])
    for j in (0, 7, 23):
        expected = Slerp(motion.timestamps, Rotation.from_rotvec(motion.poses[:, j]))(times)
        error = (expected.inv() * Rotation.from_rotvec(new.poses[:, j])).magnitude()
        assert error.max() < 1e-5
    expected_x = np.interp(times, motion.timestamps, motion.trans[:, 0])
    np.testing.assert_allclose(new.trans[:, 0], expected_x, atol=1e-6)


GOOD: dict[str, Any] = {
    "poses": np.zeros((4, 156)), "trans": np.zeros((4, 3)), "mocap_framerate": np.array(120.0),
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"poses": None}, "root_orient"),
        ({"poses": np.zeros((4, 66))}, "SMPL-H"),
        ({"poses": np.zeros((0, 156))}, "SMPL-H"),
        ({"poses": np.zeros(156)}, "SMPL-H"),
        ({"poses": np.zeros((0, 52, 3))}, "SMPL-H"),
        ({"poses": np.full((4, 156), np.nan)}, "NaN"),
        ({"poses": np.array([{}] * 4)}, "pickled objects"),
        ({"poses": np.array(["a"] * 4)}, "not numeric"),
        ({"poses": None, "root_orient": np.zeros((4, 3)), "pose_body": np.zeros((5, 63))}, "fit"),
        ({"trans": np.zeros((3, 3))}, "trans"),
        ({"trans": np.full((4, 3), 1e9)}, "absurdly large"),
        ({"mocap_framerate": None}, "no frame rate"),
        ({"mocap_framerate": np.array(0.0)}, "frame rate between"),
        ({"mocap_framerate": np.array([30.0, 60.0])}, "frame rate between"),
        ({"up_axis": np.array("x")}, "up_axis"),
        ({"up_axis": np.zeros((2, 1, 1))}, "up_axis"),
        ({"up_axis": np.array([0x7FFFFFFF], "<u4").view("<U1")[0:1]}, "damaged"),  # no character
        ({"contacts": np.zeros((3, 4))}, "contacts"),
        ({"hand_poses": np.zeros((4, 5))}, "hand_poses"),
        ({"body_scale": np.array(0.0)}, "body_scale"),
    ],
)
def test_what_is_no_motion_is_refused_in_a_line(
    tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    arrays = {k: v for k, v in (GOOD | change).items() if v is not None}
    path = write(tmp_path / "bad.npz", **arrays)
    with pytest.raises(InputError) as caught:
        read_amass(path)
    message = str(caught.value)
    assert said in message and str(path) in message and "\n" not in message


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.npz", **GOOD)
    whole = path.read_bytes()
    for content in (b"", b"text", whole[:300], whole[:-30]):
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"a\.npz"):
            read_amass(path)
    with pytest.raises(InputError, match="no such file"):
        read_amass(tmp_path / "none.npz")
    with pytest.raises(OutputError, match="cannot be written"):
        save_amass(our_motion(), tmp_path / "no folder" / "a.npz")


def test_a_file_that_would_fill_the_memory_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "a.npz", **GOOD)
    monkeypatch.setattr("vimoflow.formats.amass_npz._MAX_BYTES", 1000)
    with pytest.raises(InputError, match="unpacks to more than"):
        read_amass(path)
