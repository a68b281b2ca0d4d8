"""``python -m lab bench idle`` and ``busy``: what users wait for, on a free and a busy machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import click

from vimoflow.cli.paths import require_input
from vimoflow.options import Option

_Times = Annotated[int, Option(metavar="N", low=1, high=1000)]
_Seconds = Annotated[float, Option(metavar="S", low=1, high=3600)]


def idle(
    video: Path,
    *,
    output: Annotated[Path, Option(("-o", "--output"), metavar="FILE.json")],
    repeats: _Times = 5,
    short: _Seconds = 10.0,
    long: _Seconds = 60.0,
) -> None:
    """Measure everything that is asked of an idle machine; writes JSON, and a table beside it.

    Args:
        video: a clip of some seconds, which is played forth and back to any length.
        output: where the stages of every run go; the table gets the ending .md.
        repeats: runs, of the long clip at most two; the medians count.
        short: length of the short clips, seconds.
        long: length of the long one, seconds.
    """
    require_input(video)
    from lab.speed.idle import figure_lines, measure_idle
    from vimoflow.cli.progress import progress
    from vimoflow.files import write_text

    with progress("measuring") as show:
        figures, runs = measure_idle(video, short, long, repeats, show)
    machine = runs["short"]["machine"]
    said = f"{machine['processor']}, {machine['cores']} cores, medians of {repeats}"
    text = f"{said}; load {machine['load_1_min']} when measured\n\n{figure_lines(figures)}\n"
    document = {"figures": [vars(one) for one in figures], "runs": runs}
    write_text(output, json.dumps(document, indent=1) + "\n")
    write_text(output.with_suffix(".md"), text)
    click.echo(text)


def busy(video: Path, *, others: _Times = 3, repeats: _Times = 3) -> None:
    """Time generating alone and beside processes that are never idle, in turns.

    Args:
        video: a video of one person.
        others: how many busy processes.
        repeats: runs of each; the medians count.
    """
    require_input(video)
    from lab.speed.idle import measure_busy

    alone, beside = measure_busy(video, others, repeats)
    ratio = f"{beside / alone:.2f} times"
    click.echo(f"alone {alone:.1f} s, beside {others} busy processes {beside:.1f} s: {ratio}")
