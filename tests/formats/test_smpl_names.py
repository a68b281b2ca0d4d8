"""SMPL parameters as people save them: names, axes, shapes; one walk under all of them."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from vimoflow.errors import InputError
from vimoflow.formats.amass_npz import read_amass
from vimoflow.formats.motion_units import Up
from vimoflow.formats.smpl_results import read_smpl_results
from vimoflow.formats.up_axis import up_axis
from vimoflow.motion.clip import Motion
from vimoflow.motion.skeleton import joint, load_skeleton
from vimoflow.notes import collected_notes

FRAMES = 40
TO_Z = Rotation.from_rotvec([np.pi / 2, 0, 0])
TO_CAMERA = Rotation.from_rotvec([np.pi, 0, 0])
OFFSET = np.array(load_skeleton().smpl_trans_to_pelvis)


def walk() -> tuple[np.ndarray, np.ndarray]:
    """Axis-angle of 24 joints and the pelvis' places, +Y up: a stroll along +Z."""
    phase = 2 * np.pi * np.arange(FRAMES) / 30
    poses = np.zeros((FRAMES, 24, 3))
    for side, sign in (("left", 1), ("right", -1)):
        poses[:, joint(f"{side}_hip"), 0] = 0.4 * sign * np.sin(phase)
        poses[:, joint(f"{side}_knee"), 0] = 0.3 + 0.3 * np.cos(phase) * sign
        poses[:, joint(f"{side}_shoulder"), 2] = -1.2 * sign
    poses[:, 0, 0] = 0.1
    pelvis = np.stack([0 * phase, 0 * phase + 0.93, np.arange(FRAMES) / 30], axis=1)
    return poses, pelvis


def in_axes(turn: Rotation, away: tuple[float, float, float] = (0, 0, 0)) -> tuple[Any, Any]:
    """The walk in a file's own axes: poses and SMPL's translation."""
    poses, pelvis = walk()
    poses[:, 0] = (turn * Rotation.from_rotvec(poses[:, 0])).as_rotvec()
    return poses, turn.apply(pelvis) + away - OFFSET


def shown(motion: Motion) -> np.ndarray:
    """Joints but hands, from the first pelvis."""
    return motion.joint_positions[:, :22] - motion.joint_positions[0, 0]


def expected() -> np.ndarray:
    poses, pelvis = walk()
    return shown(Motion(poses, pelvis, 30.0, np.zeros((FRAMES, 4))))


def padded(poses: np.ndarray, width: int) -> np.ndarray:
    full = np.zeros((FRAMES, width))
    full[:, :66] = poses[:, :22].reshape(FRAMES, -1)
    return full


def dialects() -> dict[str, tuple[dict[str, Any], bool]]:
    """Fields of each file, and whether its axis is not the usual one of its kind."""
    (y, ty), (z, tz) = in_axes(Rotation.identity()), in_axes(TO_Z)
    c, tc = in_axes(TO_CAMERA, (0.3, 1.0, 4.0))
    flat = y[:, 1:22].reshape(FRAMES, 63)
    matrices = Rotation.from_rotvec(y.reshape(-1, 3)).as_matrix().reshape(FRAMES, 24, 3, 3)
    return {
        "AMASS": ({"poses": padded(z, 156), "trans": tz, "mocap_framerate": 30.0}, False),
        "SMPL-X release": ({"root_orient": z[:, 0], "pose_body": z[:, 1:22].reshape(FRAMES, 63),
                            "trans": tz, "mocap_frame_rate": 30.0}, False),
        "BEAT2": ({"poses": padded(y, 165), "trans": ty, "mocap_frame_rate": 30}, True),
        "in a camera": ({"poses": c.reshape(FRAMES, 72), "trans": tc, "fps": 30}, True),
        "SMPL-X in a camera": ({"global_orient": c[:, 0], "body_pose": c[:, 1:22],
                                "transl": tc, "fps": 30}, True),
        "GVHMR": ({"global_orient": y[:, 0], "body_pose": flat, "transl": ty, "fps": 30}, False),
        "SMPL of 23": ({"global_orient": y[:, 0], "body_pose": y[:, 1:].reshape(FRAMES, 69),
                        "transl": ty, "fps": 30}, False),
        "ROMP": ({"thetas": y.reshape(FRAMES, 72), "trans": ty, "fps": 30}, False),
        "joints apart": ({"pose": y, "transl": ty[None], "framerate": 30}, False),
        "AIST++": ({"smpl_poses": y.reshape(FRAMES, 72), "smpl_trans": ty, "fps": 30}, False),
        "matrices": ({"global_orient": matrices[:, :1], "body_pose": matrices[:, 1:],
                      "transl": ty, "fps": 30}, False),
    }  # fmt: skip


@pytest.mark.parametrize("name", dialects())
def test_one_walk_under_every_name_and_axis(tmp_path: Path, name: str) -> None:
    fields, unusual = dialects()[name]
    path = tmp_path / "walk.npz"
    np.savez(path, **fields)
    with collected_notes() as notes:
        motion = read_amass(path)
    np.testing.assert_allclose(shown(motion), expected(), atol=1e-3)
    assert len(notes) == unusual
    if unusual:
        assert "--up" in notes[0] and str(path) in notes[0]
        up: Up = "-y" if "camera" in name else "y"
        with collected_notes() as notes:
            np.testing.assert_allclose(shown(read_amass(path, up=up)), expected(), atol=1e-3)
        assert notes == []
        stated = {"up_axis": np.array(up)}
        np.savez(path, **fields, **stated)
        with collected_notes() as notes:
            np.testing.assert_allclose(shown(read_amass(path)), expected(), atol=1e-3)
        assert notes == []


