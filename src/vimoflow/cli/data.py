"""``vimoflow data``: motion corpora to training shards."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vimoflow.cli.paths import require_input, require_output_folder

app = typer.Typer(help="Make training data.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def group() -> None:
    """Make training data."""


@app.command("prepare")
def prepare(
    source: Annotated[
        str, typer.Argument(metavar="SOURCE", help="Which corpus it is, such as aistpp or cmu.")
    ],
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="PATH...", help="The corpus as downloaded: archives or folders."),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="OUT", help="Folder the shards go to.")
    ],
) -> None:
    """Turn a motion corpus into training shards on the 24-joint skeleton."""
    for path in paths:
        require_input(path)
    require_output_folder(output)
    from vimoflow.data.prepare import prepare as run

    run(source, paths, output)
