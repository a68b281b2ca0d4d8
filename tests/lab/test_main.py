"""The laboratory's commands say what they do, and a user's mistake is one line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def lab(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "lab", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)


def test_help_names_every_command():
    out = lab("--help").stdout
    commands = (
        "ablate", "bench", "code-size", "evaluate", "figures", "music", "prepare", "thesis-clips",
        "triangulate",
    )  # fmt: skip
    assert all(f"  {name} " in out for name in commands)


@pytest.mark.parametrize(
    "arguments",
    [
        ("figures", "snr", "-o", "README.md/out"),
        ("evaluate", "render", "--data", "no", "-o", "out"),
        ("evaluate", "detector", "--rendered", "no", "-o", "out"),
        ("evaluate", "robustness", "no", "--data", "lab", "-o", "out"),
        ("evaluate", "nearest", "lab", "--data", "lab", "-o", "out"),
        ("evaluate", "completion", "--data", "no", "-o", "out"),
        ("evaluate", "views", "--data", "no", "-o", "out"),
        ("prepare", "aistpp", "no", "-o", "out"),
        ("thesis-clips", "no", "-o", "out"),
        ("music", "preference", "no", "none", "-o", "out"),
    ],
)
def test_a_bad_path_is_one_line(arguments):
    result = lab(*arguments)
    assert result.returncode == 2 and len(result.stderr.splitlines()) == 1
    assert result.stderr.startswith("lab: ")
