"""``vimoflow keypoints convert`` and ``info``, and ``generate`` on what they write."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from vimoflow.cli.main import main
from vimoflow.formats.motion_npz import load_motion_npz
from vimoflow.keypoints.formats import read_people
from vimoflow.keypoints.keypoint_writers import write_keypoints
from vimoflow.keypoints.sequence import Keypoints2D

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    def call(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["vimoflow", *map(str, words)])
        code: object = 0
        try:
            main()
        except SystemExit as stop:
            code = stop.code
        out, err = capsys.readouterr()
        return int(code or 0), out, err  # type: ignore[call-overload]

    return call


def two_people(frames: int = 12) -> list[Keypoints2D]:
    generator = np.random.default_rng(0)
    points = np.full((frames, 17, 3), 0.9)
    points[..., :2] = generator.uniform(100, 400, (17, 2)) + np.arange(frames)[:, None, None] * 2
    one = Keypoints2D(points, np.arange(frames) / 30, (1280, 720), person="4")
    return [one, dataclasses.replace(one, points=points * (2, 1.2, 0.5), person="9")]


def test_info_names_everybody(run: Command, tmp_path: Path) -> None:
    write_keypoints(two_people(), tmp_path / "a.json", "alphapose")
    code, out, err = run("keypoints", "info", tmp_path / "a.json")
    assert code == 0 and "30 Hz assumed" in err
    assert "alphapose, 2 people, 12 frames" in out and "person 4:" in out and "person 9:" in out


@pytest.mark.parametrize("to", ["coco", "openpose", "csv", "deeplabcut", "mmpose", "vimoflow"])
def test_a_person_keeps_the_name_when_converted(run: Command, tmp_path: Path, to: str) -> None:
    write_keypoints(two_people(), tmp_path / "a.json", "alphapose-halpe26")
    out = tmp_path / ("out" if to == "openpose" else "out.json")
    words = ("convert", tmp_path / "a.json", out, "--to", to, "--person", "9", "--fps", "30")
    assert run("keypoints", *words)[0] == 0
    (read,) = read_people(out, 30.0)
    assert read.person == "9"
    np.testing.assert_array_equal(read.points, two_people()[1].points)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--to", "coco", "--person", "5"), "no person '5'; there are '9', '4'"),
        (("--to", "xml"), "no format 'xml'"),
        (("--to", "coco", "--size", "0x9"), "--size"),
    ],
)
def test_mistakes_are_one_line(
    run: Command, tmp_path: Path, words: tuple[str, ...], complaint: str
) -> None:
    write_keypoints(two_people(), tmp_path / "a.json", "alphapose")
    code, _, err = run("keypoints", "convert", tmp_path / "a.json", tmp_path / "b", *words)
    lines = [line for line in err.splitlines() if "assumed" not in line]
    assert code == 2 and len(lines) == 1 and complaint in lines[0]
    assert not (tmp_path / "b").exists()


def test_one_performance_in_two_formats_is_one_motion(run: Command, tmp_path: Path) -> None:
    write_keypoints(two_people(), tmp_path / "frames", "openpose")
    write_keypoints(two_people(), tmp_path / "coco.json", "coco")
    motions = []
    for name in ("frames", "coco.json"):
        out = tmp_path / f"of-{name}"
        quick = ("--steps", 2, "--no-refine", "--formats", "npz")
        of = ("--fps", 30, "--person", "4", "--size", "1280x720")
        code, _, err = run("generate", tmp_path / name, "-o", out, *quick, *of)
        assert code == 0, err
        motions.append(load_motion_npz(out / "motion.npz"))
        options = json.loads((out / "run.json").read_text())["options"]
        assert options["person"] == "4" and options["image_size"] == [1280, 720]
    np.testing.assert_array_equal(motions[0].poses, motions[1].poses)
    np.testing.assert_array_equal(motions[0].trans, motions[1].trans)
