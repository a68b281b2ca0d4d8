"""``vimoflow evaluate``: the table on the terminal and in a file."""

from __future__ import annotations

import sys

import pytest

from vimoflow.cli import main


@pytest.fixture
def run(monkeypatch, capsys):
    """Run ``vimoflow evaluate``: its exit code, stdout and stderr."""

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
def report(monkeypatch):
    """What the command asks for; the table is made up."""
    asked = []

    def answer(data, checkpoint, options, limit):
        asked.append((data, checkpoint, limit))
        return "| clips | PA-MPJPE mm ² |"

    monkeypatch.setattr("vimoflow.diffusion.checkpoint.load_checkpoint", lambda name: name)
    monkeypatch.setattr("vimoflow.evaluation.benchmark.validation_report", answer)
    return asked


def test_the_table_is_printed(run, report, tmp_path):
    assert run("--data", tmp_path) == (0, "| clips | PA-MPJPE mm ² |\n", "")
    assert report == [(tmp_path, "small", 24)]


def test_the_table_goes_to_a_file_in_a_new_folder_too(run, report, tmp_path):
    output = tmp_path / "new" / "table.md"
    code, out, _ = run("--data", tmp_path, "--checkpoint", "x.st", "--limit", 3, "-o", output)
    assert code == 0 and output.read_text("utf-8") == out
    assert list(output.parent.iterdir()) == [output] and report == [(tmp_path, "x.st", 3)]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--data", "{}/missing"],
        ["--data", "{}", "--checkpoint", "enormous"],
        ["--data", "{}", "-o", "{}"],
    ],
)
def test_mistakes_are_one_line(run, tmp_path, arguments):
    code, out, err = run(*(part.format(tmp_path) for part in arguments))
    assert (code, out) == (2, "") and err.startswith("vimoflow: ") and err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
