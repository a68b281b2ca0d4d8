"""``python -m lab ablate``: many short trainings that differ in one thing, and a table of them."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from vimoflow.cli.paths import require_input, require_output_folder


def ablate(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="weighting, timesteps, film, lambdas, thesis-lambdas, projection, contacts, "
            "velocity or regression.",
        ),
    ],
    data: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder of shards made by `vimoflow data prepare`.")
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="Folder for runs and report.")
    ],
    minutes: Annotated[
        float,
        typer.Option(
            min=0.01,
            metavar="M",
            help="Size of a run: steps that the base recipe takes in M minutes.",
        ),
    ] = 5.0,
    steps: Annotated[
        int | None, typer.Option(min=10, metavar="N", help="Size of a run in steps instead.")
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, metavar="N", help="Runs of each setting.")] = 3,
    recipe: Annotated[
        str, typer.Option(metavar="NAME|FILE", help="Recipe that the settings change.")
    ] = "small",
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="SETTING", help="Run this setting and the baseline; may be repeated."),
    ] = None,
    clips: Annotated[
        int, typer.Option(min=1, metavar="N", help="Held-out recordings of each corpus sampled.")
    ] = 2,
) -> None:
    """Compare settings of the training at equal budget: table with intervals, and plot.

    Finished runs are kept: the same command goes on where it was stopped.
    """
    require_input(data)
    require_output_folder(output)
    from lab.ablations.ablate import AblationOptions
    from lab.ablations.ablate import ablate as run

    options = AblationOptions(steps, minutes, seeds, recipe, tuple(only or ()), clips)
    command = "vimoflow " + shlex.join(sys.argv[1:])
    typer.echo(f"report: {run(name, data, output, options, command, typer.echo)}")
