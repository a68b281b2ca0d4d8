"""``python -m lab evaluate views``: several real views of a performance against one alone."""

from __future__ import annotations

import dataclasses
import json
from typing import Annotated

import click

from vimoflow.cli.paths import DataFolder, OutputFolder, require_input, require_output_folder
from vimoflow.cli.progress import progress
from vimoflow.conventions import DEFAULT_CHECKPOINT
from vimoflow.errors import ConfigError
from vimoflow.inference.choices import Aggregation
from vimoflow.options import Option


def views(
    *,
    data: DataFolder,
    output: OutputFolder,
    counts: Annotated[tuple[int, ...], Option(metavar="LIST")] = (2, 4),
    sets: Annotated[int, Option(metavar="N", low=1, high=1e6)] = 3,
    aggregation: Annotated[tuple[Aggregation, ...], Option(metavar="LIST")] = (
        "learned", "mean", "best",
    ),
    checkpoint: Annotated[str, Option(metavar="NAME|PATH")] = DEFAULT_CHECKPOINT,
    seed: Annotated[int, Option(metavar="N", low=0, high=2**63 - 1)] = 0,
) -> None:  # fmt: skip
    """Compare sets of views, with and without a shift in time, with the best single view.

    Args:
        data: folder of shards made by `vimoflow data prepare`.
        output: writes views.md and views.json there.
        counts: how many views at a time.
        sets: random sets of each number of views.
        aggregation: what views count by.
        checkpoint: a checkpoint that ships, or a file.
        seed: of the sets, shifts and noise.
    """
    require_input(data)
    require_output_folder(output)
    from lab.studies import several_views as v
    from vimoflow.data.shards import read_shards
    from vimoflow.diffusion.checkpoint import load_checkpoint
    from vimoflow.files import write_text
    from vimoflow.inference.sampling import SamplingOptions

    if not all(2 <= number <= 9 for number in counts):
        raise ConfigError("--counts: from 2 to 9 views can be taken together")
    model = load_checkpoint(checkpoint)
    with progress("views") as show:
        results = v.evaluate_views(
            model,
            read_shards(data, "validation"),
            counts,
            sets,
            aggregation,
            SamplingOptions(seed=seed),
            seed,
            show,
        )
    table = v.views_table(results)
    click.echo(table)
    output.mkdir(parents=True, exist_ok=True)
    write_text(output / "views.md", table + "\n")
    document = {
        "checkpoint": model.name,
        "seed": seed,
        "results": [dataclasses.asdict(result) for result in results],
    }
    write_text(output / "views.json", json.dumps(document, indent=1) + "\n")
