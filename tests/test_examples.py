"""The examples run as they stand, each in a folder of its own."""

from __future__ import annotations

import ast
import json
import runpy
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from motion_examples import swinging_motion
from vimoflow import load_motion, save_keypoints
from vimoflow.keypoints.sequence import Keypoints2D
from vimoflow.motion.kinematics import coco_points, forward_kinematics
from vimoflow.video import VideoWriter, frames

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "examples"


@pytest.fixture
def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., str]:
    """Runs an example in the test's folder as `python examples/NAME WORDS` would; its output."""
    monkeypatch.chdir(tmp_path)

    def call(name: str, *words: object) -> str:
        monkeypatch.setattr(sys, "argv", [name, *map(str, words)])
        runpy.run_path(str(EXAMPLES / name), run_name="__main__")
        return capsys.readouterr().out

    return call


def swinging_points(count: int) -> np.ndarray:
    """A swinging figure as a camera in front of it sees it, (frames, 17, 3)."""
    import torch

    motion = swinging_motion(count)
    root = torch.as_tensor(motion.trans, dtype=torch.float64)
    R_world, joints = forward_kinematics(torch.from_numpy(motion.local_rotations), root)
    points = coco_points(R_world, joints).numpy()[..., :2] * (250, -250) + (640, 600)
    return np.concatenate([points, np.ones((count, 17, 1))], axis=-1)


@pytest.fixture
def dance(shared_data: Path, tmp_path: Path) -> Path:
    path = tmp_path / "dance.mp4"
    with VideoWriter(path, (1280, 720), 30.0) as writer:
        for frame in frames(shared_data / "video" / "hiphop.mp4", end=0.8):
            writer.write(frame.rgb, frame.time)
    return path


def test_video_to_bvh(run: Callable[..., str], dance: Path, tmp_path: Path) -> None:
    assert "24 frames at" in run("video_to_bvh.py", dance, "dance.bvh")
    assert (tmp_path / "dance.bvh").read_text().startswith("HIERARCHY")


def test_own_keypoints(run: Callable[..., str], tmp_path: Path) -> None:
    points = swinging_points(40)
    rows = np.hstack([np.arange(40)[:, None] / 30, points.reshape(40, -1)])
    np.savetxt(tmp_path / "points.csv", rows, delimiter=",")
    assert "sideways" in run("own_keypoints.py", "points.csv", "out.npz")
    assert len(load_motion(tmp_path / "out.npz")) == 40


def test_edit(run: Callable[..., str], tmp_path: Path) -> None:
    swinging_motion(60).save(tmp_path / "motion.npz")
    assert "20 to 39" in run("edit.py", "motion.npz", 20, 40, "better.npz")
    before, after = load_motion(tmp_path / "motion.npz"), load_motion(tmp_path / "better.npz")
    np.testing.assert_array_equal(before.poses[:20], after.poses[:20])
    assert (before.poses[25:35] != after.poses[25:35]).any()


def test_a_batch_goes_on_after_a_bad_file(run: Callable[..., str], tmp_path: Path) -> None:
    points = swinging_points(30)
    for name in "ab":
        save_keypoints(
            Keypoints2D(points, np.arange(30) / 30, (1280, 720)), tmp_path / f"{name}.json"
        )
    (tmp_path / "bad.json").write_text("{}")
    out = run("batch.py", "out", "a.json", "bad.json", "b.json")
    assert out.count("jitter") == 2 and "left out: bad.json" in out
    assert (tmp_path / "out" / "b" / "motion.bvh").is_file()


def test_training_on_own_bvh(run: Callable[..., str], tmp_path: Path) -> None:
    pytest.importorskip("pytorch_optimizer")
    (tmp_path / "bvh").mkdir()
    for k in range(2):
        swinging_motion(90 + k).save(tmp_path / "bvh" / f"{k}.bvh")
    assert "trained for 2 steps" in run("train_on_bvh.py", "bvh", "run", 2)


def test_the_notebook_plays_the_motion(
    dance: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cell by cell as a kernel would, with what each cell shows."""
    monkeypatch.chdir(tmp_path)
    notebook = json.loads((EXAMPLES / "from_video_to_motion.ipynb").read_text("utf-8"))
    scope: dict[str, object] = {}
    shown = []
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            *body, last = ast.parse("".join(cell["source"])).body
            exec(compile(ast.Module(body, []), "cell", "exec"), scope)
            if isinstance(last, ast.Expr):
                shown.append(eval(compile(ast.Expression(last.value), "cell", "eval"), scope))
            else:
                exec(compile(ast.Module([last], []), "cell", "exec"), scope)
    pages = [one._repr_html_() for one in shown if hasattr(one, "_repr_html_")]
    assert len(pages) == 2 and all("srcdoc" in p and "vimoflowViewer" in p for p in pages)
    assert (tmp_path / "edited.glb").stat().st_size > 10_000
