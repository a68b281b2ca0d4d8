"""``vimoflow edit`` from files to files, and its mistakes in one line."""

from __future__ import annotations

import json
import re
import sys

import numpy as np
import pytest

from motion_examples import swinging_motion
from vimoflow.characters.toml_file import NEEDED, OPTIONAL
from vimoflow.cli.edit import parse_frames
from vimoflow.cli.edit_files import parse_pin
from vimoflow.cli.main import main
from vimoflow.data.motion_files import load_motion
from vimoflow.errors import InputError
from vimoflow.formats.motion_npz import load_motion_npz
from vimoflow.motion.skeleton import joint

QUICK = ("--steps", "1", "--formats", "npz")


@pytest.fixture
def motion_file(tmp_path):
    path = tmp_path / "motion.npz"
    swinging_motion(40).save(path)
    return path


def run(monkeypatch, *words) -> int:
    monkeypatch.setattr(sys, "argv", ["vimoflow", "edit", *map(str, words)])
    with pytest.raises(SystemExit) as stop:
        main()
    return int(stop.value.code or 0)


def test_inbetween_keeps_a_files_other_frames(monkeypatch, tmp_path, motion_file):
    out = tmp_path / "out"
    assert run(monkeypatch, "inbetween", motion_file, "-o", out, "--frames", "15:25", *QUICK) == 0
    before, after = load_motion_npz(motion_file), load_motion_npz(out / "motion.npz")
    rest = np.r_[0:15, 25:40]
    assert np.array_equal(before.poses[rest], after.poses[rest])
    assert np.array_equal(before.trans[rest], after.trans[rest])
    record = json.loads((out / "run.json").read_text())
    assert record["edit"] == "inbetween" and record["settings"]["frames"] == "15:25"
    assert record["checkpoint"]["terms"]


def test_the_motion_itself_is_not_written_over(monkeypatch, tmp_path, motion_file, capsys):
    before = motion_file.read_bytes()
    words = ("inbetween", motion_file, "-o", tmp_path, "--frames", "15:25", *QUICK)
    assert run(monkeypatch, *words) == 2
    assert "would be written over" in capsys.readouterr().err
    assert motion_file.read_bytes() == before and list(tmp_path.iterdir()) == [motion_file]


@pytest.mark.parametrize("suffix", [".amass.npz", ".bvh"])
def test_other_formats_are_read(tmp_path, suffix):
    path = tmp_path / f"motion{suffix}"
    motion = swinging_motion(40)
    motion.save(path)
    shape = load_motion(path).joint_positions - load_motion(path).trans[:, None]
    expected = motion.joint_positions - motion.trans[:, None]
    assert np.allclose(shape, expected, atol=2e-3)


def test_a_bvhs_rate_and_rig_may_be_told(monkeypatch, tmp_path):
    path, rig, out = tmp_path / "take.bvh", tmp_path / "mine.toml", tmp_path / "out"
    swinging_motion(40).save(path)
    text = path.read_text()
    whole = load_motion(path).joint_positions
    path.write_text(re.sub("Frame Time: .*", "Frame Time: 0", text))
    assert run(monkeypatch, "inbetween", path, "-o", out, "--frames", "9:12", *QUICK) == 2
    assert np.array_equal(load_motion(path, fps=30.0).joint_positions, whole)
    words = ("--frames", "9:12", "--fps", "30", *QUICK)
    assert run(monkeypatch, "inbetween", path, "-o", out, *words) == 0
    path.write_text(text.replace("left_knee", "joint 7").replace("left_hip", "joint 6"))
    assert run(monkeypatch, "inbetween", path, "-o", out, "--frames", "9:12", *QUICK) == 2
    names = {part: part for part in (*NEEDED, *OPTIONAL)} | {
        "chest": "spine3", "left_toe": "left_foot", "right_toe": "right_foot",
        "left_knee": "joint 7", "left_hip": "joint 6",
    }  # fmt: skip
    rig.write_text("[joints]\n" + "".join(f'{part} = "{name}"\n' for part, name in names.items()))
    thighs = [
        p[:, joint("left_knee")] - p[:, joint("left_hip")]
        for p in (whole, load_motion(path, rig=str(rig)).joint_positions)
    ]
    assert np.abs(thighs[1] - thighs[0]).max() < 0.002


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--frames", "15:90"), "15:90"),
        (("--frames", "abc"), "--frames"),
        (("--frames", "15:25", "--pin", "left_hand:40"), "--pin"),
        (("--frames", "15:25", "--pin", "LeftHand9:20:0,1,0"), "no joint"),
        (("--frames", "15:25", "--method", "magic"), "timesteps, repaint"),
        (("--frames", "15:25", "--formats", "obj"), "obj"),
    ],
)
def test_a_mistake_is_one_line(monkeypatch, capsys, tmp_path, motion_file, words, message):
    out = tmp_path / "out"
    assert run(monkeypatch, "inbetween", motion_file, "-o", out, *QUICK, *words) == 2
    error = capsys.readouterr().err
    assert message in error and len(error.strip().splitlines()) == 1
    assert not out.exists()


def test_a_file_that_is_no_motion(tmp_path):
    path = tmp_path / "song.mp3"
    path.write_bytes(b"")
    with pytest.raises(InputError, match=r"song\.mp3"):
        load_motion(path)


def test_frames_and_pins_are_parsed():
    assert parse_frames("3:9") == (3, 9)
    assert parse_pin("left_hand:40:0.3,1.2,-0.5") == ("left_hand", 40, 41, (0.3, 1.2, -0.5))
    assert parse_pin("nose:4-6:0,1,0") == ("nose", 4, 7, (0.0, 1.0, 0.0))
    with pytest.raises(ValueError):
        parse_pin("nose:4-6:0,1")
