"""Keypoints of a moving figure, made by the project's own kinematics and a virtual camera."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from vimoflow.cli.main import main
from vimoflow.geometry.rotations import axis_angle_to_matrix
from vimoflow.keypoints.formats import write_keypoints_json
from vimoflow.keypoints.sequence import Keypoints2D
from vimoflow.motion.kinematics import coco_points, forward_kinematics
from vimoflow.motion.skeleton import joint


@pytest.fixture(scope="session")
def swaying_keypoints() -> Callable[..., Keypoints2D]:
    """Somebody who swings arms and legs, seen from the front at 5 m, 1280 x 720."""

    def make(frames: int, fps: float = 30.0) -> Keypoints2D:
        times = np.arange(frames) / fps
        swing = 0.5 * np.sin(2 * np.pi * 0.8 * times)
        turns = np.zeros((frames, 24, 3))
        for side, sign in (("left", 1.0), ("right", -1.0)):
            turns[:, joint(f"{side}_hip"), 0] = sign * swing
            turns[:, joint(f"{side}_knee"), 0] = 0.4 * (1 - np.cos(2 * np.pi * 0.8 * times))
            turns[:, joint(f"{side}_shoulder"), 2] = -sign * (1.0 + 0.3 * swing)
        root = np.stack((0.2 * times, np.full(frames, 0.95), 0 * times), axis=1)
        R, p = forward_kinematics(axis_angle_to_matrix(torch.tensor(turns)), torch.tensor(root))
        points = coco_points(R, p).numpy()
        depth = 5.0 - points[..., 2]
        x = 640 + 900 * points[..., 0] / depth
        y = 360 - 900 * (points[..., 1] - 1.0) / depth
        seen = np.full_like(x, 0.9)
        return Keypoints2D(np.stack((x, y, seen), axis=-1), times, (1280, 720), "test", "test")

    return make


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
