"""DeepMimic clips: which side is left, which way knees bend, clocks, hostile JSON."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from lab.corpora.deepmimic import read_deepmimic
from vimoflow.errors import InputError
from vimoflow.motion.source import SourceMotion

# First columns of the quaternions (w first) and of the angles, as the format documents them.
QUATERNIONS = (4, 8, 12, 16, 21, 25, 30, 35, 39)
RIGHT_KNEE, RIGHT_ELBOW, LEFT_KNEE, LEFT_ELBOW = 20, 29, 34, 43


def standing(duration: float = 1 / 60) -> np.ndarray:
    frame = np.zeros(44)
    frame[0], frame[2] = duration, 0.9
    frame[list(QUATERNIONS)] = 1
    return frame


def read(path: Path, frames: list[np.ndarray]) -> SourceMotion:
    path.write_text(json.dumps({"Loop": "none", "Frames": [list(f) for f in frames]}))
    return read_deepmimic(path)


def at(motion: SourceMotion, name: str, frame: int = 0) -> np.ndarray:
    return motion.p_world_joint[frame, motion.joint_names.index(name)]


def test_the_rest_pose_stands_and_faces_z(tmp_path: Path) -> None:
    motion = read(tmp_path / "a.txt", [standing(), standing()])
    assert at(motion, "left_hip")[0] > 0 > at(motion, "right_hip")[0]
    assert at(motion, "left_toe")[2] > at(motion, "left_ankle")[2]
    height = at(motion, "head_top")[1] - at(motion, "left_toe")[1]
    assert 1.5 < height < 1.8
    assert abs(at(motion, "left_toe")[1]) < 0.05  # 0.9 m is the humanoid's standing height


def test_knees_bend_backwards_and_elbows_forwards(tmp_path: Path) -> None:
    frame = standing()
    frame[[RIGHT_KNEE, LEFT_KNEE]] = -1.0
    frame[[RIGHT_ELBOW, LEFT_ELBOW]] = 1.0
    motion = read(tmp_path / "a.txt", [frame, frame])
    for side in ("left", "right"):
        assert at(motion, f"{side}_ankle")[2] < at(motion, f"{side}_knee")[2] - 0.2
        assert at(motion, f"{side}_wrist")[2] > at(motion, f"{side}_elbow")[2] + 0.2


def test_the_root_moves_and_turns_as_written(tmp_path: Path) -> None:
    frame = standing()
    frame[1:4] = 1.0, 0.9, -2.0  # the file's x is forward, its z to the right
    frame[4:8] = np.cos(np.pi / 4), 0, np.sin(np.pi / 4), 0  # a quarter turn to the left
    motion = read(tmp_path / "a.txt", [frame, frame])
    np.testing.assert_allclose(at(motion, "root"), (2.0, 0.9, 1.0), atol=1e-9)
    assert at(motion, "left_toe")[0] > at(motion, "left_ankle")[0] + 0.1


def test_the_last_duration_is_no_time(tmp_path: Path) -> None:
    frames = [standing(), standing(), standing(0.0)]
    motion = read(tmp_path / "a.txt", frames)
    assert len(motion.p_world_joint) == 3
    assert motion.fps == pytest.approx(60)


def test_a_longer_frame_is_interpolated(tmp_path: Path) -> None:
    frames = [standing(0.02) for _ in range(6)]
    frames[2][0] = 0.04
    clock = np.concatenate(([0.0], np.cumsum([f[0] for f in frames[:-1]])))
    for frame, time in zip(frames, clock, strict=True):
        frame[1] = time  # one metre a second forward
    motion = read(tmp_path / "a.txt", frames)
    assert len(motion.p_world_joint) == 7
    speed = np.diff(motion.p_world_joint[:, 0, 2]) * motion.fps
    np.testing.assert_allclose(speed, 1.0, atol=1e-6)


def damaged(text: str) -> str:
    return json.dumps({"Frames": [list(standing())] * 2}).replace("0.9", text, 1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not a DeepMimic clip"),
        ("[" * 200_000, "not a DeepMimic clip"),
        ('{"Frames": ' * 50_000, "not a DeepMimic clip"),
        ('{"Loop": "none"}', "not a DeepMimic clip"),
        ('{"Frames": {}}', "not a list"),
        ('{"Frames": []}', "not a list"),
        ('{"Frames": [[1, 2]]}', "frame 1 does not hold 44"),
        (json.dumps({"Frames": [list(standing())] * 3})[:-200], "not a DeepMimic clip"),
        (damaged("NaN"), "NaN"),
        (damaged("1e999"), "infinite"),
        (damaged("9" * 400), "not a DeepMimic clip|infinite"),
        (damaged("true"), "no number"),
        (damaged('"0.9"'), "no number"),
        (damaged("[1]"), "no number"),
        (json.dumps({"Frames": [[0.1] + [0.0] * 43] * 2}), "length zero"),
        (json.dumps({"Frames": [list(standing(0.0))] * 3}), "durations"),
        (json.dumps({"Frames": [list(standing(-1.0))] * 3}), "durations"),
    ],
)
def test_damaged_clips_are_one_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "a.txt"
    path.write_text(text)
    with pytest.raises(InputError, match=message) as caught:
        read_deepmimic(path)
    assert "\n" not in str(caught.value) and path.name in str(caught.value)


def test_uneven_clocks_do_not_fill_the_memory(tmp_path: Path) -> None:
    frames = [standing(0.002) for _ in range(5)]
    frames[1][0] = 9e3
    with pytest.raises(InputError, match="uneven"):
        read(tmp_path / "a.txt", frames)


def test_missing_and_binary_files_are_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_deepmimic(tmp_path / "none.txt")
    (tmp_path / "a.txt").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(InputError, match="not a DeepMimic clip"):
        read_deepmimic(tmp_path / "a.txt")
