"""motion.npz: the contract, the round trip and bad files."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from motion_examples import swinging_motion
from vimoflow.errors import InputError, OutputError
from vimoflow.formats.motion_npz import load_motion_npz, save_motion_npz
from vimoflow.motion.skeleton import JOINT_NAMES, PARENTS
from vimoflow.motion.uncertainty import JointUncertainty

FRAMES = 12
CONTRACT = {
    "poses": (FRAMES, 72), "trans": (FRAMES, 3), "joints": (FRAMES, 24, 3),
    "contacts": (FRAMES, 4), "mocap_framerate": (), "betas": (10,), "gender": (), "up_axis": (),
    "joints2d": (FRAMES, 17, 3), "observed": (FRAMES, 17), "seen": (FRAMES,),
    "timestamps": (FRAMES,),
    "joint_names": (24,), "parents": (24,), "offsets": (24, 3),
}  # fmt: skip


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "motion.npz"
    save_motion_npz(swinging_motion(FRAMES), path)
    return path


def test_keys_and_shapes_are_those_of_the_contract(saved: Path) -> None:
    with np.load(saved, allow_pickle=False) as arrays:
        assert {key: arrays[key].shape for key in arrays} == CONTRACT
        assert str(arrays["gender"]) == "neutral" and str(arrays["up_axis"]) == "y"
        assert not arrays["betas"].any()
        assert tuple(arrays["joint_names"]) == JOINT_NAMES
        assert tuple(arrays["parents"]) == PARENTS


def test_the_file_explains_itself(saved: Path) -> None:
    """Joints follow from poses, trans, parents and offsets by SciPy's rotations alone."""
    from scipy.spatial.transform import Rotation

    with np.load(saved, allow_pickle=False) as data:
        poses = data["poses"].reshape(FRAMES, 24, 3)
        turns, places = [], []
        for joint, parent in enumerate(data["parents"]):
            local = Rotation.from_rotvec(poses[:, joint])
            if parent < 0:
                turns.append(local)
                places.append(data["trans"])
            else:
                turns.append(turns[parent] * local)
                places.append(places[parent] + turns[parent].apply(data["offsets"][joint]))
        assert np.abs(np.stack(places, axis=1) - data["joints"]).max() < 1e-5


def test_uncertainty_is_written_and_readers_need_not_know_it(saved: Path, tmp_path: Path) -> None:
    motion, path = swinging_motion(FRAMES), tmp_path / "with.npz"
    spread = np.random.default_rng(0).uniform(0, 0.2, (FRAMES, 24))
    save_motion_npz(motion, path, JointUncertainty(spread, 2 * spread, 3 * spread))
    with np.load(path, allow_pickle=False) as arrays:
        for k, name in enumerate(("joint_spread_m", "joint_radius_50_m", "joint_radius_90_m")):
            np.testing.assert_allclose(arrays[name], (k + 1) * spread, rtol=1e-6)
    save_motion_npz(load_motion_npz(path), tmp_path / "again.npz")
    assert (tmp_path / "again.npz").read_bytes() == saved.read_bytes()


def test_round_trip(saved: Path) -> None:
    motion, again = swinging_motion(FRAMES), load_motion_npz(saved)
    for name in ("poses", "trans", "contacts", "joints2d", "timestamps"):
        np.testing.assert_allclose(getattr(again, name), getattr(motion, name), atol=1e-4)
    np.testing.assert_array_equal(again.observed, motion.observed)
    assert again.fps == motion.fps
    assert np.abs(again.joint_positions - motion.joint_positions).max() < 1e-5


def test_a_motion_without_keypoints_comes_back_without(tmp_path: Path) -> None:
    save_motion_npz(swinging_motion(5, keypoints=False), tmp_path / "m.npz")
    again = load_motion_npz(tmp_path / "m.npz")
    assert again.joints2d is None and again.observed is None


def test_frames_without_half_of_the_body_are_marked_as_filled_in(tmp_path: Path) -> None:
    motion = swinging_motion(4)
    observed = np.ones((4, 17), bool)
    observed[1, 5:] = False  # the face alone
    observed[2, 5:11] = False  # half of the body
    observed[3] = False
    path = tmp_path / "m.npz"
    save_motion_npz(replace(motion, observed=observed), path)
    with np.load(path, allow_pickle=False) as arrays:
        assert arrays["seen"].tolist() == [True, False, True, False]
    _rewrite(path, seen=None)  # as files of older versions
    np.testing.assert_array_equal(load_motion_npz(path).observed, observed)


def test_same_motion_same_bytes(saved: Path, tmp_path: Path) -> None:
    save_motion_npz(load_motion_npz(saved), tmp_path / "b.npz")
    assert (tmp_path / "b.npz").read_bytes() == saved.read_bytes()
    with zipfile.ZipFile(saved) as archive:
        assert {entry.date_time[0] for entry in archive.infolist()} == {1980}


def _rewrite(path: Path, **changed: object) -> None:
    with np.load(path, allow_pickle=False) as arrays:
        kept = {key: arrays[key] for key in arrays if changed.get(key, 0) is not None}
    np.savez(path, **(kept | {key: value for key, value in changed.items() if value is not None}))


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"trans": None}, "no 'trans'"),
        ({"poses": np.zeros((FRAMES, 71))}, "'poses' has shape"),
        ({"poses": np.zeros((0, 72))}, "no frames"),
        ({"contacts": np.full((FRAMES, 4), np.nan)}, "not finite"),
        ({"poses": np.full((FRAMES, 72), "x")}, "not finite"),
        ({"timestamps": np.zeros(FRAMES)}, "do not increase"),
        ({"mocap_framerate": np.array(0.0)}, "positive"),
        ({"joint_names": np.array(["hips"] * 24)}, "another skeleton"),
        ({"offsets": np.ones((24, 3))}, "another skeleton"),
        ({"trans": np.array([{}] * FRAMES, dtype=object)}, "damaged"),
    ],
)
def test_bad_contents_end_in_one_line(saved: Path, changed: dict[str, object], says: str) -> None:
    _rewrite(saved, **changed)
    with pytest.raises(InputError, match=says) as caught:
        load_motion_npz(saved)
    assert str(saved) in str(caught.value) and "\n" not in str(caught.value)


def test_other_files_end_in_one_line(saved: Path, tmp_path: Path) -> None:
    whole = saved.read_bytes()
    bad = {
        "text.npz": b"hello", "empty.npz": b"", "cut.npz": whole[: len(whole) // 2],
        "flipped.npz": whole[:2000] + bytes(200) + whole[2200:],
    }  # fmt: skip
    for name, content in bad.items():
        (tmp_path / name).write_bytes(content)
    np.save(tmp_path / "array.npy", np.zeros(3))
    for name in (*bad, "array.npy", "missing.npz"):
        with pytest.raises(InputError) as caught:
            load_motion_npz(tmp_path / name)
        assert name in str(caught.value) and "\n" not in str(caught.value)


def test_an_unwritable_place_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(OutputError):
        save_motion_npz(replace(swinging_motion(3)), tmp_path / "nowhere" / "m.npz")
    assert not list(tmp_path.iterdir())
