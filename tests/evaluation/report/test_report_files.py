"""A report's files: complete, self-contained, and the same every time."""

from __future__ import annotations

import dataclasses
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from benchmark_examples import FAST, swaying, tiny_checkpoint
from vimoflow.errors import OutputError
from vimoflow.evaluation.benchmark.benchmark_file import ClipSet, Manifest, NamedCases
from vimoflow.evaluation.benchmark.cases import Case
from vimoflow.evaluation.benchmark.running import Baseline, Evaluation, evaluate
from vimoflow.evaluation.benchmark.scores import Posed
from vimoflow.evaluation.report.report_files import Viewer, best_median_worst, write_report
from vimoflow.evaluation.report.tables import quick_table

HOSTILE = '<script>alert("{{style}}")</script>'


def case(number: int) -> Case:
    truth = swaying(24, number)
    points = np.zeros((24, 17, 3), np.float32)
    points[:, 5:] = Posed.of(truth).coco[:, 5:].numpy()
    seen = np.ones((24, 17, 3), np.float32) * np.arange(17)[:, None] * 10
    return Case(f"clip{number}", "a", "", seen, truth, points, view=HOSTILE)


@pytest.fixture(scope="module")
def evaluation() -> Evaluation:
    sets = [NamedCases("set one", tuple(case(i) for i in range(3)))]

    def broken(cases):
        poses = cases[0].truth.poses * np.float32(np.nan)
        return [dataclasses.replace(c.truth, poses=poses) for c in cases]

    manifest = Manifest("bench", (ClipSet("a", "truth"),), "What it is.")
    return evaluate(manifest, sets, tiny_checkpoint(), FAST, baselines=[Baseline("bad", broken)])


def written(folder: Path, evaluation: Evaluation) -> dict[str, str]:
    viewers = [Viewer("best: " + HOSTILE, "<p id='inner'>viewer</p>")]
    paths = write_report(evaluation, folder, viewers)
    return {path.name: path.read_text("utf-8") for path in paths}


class _Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def test_the_same_evaluation_gives_the_same_bytes(tmp_path, evaluation):
    first = written(tmp_path / "a", evaluation)
    assert written(tmp_path / "b", evaluation) == first
    assert sorted(first) == ["report.html", "report.json", "report.md"]
    assert {path.name for path in (tmp_path / "a").iterdir()} == set(first)


def test_json_holds_value_interval_and_n(tmp_path, evaluation):
    document = json.loads(written(tmp_path, evaluation)["report.json"])
    row = next(row for row in document["rows"] if row["method"] == "tiny")
    figure = row["figures"]["pa_mpjpe"]
    expected = evaluation.rows[0].metric("pa_mpjpe")
    assert figure["value"] == pytest.approx(expected.value, abs=1e-3)
    assert figure["interval"] == pytest.approx([expected.low, expected.high], abs=1e-3)
    assert figure["n"] == 3 and document["benchmark"]["name"] == "bench"
    assert len(document["flagged"]) == 3 and "not finite" in document["flagged"][0]
    bad = next(row for row in document["rows"] if row["method"] == "bad")
    assert bad["figures"]["mpjpe"]["value"] is None and bad["figures"]["mpjpe"]["missing"] == 3
    assert len(document["clips"]) == 12


def test_tables_have_as_many_cells_as_columns(tmp_path, evaluation):
    tables = [quick_table(evaluation), written(tmp_path, evaluation)["report.md"]]
    for text in tables:
        for block in re.findall(r"(?:^\|.*\n?)+", text, re.M):
            assert len({line.count("|") for line in block.strip().splitlines()}) == 1
    assert "| set one | 0 (3 flagged) | bad | – |" in tables[0]
    assert "## Flagged" in tables[1]


def test_the_page_loads_nothing_and_text_stays_text(tmp_path, evaluation):
    page = written(tmp_path, evaluation)["report.html"]
    elements = _Elements()
    elements.feed(page)
    tags = [tag for tag, _ in elements.tags]
    assert "script" not in tags and tags.count("iframe") == 1 and tags.count("img") == 2
    for _, attributes in elements.tags:
        assert (attributes.get("src") or "data:").startswith("data:")
        assert (attributes.get("href") or "data:").startswith("data:")
    assert "default-src 'none'" in page and "{{title}}" not in page
    frame = next(attributes for tag, attributes in elements.tags if tag == "iframe")
    assert frame["srcdoc"] == "<p id='inner'>viewer</p>"


def test_the_clips_to_look_at_are_best_median_and_worst(evaluation):
    chosen = best_median_worst(evaluation)
    errors = [result.score.pa_mpjpe for _, result in chosen]
    assert [label for label, _ in chosen] == ["best", "median", "worst"]
    assert errors == sorted(errors) and {r.method for _, r in chosen} == {"tiny"}


def test_an_unwritable_folder_is_one_line(tmp_path, evaluation):
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="cannot be written"):
        write_report(evaluation, tmp_path / "file")
