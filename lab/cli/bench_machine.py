"""``python -m lab bench idle`` and ``busy``: what users wait for, on a free and a busy machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import click

from vimoflow.cli.paths import require_input
from vimoflow.options import Option

_Times = Annotated[int, Option(metavar="N", low=1, high=1000)]
_FEW_CORES = 0.2
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
    from lab.speed.figures import described, figure_lines
    from lab.speed.idle import measure_idle
    from vimoflow.cli.progress import progress
    from vimoflow.files import write_text

    with progress("measuring") as show:
        figures, runs = measure_idle(video, short, long, repeats, show)
    document = {"figures": [vars(one) for one in figures], "runs": runs}
    text = f"{described(document)}\n\n{figure_lines(figures)}\n"
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

    speed = measure_busy(video, others, repeats)
    click.echo(
        f"alone {speed.alone_s:.1f} s, beside {others} busy processes {speed.beside_s:.1f} s: "
        f"{speed.ratio:.2f} times"
    )
    if speed.strangers is not None and speed.strangers > _FEW_CORES:
        click.echo(f"Others used {speed.strangers:.1f} cores while it was to be alone.")


def memory(
    video: Path,
    *,
    minutes: Annotated[tuple[float, ...], Option(metavar="N,...")] = (1.0, 10.0),
    preview: bool = True,
) -> None:
    """Measure how much memory generating takes, by the length of the video.

    Args:
        video: whose keypoints are played forth and back to each length.
        minutes: lengths.
        preview: write preview.html and preview.mp4, too.
    """
    require_input(video)
    from lab.speed.memory import measure_memory
    from vimoflow.pipeline.generate_options import DEFAULT_FORMATS, without_previews

    formats = DEFAULT_FORMATS if preview else without_previews(DEFAULT_FORMATS)
    peaks = measure_memory(video, minutes, formats)
    for length, peak_mb in peaks:
        click.echo(f"{length:g} min: {peak_mb:.0f} MB, {peak_mb / peaks[0][1]:.2f} times the first")


def tables() -> None:
    """Write what `bench idle` measured into the tables of README.md and docs/speed.md."""
    from lab.speed.figures import PAGES, read_measured, with_tables
    from vimoflow.files import write_text

    for page in PAGES:
        write_text(page, with_tables(page.read_text("utf-8"), read_measured()))
        click.echo(page)
