"""``vimoflow train``: training shards to a checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vimoflow.cli.paths import require_input, require_output_folder


def train(
    recipe: Annotated[
        str, typer.Argument(metavar="RECIPE", help="Which model and schedule: small, big, ...")
    ],
    data: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder of shards made by `vimoflow data prepare`.")
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="Folder for checkpoints and logs.")
    ],
    steps: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Optimizer steps. Default: the recipe's."),
    ] = None,
    minutes: Annotated[
        float | None, typer.Option(min=0.0, metavar="M", help="Stop after this time at the latest.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the newest state in the output folder.")
    ] = False,
) -> None:
    """Train a model by a named recipe."""
    require_input(data)
    require_output_folder(output)
    from vimoflow.training.trainer import train as run

    run(recipe, data, output, steps=steps, minutes=minutes, resume=resume)
