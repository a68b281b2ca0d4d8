"""Keypoint files, and the command as a user gives it."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import pytest

from vimoflow.cli.main import main
from vimoflow.keypoints.formats import write_keypoints_json


@pytest.fixture
def keypoint_file(tmp_path, swaying_keypoints):
    """Writes such keypoints; nothing is seen in the ranges of frames to hide."""

    def write(frames: int = 40, fps: float = 30.0, name: str = "dance.json", hide=()) -> Path:
        keypoints = swaying_keypoints(frames, fps)
        points = keypoints.points.copy()
        for start, end in hide:
            points[start:end] = 0.0
        path = tmp_path / name
        write_keypoints_json(dataclasses.replace(keypoints, points=points), path)
        return path

    return write


@pytest.fixture
def run(monkeypatch, capsys):
    """The command as a user gives it: exit code and what went to stderr."""

    def call(*arguments: object) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["vimoflow", *map(str, arguments)])
        code: object = 0
        try:
            main()
        except SystemExit as stop:
            code = stop.code
        return int(code or 0), capsys.readouterr().err  # type: ignore[call-overload]

    return call


@pytest.fixture
def assert_refused(run, tmp_path):
    """Generating ends in exit code 2 and one line that holds a word; it leaves nothing behind."""

    def check(word: str, source: Path, *options: object) -> None:
        before = set(tmp_path.rglob("*"))
        out = tmp_path / "out"
        code, err = run("generate", source, "-o", out, *options)
        lines = [line for line in err.splitlines() if line.startswith("vimoflow: ")]
        assert code == 2 and len(lines) == 1 and word in lines[0], err
        assert "Traceback" not in err
        assert set(tmp_path.rglob("*")) == before

    return check
