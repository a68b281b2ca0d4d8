"""What `from vimoflow import ...` offers, to people and to type checkers, and at what cost."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import vimoflow

STUB = Path(vimoflow.__file__).with_suffix(".pyi")


def test_the_import_loads_nothing_heavy() -> None:
    program = "import sys, vimoflow; print(sorted(set(sys.modules) & {'torch', 'numpy', 'click'}))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr


def test_type_checkers_see_the_same_names_from_the_same_places() -> None:
    tree = ast.parse(STUB.read_text("utf-8"))
    seen = {
        alias.asname: getattr(importlib.import_module(node.module or ""), alias.name)
        for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names
    }  # fmt: skip
    assert {name: getattr(vimoflow, name) for name in vimoflow.__all__} == seen
    (names,) = (n.value for n in tree.body if isinstance(n, ast.Assign))
    assert ast.literal_eval(names) == vimoflow.__all__


def test_what_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        vimoflow.nothing  # noqa: B018
    assert set(vimoflow.__all__) < set(dir(vimoflow))
