"""``vimoflow bench``: how fast the program is on this machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import click

from vimoflow.cli.commands import CommandGroup
from vimoflow.cli.paths import require_input
from vimoflow.options import Option

BENCH = CommandGroup(
    "bench",
    "Measure how fast the program is on this machine.",
    {"Commands": {"generate": "vimoflow.cli.bench:generate"}},
)


def generate(
    video: Path,
    *,
    output: Annotated[Path | None, Option(("-o", "--output"), metavar="FILE.json")] = None,
    compare: Annotated[Path | None, Option(metavar="OLD.json")] = None,
    repeats: Annotated[int, Option(metavar="N", low=1, high=1000)] = 3,
    threads: Annotated[int | None, Option(metavar="N", low=1, high=1024)] = None,
    preview: bool = True,
    every_frame: bool = False,
) -> None:
    """Time every stage of generating from a video, as users run it, and what bounds it.

    Args:
        video: a video of one person.
        output: write the figures as JSON.
        compare: figures to put beside the new ones.
        repeats: runs; the medians count.
        threads: threads that compute.
        preview: write preview.html and preview.mp4, too.
        every_frame: look at every frame of a fast video.
    """
    require_input(video)
    from vimoflow.files import write_text
    from vimoflow.pipeline.benchmark import measure, read_old, table
    from vimoflow.pipeline.generate_options import DEFAULT_FORMATS, without_previews

    old = None if compare is None else read_old(compare)
    formats = DEFAULT_FORMATS if preview else without_previews(DEFAULT_FORMATS)
    options = {"formats": list(formats), "threads": threads}
    document = measure(video, options, repeats, every_frame)
    machine, clip = document["machine"], document["video"]
    click.echo(f"{machine['processor']}, {machine['cores']} cores, {machine['threads']} threads")
    size = "{} x {}".format(*clip["size"])
    click.echo(f"{clip['file']}: {clip['seconds']:.1f} s, {clip['fps']:.5g} fps, {size}")
    click.echo("\n" + table(document, old))
    if output is not None:
        write_text(output, json.dumps(document, indent=1) + "\n")
