"""``python -m lab ablate``: many short trainings that differ in one thing, and a table of them."""

from __future__ import annotations

import shlex
import sys
from typing import Annotated

import click

from vimoflow.cli.paths import DataFolder, OutputFolder, require_input, require_output_folder
from vimoflow.options import Option


def ablate(
    name: str,
    *,
    data: DataFolder,
    output: OutputFolder,
    minutes: Annotated[float, Option(metavar="M", low=0.01, high=1e6)] = 5.0,
    steps: Annotated[int | None, Option(metavar="N", low=10, high=1e9)] = None,
    seeds: Annotated[int, Option(metavar="N", low=1, high=1000)] = 3,
    recipe: Annotated[str, Option(metavar="NAME|FILE")] = "small",
    only: Annotated[tuple[str, ...], Option(metavar="SETTING")] = (),
    clips: Annotated[int, Option(metavar="N", low=1, high=1e6)] = 2,
) -> None:
    """Compare settings of the training at equal budget: table with intervals, and plot.

    Finished runs are kept: the same command goes on where it was stopped.

    Args:
        name: weighting, timesteps, film, lambdas, thesis-lambdas, projection, contacts, velocity
            or regression.
        data: folder of shards made by `vimoflow data prepare`.
        output: folder for runs and report.
        minutes: size of a run: steps that the base recipe takes in so many minutes.
        steps: size of a run in steps instead.
        seeds: runs of each setting.
        recipe: recipe that the settings change.
        only: run this setting and the baseline; can be repeated.
        clips: held-out recordings of each corpus sampled.
    """
    require_input(data)
    require_output_folder(output)
    from lab.ablations.ablate import AblationOptions
    from lab.ablations.ablate import ablate as run

    options = AblationOptions(steps, minutes, seeds, recipe, only, clips)
    command = "vimoflow " + shlex.join(sys.argv[1:])
    click.echo(f"report: {run(name, data, output, options, command, click.echo)}")
