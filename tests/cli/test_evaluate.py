"""``vimoflow evaluate``: manifest to table and report, end to end on tiny shards."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path

import pytest

from benchmark_examples import tiny_checkpoint, write_shards
from vimoflow.cli import main
from vimoflow.diffusion.checkpoint import load_checkpoint, save_checkpoint

MANIFEST = """
name = "tiny bench"
[[clips]]
corpus = "plain"
source = "truth"
groups = ["walk"]
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return write_shards(tmp_path_factory.mktemp("shards"))


@pytest.fixture
def run(monkeypatch, capsys):
    """Run ``vimoflow evaluate``: its exit code, stdout and stderr."""
    monkeypatch.setattr(
        "vimoflow.diffusion.checkpoint.load_checkpoint", lambda name: tiny_checkpoint()
    )

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["vimoflow", "evaluate", *map(str, arguments)])
        code = 0
        try:
            main.main()
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.fixture
def manifest(tmp_path) -> Path:
    path = tmp_path / "bench.toml"
    path.write_text(MANIFEST, "utf-8")
    return path


def test_the_table_is_printed_and_the_report_written_twice_the_same(run, manifest, data, tmp_path):
    options = (manifest, "--data", data, "--steps", 2, "--no-refine")
    code, table, _ = run(*options)
    assert code == 0 and table.startswith("| clips | n | method |")
    texts = []
    for name in ("a", "b"):
        assert run(*options, "-o", tmp_path / name)[:2] == (0, table)
        files = {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()}
        assert sorted(files) == ["report.html", "report.json", "report.md"]
        texts.append(files)
    assert texts[0] == texts[1]
    document = json.loads(texts[0]["report.json"])
    assert [row["method"] for row in document["rows"]] == ["tiny", "mean motion", "truth"]
    page = texts[0]["report.html"].decode("utf-8")
    assert page.count("<iframe") == 2 and "vimoflowViewer" in page  # one clip and its truth


def test_a_regression_baseline_has_a_row_with_its_budget(
    run, manifest, data, tmp_path, monkeypatch
):
    """A checkpoint trained as regression, read from a file, in a table with its steps and time."""
    record = {"settings": {"regression": True}, "steps": 3, "hours": 0.001}
    path = tmp_path / "regression.safetensors"
    save_checkpoint(dataclasses.replace(tiny_checkpoint(), provenance=record), path)
    monkeypatch.setattr(
        "vimoflow.diffusion.checkpoint.load_checkpoint",
        lambda name: load_checkpoint(name) if name == str(path) else tiny_checkpoint(),
    )
    code, table, _ = run(manifest, "--data", data, "--steps", 2, "--no-refine", "--baseline", path)
    assert code == 0
    assert "| regression (regression, 3 steps, 4 s of training) |" in table


def test_mistakes_are_one_line(run, manifest, data, tmp_path):
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(MANIFEST + 'speed = "fast"\n', "utf-8")
    rendered = tmp_path / "rendered.toml"
    rendered.write_text('name = "r"\n[[clips]]\ncorpus = "rendered"\nsource = "truth"\n', "utf-8")
    before = sorted(path.name for path in tmp_path.iterdir())
    for words, arguments in (
        ("no such file", (tmp_path / "none.toml",)),
        ("unknown field 'speed'", (wrong, "--data", data)),
        ("folder with --data", (manifest,)),
        ("--split validation", (manifest, "--data", tmp_path)),
        ("is a folder; name a benchmark's .toml", (data, "--data", data)),
        ("choose another folder", (manifest, "--data", data, "-o", manifest)),
        ("lab evaluate rendered", (rendered, "--data", data)),
    ):
        code, out, err = run(*arguments)
        assert (code, out) == (2, "") and words in err, err
        complaints = [line for line in err.splitlines() if not line.endswith(" ...")]
        assert len(complaints) == 1 and complaints[0].startswith("vimoflow: ")
    assert sorted(path.name for path in tmp_path.iterdir()) == before
