"""``vimoflow evaluate``: how far a checkpoint is from the truth of held-out clips."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from vimoflow.cli.paths import require_input, require_output_file
from vimoflow.errors import OutputError


def evaluate(
    data: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder of shards made by `vimoflow data prepare`.")
    ],
    checkpoint: Annotated[
        str, typer.Option(metavar="NAME|PATH", help="A checkpoint that ships, or a file.")
    ] = "small",
    limit: Annotated[
        int, typer.Option(min=1, metavar="N", help="Recordings of each corpus and group at most.")
    ] = 24,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE.md", help="Write the table to a file, too."),
    ] = None,
) -> None:
    """Compare a checkpoint with the truth of held-out clips, as a Markdown table."""
    require_input(data)
    if output is not None:
        require_output_file(output)
    from vimoflow.diffusion.checkpoint import load_checkpoint
    from vimoflow.evaluation.benchmark import validation_report
    from vimoflow.sampling import SamplingOptions

    table = validation_report(data, load_checkpoint(checkpoint), SamplingOptions(), limit)
    typer.echo(table)
    if output is not None:
        _write(table, output)


def _write(table: str, path: Path) -> None:
    partial = path.with_name(path.name + ".partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(table + "\n", "utf-8")
        os.replace(partial, path)
    except OSError as error:
        raise OutputError(f"{path}: cannot write the table ({error.strerror})") from error
    finally:
        partial.unlink(missing_ok=True)
