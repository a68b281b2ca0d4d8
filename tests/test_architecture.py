"""Rules about the code as a whole. The layers themselves are checked by import-linter."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "src" / "vimoflow"
MODULES = sorted(PACKAGE.rglob("*.py"))
MAX_LINES = 400
HEAVY = ("torch", "mediapipe", "matplotlib", "av", "cv2", "numpy")


def name_of(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


@pytest.mark.parametrize("module", ["vimoflow.cli.main", "vimoflow.pipeline"])
def test_the_command_line_starts_without_heavy_packages(module):
    """So that ``vimoflow --help`` and refusals of bad options answer at once."""
    program = f"import sys, {module}; print(*sorted(set(sys.modules) & set({HEAVY!r})))"
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert result.stdout.split() == []


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_every_module_says_what_it_is(path):
    assert ast.get_docstring(ast.parse(path.read_text("utf-8")))


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_no_file_grows_out_of_hand(path):
    assert len(path.read_text("utf-8").splitlines()) <= MAX_LINES


def test_every_folder_of_modules_is_a_package():
    """Folders without ``__init__.py`` would be left out of the wheel without a word."""
    folders = {path.parent for path in MODULES}
    assert [name_of(folder) for folder in folders if not (folder / "__init__.py").is_file()] == []
