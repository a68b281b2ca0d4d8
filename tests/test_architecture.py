"""Rules about the code as a whole. The layers themselves are checked by import-linter."""

from __future__ import annotations

import ast
import importlib
import inspect
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import get_type_hints

import pytest

from lab.code_size import code_size, too_long

PACKAGE = Path(__file__).resolve().parents[1] / "src" / "vimoflow"
MODULES = sorted(PACKAGE.rglob("*.py"))
# The house of 24,000 had 23,420 before characters, convert and its formats, people, physics and the
# world path came. Lower it when code goes.
CODE_LINES = 32_644
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


def test_the_code_does_not_grow():
    """Counted as by ``python -m lab code-size``."""
    size = code_size(PACKAGE)
    assert size.lines <= CODE_LINES
    assert too_long(size) == ()
    assert size.share_short >= 0.9


def test_every_folder_of_modules_is_a_package():
    """Folders without ``__init__.py`` would be left out of the wheel without a word."""
    folders = {path.parent for path in MODULES}
    assert [name_of(folder) for folder in folders if not (folder / "__init__.py").is_file()] == []


def names_for_types(module: ModuleType, path: Path) -> dict[str, object]:
    """A module's names with those it defines under ``if TYPE_CHECKING``, for its hints only."""
    names = dict(vars(module))
    for block in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING":
            exec(compile(ast.Module(block.body, []), str(path), "exec"), names)
    return names


def annotated(module: ModuleType) -> Iterator[object]:
    """The functions, methods, properties and, without their bases, classes of a module."""
    for value in vars(module).values():
        if getattr(value, "__module__", None) != module.__name__:
            continue
        if inspect.isfunction(value):
            yield value
        elif inspect.isclass(value):
            yield type(value.__name__, (), {"__annotations__": inspect.get_annotations(value)})
            members = vars(value).values()
            yield from (member for member in members if written_out(member))
            yield from (member.fget for member in members if isinstance(member, property))


def written_out(member: object) -> bool:
    """Whether it is a method in the source, not one that ``dataclass`` made."""
    unwritten = "<string>"
    return inspect.isfunction(member) and inspect.unwrap(member).__code__.co_filename != unwritten


@pytest.mark.parametrize("path", [p for p in MODULES if p.stem != "__main__"], ids=name_of)
def test_type_hints_name_things_that_exist(path):
    """A hint that cannot be resolved, a shape without quotes say, is silently checked by nobody."""
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    module = importlib.import_module(".".join(parts).removesuffix(".__init__"))
    names = names_for_types(module, path)
    for value in annotated(module):
        get_type_hints(value, localns=names, include_extras=True)


def test_no_two_files_share_a_name():
    """So that a name says what a file does, in a search and in an editor's tabs."""
    counts = Counter(path.name for path in MODULES)
    assert [name for name, count in counts.items() if count > 1] == ["__init__.py"]