def test_what_a_camera_saw_stands_on_the_floor(tmp_path: Path) -> None:
    fields, _ = dialects()["in a camera"]
    np.savez(tmp_path / "a.npz", **fields)
    with collected_notes():
        motion = read_amass(tmp_path / "a.npz")
    assert abs(motion.joint_positions[..., 1].min()) < 0.05


@pytest.mark.parametrize("direction", np.arange(0, 360, 30))
@pytest.mark.parametrize("side", [0, 90, 180])
def test_who_lies_all_the_time_lies(tmp_path: Path, direction: float, side: float) -> None:
    """In AMASS' axes, on the back, the side and the front, the head in any direction."""
    poses = np.random.default_rng(0).normal(scale=0.02, size=(FRAMES, 24, 3))
    lie = Rotation.from_euler("yz", [np.radians(side), np.radians(direction)])
    poses[:, 0] = lie.as_rotvec()
    trans = np.tile([0.0, 0.0, 0.1], (FRAMES, 1)) - OFFSET
    if side == 90:  # arms above each other
        poses[:, joint("left_shoulder"), 2], poses[:, joint("right_shoulder"), 2] = -1.3, 1.3
        trans[:, 2] += 0.1
    np.savez(tmp_path / "a.npz", poses=padded(poses, 156), trans=trans, mocap_framerate=30.0)
    with collected_notes() as notes:
        motion = read_amass(tmp_path / "a.npz")
    assert notes == []
    body = motion.joint_positions[:, joint("head")] - motion.joint_positions[:, 0]
    assert np.abs(body[:, 1]).max() < 0.2


def test_a_body_upright_along_no_axis_keeps_the_usual_one() -> None:
    positions = np.random.default_rng(1).normal(size=(30, 24, 3))
    assert [up_axis(positions, usual) for usual in ("z", "y", None)] == ["z", "y", "z"]


def test_without_a_path_the_figure_stays_on_the_spot(tmp_path: Path) -> None:
    poses, _ = walk()
    np.savez(tmp_path / "a.npz", thetas=poses.reshape(FRAMES, 72), fps=30)
    with collected_notes() as notes:
        motion = read_amass(tmp_path / "a.npz")
    assert np.ptp(motion.trans, axis=0).max() == 0
    assert any("no path" in one for one in notes)


def test_a_given_rate_replaces_the_files_own_and_stands_in_for_none(tmp_path: Path) -> None:
    fields, _ = dialects()["GVHMR"]
    np.savez(tmp_path / "a.npz", **fields)
    assert read_amass(tmp_path / "a.npz", fps=120.0).fps == 120.0
    del fields["fps"]
    np.savez(tmp_path / "b.npz", **fields)
    assert read_amass(tmp_path / "b.npz", fps=25.0).fps == 25.0
    with pytest.raises(InputError, match="--fps"):
        read_amass(tmp_path / "b.npz")


def gvhmr(path: Path) -> None:
    fields, _ = dialects()["GVHMR"]
    tensors = {k: torch.from_numpy(v) for k, v in fields.items() if k != "fps"}
    camera = {k: torch.zeros_like(v) for k, v in tensors.items()}
    torch.save({"smpl_params_global": tensors, "smpl_params_incam": camera}, path)


def wham(path: Path) -> None:
    poses, trans = in_axes(Rotation.identity())
    long = {"pose": np.zeros((FRAMES, 72)), "trans": np.zeros((FRAMES, 3)),
            "pose_world": poses.reshape(FRAMES, 72), "trans_world": trans,
            "betas": np.zeros((FRAMES, 10)), "frame_ids": np.arange(FRAMES)}  # fmt: skip
    short = {name: value[:3] for name, value in long.items()}
    path.write_bytes(pickle.dumps({0: short, 1: long}))


def plain(path: Path) -> None:
    fields, _ = dialects()["ROMP"]
    path.write_bytes(pickle.dumps(fields))


@pytest.mark.parametrize(("write", "ending"), [(gvhmr, ".pt"), (wham, ".pkl"), (plain, ".pkl")])
def test_results_of_tools(tmp_path: Path, write: Any, ending: str) -> None:
    path = tmp_path / f"results{ending}"
    write(path)
    with collected_notes():
        motion = read_smpl_results(path, fps=30.0)
    np.testing.assert_allclose(shown(motion), expected(), atol=1e-3)


class Hostile:
    """Would write a file if anybody unpickled it."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> Any:
        return Path.touch, (self.target,)


@pytest.mark.parametrize("ending", [".pt", ".pkl"])
def test_what_needs_code_is_refused_with_the_way(tmp_path: Path, ending: str) -> None:
    path, touched = tmp_path / f"results{ending}", tmp_path / "touched"
    if ending == ".pt":
        torch.save({"poses": Hostile(touched)}, path)
    else:
        path.write_bytes(pickle.dumps({"poses": Hostile(touched)}))
    with pytest.raises(InputError, match=r"without running code.*numpy\.savez"):
        read_smpl_results(path, fps=30.0)
    assert not touched.exists()


@pytest.mark.parametrize("document", [[], {}, {"a": 1}, {"a": {"b": {"c": {}}}}])
def test_results_without_a_body_are_refused(tmp_path: Path, document: Any) -> None:
    torch.save(document, tmp_path / "a.pt")
    with pytest.raises(InputError, match=r"a\.pt: holds no SMPL"):
        read_smpl_results(tmp_path / "a.pt", fps=30.0)
