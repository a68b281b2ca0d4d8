"""Tables of the documentation are made from measurements."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.speed.figures import PAGES, Figure, figure_lines, read_measured, with_tables
from vimoflow.errors import InputError


def _document(name: str, wall_s: float) -> dict:
    machine = {
        "processor": name, "cores": 2, "system": "Linux", "python": "3.11", "load_1_min": 0.1,
    }  # fmt: skip
    video = {"seconds": 10.0, "size": [1280, 720]}
    ceilings = {"bare detector, s": wall_s / 2}
    run = {
        "machine": machine, "video": video, "runs": 3, "wall_s": wall_s, "ceilings": ceilings,
    }  # fmt: skip
    cases = ("short", "short, no preview", "long", "long, fast")
    figure = {"name": "a thing, s", "asked": "1.5", "measured": 1.234}
    return {"figures": [figure], "runs": dict.fromkeys(cases, run)}


def test_figures_as_a_table() -> None:
    lines = figure_lines([Figure("a thing, s", "1.5", 1.234)]).splitlines()
    assert lines[-1] == "| a thing, s | 1.5 | 1.23 |"


def test_marked_parts_are_replaced_and_nothing_else() -> None:
    page = (
        "a\n<!-- measured: waits -->\nold\n<!-- end -->\nb\n<!-- measured: machines --><!-- end -->"
    )
    page = page.replace("machines -->", "machines -->\n")
    made = with_tables(page, [_document("X", 7.25), _document("Y", 3.0)])
    assert made.startswith("a\n<!-- measured: waits -->\n") and "\n<!-- end -->\nb\n" in made
    assert "old" not in made and "| 10 s | 7.2 s | 3.0 s |" in made
    assert "| MediaPipe alone on the same pictures | 10 s | 3.6 s | 1.5 s | same |" in made
    assert made.count("| a thing, s | 1.5 | 1.23 |") == 2 and "Y, 2 cores" in made
    assert with_tables(made, [_document("X", 7.25), _document("Y", 3.0)]) == made


def test_what_is_no_measurement_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"runs": {}}')
    with pytest.raises(InputError, match=r"a\.json"):
        read_measured(tmp_path)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_documentation_claims_what_was_measured(page: Path) -> None:
    documents = read_measured()
    assert "<!-- measured:" in page.read_text("utf-8")
    if not documents:
        pytest.skip("no measurement lies in docs/reports/speed")
    assert with_tables(page.read_text("utf-8"), documents) == page.read_text("utf-8")
