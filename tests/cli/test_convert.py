"""``vimoflow convert``: several takes, trimming, rates, axes, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from motion_examples import swinging_motion
from vimoflow.cli.main import main
from vimoflow.data.motion_files import load_motion
from vimoflow.formats.motion_units import Up
from vimoflow.formats.up_axis import UP


def run(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    monkeypatch.setattr("sys.argv", ["vimoflow", "convert", *map(str, words)])
    with pytest.raises(SystemExit) as stop:
        main()
    return int(stop.value.code or 0)


def test_each_take_gets_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("walk", "run"):
        swinging_motion(20, keypoints=False).save(tmp_path / f"{name}.npz")
    files = [tmp_path / "walk.npz", tmp_path / "run.npz"]
    assert run(monkeypatch, *files, tmp_path / "all.fbx", "--up", "z", "--unit", "m") == 0
    assert sorted(p.name for p in tmp_path.glob("*.fbx")) == ["all-run.fbx", "all-walk.fbx"]
    back = load_motion(tmp_path / "all-run.fbx")
    assert np.abs(back.joint_positions - load_motion(files[0]).joint_positions).max() < 1e-4


def test_a_bad_file_costs_itself_only(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    swinging_motion(20, keypoints=False).save(tmp_path / "walk.npz")
    (tmp_path / "bad.bvh").write_text("HIERARCHY")
    (tmp_path / "worse.glb").write_bytes(b"glTF" + bytes(40))
    files = [tmp_path / name for name in ("bad.bvh", "walk.npz", "worse.glb")]
    assert run(monkeypatch, *files, tmp_path / "all.bvh") == 2
    error = capsys.readouterr().err
    assert "bad.bvh" in error and "worse.glb" in error and error.count("\n") == 1
    assert [p.name for p in tmp_path.glob("all*")] == ["all-walk.bvh"]


@pytest.mark.parametrize("words", [("walk.npz",), ("walk.npz", "walk-walk.npz")])
def test_an_input_is_not_written_over(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, words: tuple[str, ...]
) -> None:
    files = [tmp_path / word for word in words]
    for file in files:
        swinging_motion(20).save(file)
    before = [file.read_bytes() for file in files]
    assert run(monkeypatch, *files, tmp_path / "walk.npz", "--end", "0.2") == 2
    assert [file.read_bytes() for file in files] == before


@pytest.mark.parametrize("up", ["y", "z", "-y"])
def test_what_the_input_is_in_may_be_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, up: Up
) -> None:
    """SMPL's parameters in centimetres, lying where their axis is not told."""
    motion = swinging_motion(20, keypoints=False)
    R = UP[up].T
    root = Rotation.from_matrix(R) * Rotation.from_rotvec(motion.poses[:, 0])
    poses = np.concatenate((root.as_rotvec()[:, None], motion.poses[:, 1:]), axis=1)
    trans = motion.trans @ R.T - motion.skeleton.smpl_trans_to_pelvis
    fields = {"poses": poses.reshape(20, 72), "trans": trans * 100, "fps": 30}
    np.savez(tmp_path / "in.npz", **fields)
    words = (f"--input-up={up}", "--input-unit", "cm")
    assert run(monkeypatch, tmp_path / "in.npz", tmp_path / "out.npz", *words) == 0
    found = load_motion(tmp_path / "out.npz").joint_positions
    off = found - motion.joint_positions
    assert np.abs(off - off[:1, :1]).max() < 1e-4  # but for the floor
    assert run(monkeypatch, tmp_path / "in.npz", tmp_path / "out.npz", "--input-unit", "ell") == 2


def test_start_end_rate_and_place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    motion = swinging_motion(61, 30.0, keypoints=False)
    motion.save(tmp_path / "a.npz")
    out = tmp_path / "b.bvh"
    words = ("--start", "0.5", "--end", "1.5", "--fps", "60", "--root", "inplace")
    assert run(monkeypatch, tmp_path / "a.npz", out, *words, "--preset", "unreal") == 0
    back = load_motion(out)
    assert (len(back), back.fps) == (61, 60.0)
    assert np.abs(back.trans[:, [0, 2]]).max() < 1e-6
    assert np.abs(back.trans[::2, 1] - motion.trans[15:46, 1]).max() < 1e-5


@pytest.mark.parametrize(
    "words",
    [("b.glb", "--up", "z"), ("b.glb", "--preset", "unreal"), ("b.fbx", "--order", "XYZ"),
     ("b.xyz",), ("b.bvh", "--start", "99")],
)  # fmt: skip
def test_what_cannot_be_is_one_line(
    words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    swinging_motion(5, keypoints=False).save(tmp_path / "a.npz")
    assert run(monkeypatch, tmp_path / "a.npz", tmp_path / words[0], *words[1:]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
    assert [p.name for p in tmp_path.iterdir()] == ["a.npz"]
