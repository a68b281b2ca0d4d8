"""``vimoflow data``: motion corpora to training shards."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from vimoflow.cli import data_build
from vimoflow.cli.paths import require_input, require_output_folder

app = typer.Typer(help="Make training data.", no_args_is_help=True, rich_markup_mode=None)


class _Split(str, Enum):
    TRAIN = "train"
    VALIDATION = "validation"


@app.callback()
def group() -> None:
    """Make training data."""


app.command("build")(data_build.build)


@app.command("prepare")
def prepare(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="Which corpus it is, such as aistpp or hdm05, or its format: amass or bvh.",
        ),
    ],
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="PATH...", help="The corpus as downloaded: archives or folders."),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="OUT", help="Folder the shards go to.")
    ],
    workers: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Processes. Default: one for each processor."),
    ] = None,
    rig: Annotated[
        str | None,
        typer.Option("--map", metavar="MAP", help="bvh: name of a rig, or your own map in TOML."),
    ] = None,
    fps: Annotated[
        float | None,
        typer.Option(metavar="F", help="bvh: true frame rate, where the files state a false one."),
    ] = None,
    split: Annotated[
        _Split | None, typer.Option(help="amass, bvh: what all of these files are for.")
    ] = None,
    licence: Annotated[
        str | None, typer.Option(metavar="TEXT", help="amass, bvh: the terms of these files.")
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="amass, bvh: what to call this corpus among others."),
    ] = None,
) -> None:
    """Turn a motion corpus into training shards on the 24-joint skeleton.

    A run that was stopped goes on when the same command is given again.
    """
    for path in paths:
        require_input(path)
    require_output_folder(output)
    from vimoflow.cli.progress import progress
    from vimoflow.data.preparation_summary import summary_table
    from vimoflow.data.prepare import PrepareOptions
    from vimoflow.data.prepare import prepare as run

    options = PrepareOptions(
        workers=workers,
        rig=rig,
        fps=fps,
        split=None if split is None else split.value,
        licence=licence,
        name=name,
    )
    with progress(source) as show:
        entries = run(source, paths, output, options, show)
    print(summary_table(entries))
