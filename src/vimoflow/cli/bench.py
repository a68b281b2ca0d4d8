"""``vimoflow bench``: how fast the program is on this machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from vimoflow.cli.paths import require_input

app = typer.Typer(help="Measure speed.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def group() -> None:
    """Measure how fast the program is on this machine."""


@app.command("generate")
def generate(
    video: Annotated[Path, typer.Argument(metavar="VIDEO", help="A video of one person.")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE.json", help="Write the figures as JSON."),
    ] = None,
    compare: Annotated[
        Path | None, typer.Option(metavar="OLD.json", help="Figures to put beside the new ones.")
    ] = None,
    repeats: Annotated[int, typer.Option(min=1, metavar="N", help="Runs; the medians count.")] = 3,
    threads: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Threads that compute.")
    ] = None,
    no_preview: Annotated[
        bool, typer.Option("--no-preview", help="Leave out preview.html and preview.mp4.")
    ] = False,
    every_frame: Annotated[
        bool, typer.Option("--every-frame", help="Look at every frame of a fast video.")
    ] = False,
) -> None:
    """Time every stage of generating from a video, as users run it, and what bounds it."""
    require_input(video)
    from vimoflow.files import write_text
    from vimoflow.pipeline.benchmark import measure, read_old, table
    from vimoflow.pipeline.options import FORMATS, PREVIEW_FORMATS

    old = None if compare is None else read_old(compare)
    formats = [name for name in FORMATS if not no_preview or name not in PREVIEW_FORMATS]
    options = {"formats": formats, "threads": threads}
    document = measure(video, options, repeats, every_frame)
    machine, clip = document["machine"], document["video"]
    typer.echo(f"{machine['processor']}, {machine['cores']} cores, {machine['threads']} threads")
    size = "{} x {}".format(*clip["size"])
    typer.echo(f"{clip['file']}: {clip['seconds']:.1f} s, {clip['fps']:.5g} fps, {size}")
    typer.echo("\n" + table(document, old))
    if output is not None:
        write_text(output, json.dumps(document, indent=1) + "\n")
