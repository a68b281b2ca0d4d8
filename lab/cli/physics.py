"""``python -m lab evaluate physics``: captured motion against the same damaged."""

from __future__ import annotations

from typing import Annotated, Literal

import click

from vimoflow.cli.paths import DataFolder, Folder, require_input
from vimoflow.cli.progress import progress
from vimoflow.errors import ConfigError
from vimoflow.options import Option


def physics(
    *,
    data: DataFolder,
    limit: Annotated[int, Option(metavar="N", low=1, high=1e9)] = 24,
    split: Literal["validation", "train"] = "validation",
) -> None:
    """Tell captured clips from the same clips raised, slid, and falling at half speed.

    Args:
        data: folder of shards made by `vimoflow data prepare`.
        limit: recordings of each corpus at most.
        split: whose recordings; few of the validation's jump or fall.
    """
    require_input(data)
    from lab.studies.physical_damage import damage_study
    from vimoflow.data.shards import read_shards

    with progress("asking physics") as show:
        found = damage_study(read_shards(data, split), limit, show)
    click.echo(
        "| damage | clips | measure | ROC area | captured | damaged |\n|---|---|---|---|---|---|"
    )
    for one in found:
        click.echo(
            f"| {one.name} | {one.clips} | {one.measure} | {one.area:.3f} "
            f"| {one.captured:.3g} | {one.damaged:.3g} |"
        )


def clean_up(
    *,
    data: Folder = None,
    rendered: Folder = None,
    fit: bool = False,
    limit: Annotated[int, Option(metavar="N", low=1, high=1e9)] = 10,
    clips: bool = False,
    split: Literal["validation", "train"] = "validation",
) -> None:
    """Clean up everyday motion, dance and hard motion in simulation, and tell what it gains.

    Args:
        data: folder of shards made by `vimoflow data prepare`.
        rendered: folder of clips made by `python -m lab evaluate render`: motions from videos.
        fit: put slabs under what rests in the air first.
        limit: clips of each kind.
        clips: a line for each clip instead of each kind.
        split: whose recordings.
    """
    from lab.rendered.clips import read_clips
    from lab.studies.cleaned_motion import (
        clean_up_study,
        clean_up_table,
        rendered_study,
        steps_per_second,
    )
    from vimoflow.data.shards import read_shards

    folder = data or rendered
    if folder is None:
        raise ConfigError("name a folder: --data or --rendered")
    require_input(folder)
    click.echo(f"{steps_per_second():.0f} steps of the simulator a second\n")
    with progress("simulating") as show:
        if data is None:
            found = rendered_study(read_clips(folder), fit, show)
        else:
            found = clean_up_study(read_shards(data, split), limit, fit, show)
    click.echo(clean_up_table(found, clips))
