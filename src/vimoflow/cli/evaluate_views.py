"""``vimoflow evaluate views``: several real views of a performance against one alone."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Annotated, cast

import typer

from vimoflow.cli.paths import require_input, require_output_folder
from vimoflow.cli.progress import progress
from vimoflow.errors import ConfigError


def evaluate_views(
    data: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder of shards made by `vimoflow data prepare`.")
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="Writes views.md and views.json.")
    ],
    counts: Annotated[str, typer.Option(metavar="LIST", help="How many views at a time.")] = "2,4",
    sets: Annotated[
        int, typer.Option(min=1, metavar="N", help="Random sets of each number of views.")
    ] = 3,
    aggregation: Annotated[
        str, typer.Option(metavar="LIST", help="What views count by: learned, mean, best.")
    ] = "learned,mean,best",
    checkpoint: Annotated[
        str, typer.Option(metavar="NAME|PATH", help="A checkpoint that ships, or a file.")
    ] = "small",
    seed: Annotated[int, typer.Option(help="Of the sets, shifts and noise.")] = 0,
) -> None:
    """Compare sets of views, with and without a shift in time, with the best single view."""
    require_input(data)
    require_output_folder(output)
    from vimoflow.data.shards import read_shards
    from vimoflow.diffusion.checkpoint import load_checkpoint
    from vimoflow.evaluation.studies import several_views as v
    from vimoflow.files import write_text
    from vimoflow.inference.multiview import AGGREGATIONS, Aggregation
    from vimoflow.inference.sampling import SamplingOptions

    try:
        numbers = [int(part) for part in counts.split(",")]
    except ValueError:
        raise ConfigError("--counts is a list of numbers, such as 2,4") from None
    if not all(2 <= number <= 9 for number in numbers):
        raise ConfigError("--counts: from 2 to 9 views can be taken together")
    names = aggregation.split(",")
    for name in names:
        if name not in AGGREGATIONS:
            raise ConfigError(f"--aggregation: {name!r} is not one of {', '.join(AGGREGATIONS)}")
    model = load_checkpoint(checkpoint)
    with progress("views") as show:
        results = v.evaluate_views(
            model,
            read_shards(data, "validation"),
            numbers,
            sets,
            [cast(Aggregation, name) for name in names],
            SamplingOptions(seed=seed),
            seed,
            show,
        )
    table = v.views_table(results)
    typer.echo(table)
    output.mkdir(parents=True, exist_ok=True)
    write_text(output / "views.md", table + "\n")
    document = {
        "checkpoint": model.name,
        "seed": seed,
        "results": [dataclasses.asdict(result) for result in results],
    }
    write_text(output / "views.json", json.dumps(document, indent=1) + "\n")
