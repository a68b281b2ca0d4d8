"""Measured figures, their files, and the tables of the documentation that are made from them."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vimoflow.errors import InputError

ROOT = Path(__file__).resolve().parents[2]
MEASURED = ROOT / "docs" / "reports" / "speed"  # what `bench idle` wrote, a file a machine
PAGES = (ROOT / "README.md", ROOT / "docs" / "speed.md")
_PART = re.compile(r"(<!-- measured: (\w+) -->\n).*?(<!-- end -->)", re.S)
_COMMAND = "`python -m lab bench idle VIDEO -o machine.json`"


@dataclass(frozen=True)
class Figure:
    """One thing that was measured, and what is asked of it."""

    name: str
    asked: str
    measured: float

    def __str__(self) -> str:
        return f"| {self.name} | {self.asked} | {self.measured:.2f} |"


def figure_lines(figures: Sequence[Figure]) -> str:
    """A Markdown table."""
    return "\n".join(["| | asked | measured |", "|---|---|---|", *(str(f) for f in figures)])


def with_tables(page: str, documents: Sequence[dict[str, Any]]) -> str:
    """A page whose marked parts say what was measured.

    Args:
        page: Markdown with parts between ``<!-- measured: machines -->`` (every figure of every
            machine) or ``<!-- measured: waits -->`` (what users wait for) and ``<!-- end -->``.
        documents: what ``bench idle`` wrote, a document a machine.
    """
    parts = {"machines": _machines(documents), "waits": _waits(documents)}
    return _PART.sub(lambda found: f"{found[1]}\n{parts[found[2]]}\n\n{found[3]}", page)


def read_measured(folder: Path = MEASURED) -> list[dict[str, Any]]:
    """What was measured, a document a machine.

    Raises:
        InputError: a file is no such document.
    """
    documents = []
    for path in sorted(folder.glob("*.json")):
        try:
            document = json.loads(path.read_text("utf-8"))
            assert document["figures"] and document["runs"]["short"]["machine"]
        except (ValueError, KeyError, TypeError, AssertionError) as error:
            raise InputError(f"{path}: is not what `bench idle` writes") from error
        documents.append(document)
    return documents


def described(document: dict[str, Any]) -> str:
    """The machine, the clip and how it was measured, in a line."""
    run = document["runs"]["short"]
    machine, video = run["machine"], run["video"]
    size = "{} x {}".format(*video["size"])
    return (
        f"{machine['processor']}, {machine['cores']} cores, {machine['system']}, "
        f"Python {machine['python']}; a clip of {size} played forth and back, "
        f"medians of {run['runs']}; load {machine['load_1_min']:.1f} when measured"
    )


def _machines(documents: Sequence[dict[str, Any]]) -> str:
    tables = []
    for document in documents:
        figures = [Figure(**one) for one in document["figures"]]
        tables.append(f"{described(document)}:\n\n{figure_lines(figures)}")
    return "\n\n".join(tables)


def _waits(documents: Sequence[dict[str, Any]]) -> str:
    """What a user waits for, a column a machine."""
    rows = (
        ("all files, one person, 1280 x 720", "short"),
        ("the same with `--no-preview`", "short, no preview"),
        ("all files", "long"),
        ("all files, `--quality fast`", "long, fast"),
    )
    names = []
    for document in documents:
        machine = document["runs"]["short"]["machine"]
        names.append(f"{machine['processor']}, {machine['cores']} cores")
    lines = [" | ".join(["| from the command to the last file", "of video", *names, "command |"])]
    lines.append("|---" * (len(names) + 3) + "|")
    for number, (what, name) in enumerate(rows):
        runs = [document["runs"][name] for document in documents]
        length = f"{runs[0]['video']['seconds']:.0f} s" if runs else ""
        took = [f"{run['wall_s']:.1f} s" for run in runs]
        command = "same" if number else _COMMAND
        lines.append(" | ".join([f"| {what}", length, *took, f"{command} |"]))
    alone = [document["runs"]["short"]["ceilings"]["bare detector, s"] for document in documents]
    length = f"{documents[0]['runs']['short']['video']['seconds']:.0f} s" if documents else ""
    took = [f"{seconds:.1f} s" for seconds in alone]
    lines.append(" | ".join(["| MediaPipe alone on the same pictures", length, *took, "same |"]))
    return "\n".join(lines)
