"""ARCHITECTURE.md's recipes, carried out on a copy of the package as they stand there."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from vimoflow.video import VideoWriter

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "ARCHITECTURE.md").read_text("utf-8")


def recipe(title: str) -> list[tuple[str, str]]:
    """The blocks of a recipe: language and text."""
    section = re.search(rf"### {re.escape(title)}\n(.*?)(?=\n##)", TEXT, re.DOTALL)
    assert section is not None
    return re.findall(r"```(\w+)\n(.*?)```", section[1], re.DOTALL)


def follow(blocks: list[tuple[str, str]], root: Path) -> set[str]:
    """Write the new files and insert the new lines; which files were touched."""
    touched = set()
    for language, text in blocks:
        if language == "python":
            path, _, code = text.removeprefix("# ").partition("\n")
            assert not (root / path).exists()
            (root / path).write_text(code, "utf-8")
        else:
            path = re.search(r"^\+\+\+ b/(.*)$", text, re.MULTILINE)[1]
            content = (root / path).read_text("utf-8")
            for before, new in re.findall(r"^@@.*\n ( *\S.*)\n\+( *\S.*)$", text, re.MULTILINE):
                assert content.count(f"{before}\n") == 1, before
                content = content.replace(f"{before}\n", f"{before}\n{new}\n")
            (root / path).write_text(content, "utf-8")
        touched.add(path)
    return touched


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


@pytest.fixture
def video(tmp_path: Path) -> Path:
    with VideoWriter(tmp_path / "field.mp4", (160, 120), 30.0) as writer:
        for k in range(12):
            writer.write(np.full((120, 160, 3), 90, np.uint8), k / 30)
    return tmp_path / "field.mp4"


def python(root: Path, *words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *map(str, words)], capture_output=True, text=True, cwd=root,
        env={"PYTHONPATH": str(root / "src"), "OMP_NUM_THREADS": "1", "PATH": "/usr/bin:/bin"},
    )  # fmt: skip


def test_add_a_detector(copy: Path, video: Path) -> None:
    assert len(follow(recipe("Add a detector (2 files)"), copy)) == 2
    assert "|scarecrow" in python(copy, "-m", "vimoflow", "keypoints", "video", "-h").stdout
    out = copy / "k.json"
    done = python(copy, "-m", "vimoflow", "keypoints", video, "-o", out, "--estimator", "scarecrow")
    assert done.returncode == 0 and "a person in 12 of them" in done.stdout, done.stderr
    wrong = python(copy, "-m", "vimoflow", "generate", video, "--estimator", "crow")
    assert wrong.returncode == 2 and "rtmo, scarecrow" in wrong.stderr


def test_add_a_format(copy: Path) -> None:
    assert len(follow(recipe("Add a format (2 files)"), copy)) == 2
    code = """
import numpy as np
from vimoflow import Motion
still = np.zeros((3, 24, 3), np.float32)
Motion(still, still[:, 0] + (1, 0, 2), 30.0, np.zeros((3, 4), np.float32)).save("walk.path.csv")
"""
    done = python(copy, "-c", code)
    assert done.returncode == 0, done.stderr
    assert (copy / "walk.path.csv").read_text().splitlines()[1] == "0.0333,1.0000,0.0000,2.0000"
    assert "path.csv" in python(copy, "-m", "vimoflow", "generate", "-h").stdout


def test_add_a_loss(copy: Path) -> None:
    assert len(follow(recipe("Add a loss (1 file)"), copy)) == 1
    (copy / "mine.toml").write_text("[losses]\nheight = 2.0\n", "utf-8")
    code = """
import torch
from vimoflow.motion.features import LAYOUT
from vimoflow.training.losses import TERMS, frame_losses
from vimoflow.training.recipes import find_recipe
x = torch.zeros(1, 4, 151)
x[..., LAYOUT.rotations] = torch.tensor([1.0, 0, 0, 0, 1, 0]).repeat(24)
y = x.clone()
y[..., LAYOUT.root] += torch.tensor([1.0, 0.5, 1.0])
losses = frame_losses(x, x, y, x, torch.zeros(1, 4, 24, 3))
print(find_recipe("mine.toml").losses.height, "height" in TERMS, losses.height[0, 0].item())
"""
    done = python(copy, "-c", code)
    assert done.stdout.split() == ["2.0", "True", "0.25"], done.stderr
