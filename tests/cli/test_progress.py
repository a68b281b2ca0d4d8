"""Progress where there is a terminal and where there is none."""

from __future__ import annotations

import itertools
import sys

from vimoflow.cli.progress import LINES, progress


def test_plain_lines_are_few_and_end_with_the_whole(capsys):
    with progress("keypoints") as show:
        for done in range(1, 1001):
            show(done, 1000)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == LINES + 1 and lines[0] == "keypoints ..."  # at once, before any is done
    assert lines[1].startswith("keypoints: 100 of 1000 (10%), ") and lines[1].endswith(" s left")
    assert lines[-1] == "keypoints: 1000 of 1000 (100%), done"


def test_short_work_and_unknown_lengths_are_fine(capsys):
    with progress("a") as show:
        show(1, 3)
        show(2, 3)
        show(3, 3)
    lines = capsys.readouterr().err.splitlines()
    told = [line.partition(" (")[0] for line in lines]
    assert told == ["a ...", "a: 1 of 3", "a: 2 of 3", "a: 3 of 3"]
    with progress("b") as show:
        show(1, None)
        show(2, 0)
    assert capsys.readouterr().err == "b ...\n"


def test_long_work_is_foretold_early(capsys, monkeypatch):
    """At 0.1 s a frame, 100,000 take 167 min; the first tenth alone would be 17."""
    clock = itertools.count(0, 0.1)
    monkeypatch.setattr("vimoflow.cli.progress.time.monotonic", lambda: next(clock))
    with progress("keypoints") as show:
        for done in range(1, 10_001):
            show(done, 100_000)
    lines = capsys.readouterr().err.splitlines()[1:]
    assert [line.split()[1] for line in lines] == ["51", "10000"]
    assert lines[0].endswith("167 min left") and lines[1].endswith("150 min left")


def test_a_terminal_gets_a_bar_and_stdout_stays_clean(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with progress("keypoints") as show:
        for done in range(1, 6):
            show(done, 5)
    captured = capsys.readouterr()
    assert "keypoints" in captured.err and captured.out == ""
