"""``python -m lab two-people``: rendered clips of two people, and who is taken in them."""

from __future__ import annotations

from typing import Annotated

import click
import numpy as np

from vimoflow.cli.commands import CommandGroup
from vimoflow.cli.paths import DataFolder, OutputFolder, require_input, require_output_folder
from vimoflow.cli.progress import progress
from vimoflow.options import Option

_HERE = "lab.cli.two_people"
TWO_PEOPLE = CommandGroup(
    "two-people",
    "Rendered clips of two people who cross, and who is taken in them.",
    {"Commands": {"render": f"{_HERE}:render", "score": f"{_HERE}:score"}},
)


def render(
    *,
    data: DataFolder,
    output: OutputFolder,
    count: Annotated[int, Option(metavar="N", low=1, high=10_000)] = 40,
    seed: Annotated[int, Option(metavar="N", low=0, high=2**63 - 1)] = 0,
) -> None:
    """Make clips with exact truth; those that are there already are left alone.

    Args:
        data: folder of shards made by `vimoflow data prepare`.
        output: folder for the clips.
        count: how many.
        seed: of motions, bodies, clothes and cameras.
    """
    require_input(data)
    require_output_folder(output)
    from lab.two_people import render_pairs
    from vimoflow.data.shards import read_shards

    with progress("rendering") as show:
        render_pairs(read_shards(data, "validation"), output, count, seed, show)


def score(clips: DataFolder) -> None:
    """Print a line a clip, and in how many one identity was kept.

    Args:
        clips: folder made by render.
    """
    require_input(clips)
    from lab.two_people import score_pairs

    found = []
    for one in score_pairs(clips):
        found.append(one)
        state = "kept" if one.good else "lost, said" if one.said else "LOST SILENTLY"
        click.echo(
            f"{one.name}: {one.people} people, one identity in {one.share:.0%} of clear frames, "
            f"seen in {one.seen:.0%}, {one.switches} switches: {state}"
        )
    good = np.mean([one.good for one in found])
    silent = sum(not one.good and not one.said for one in found)
    click.echo(f"kept {good:.1%} of {len(found)} clips; {silent} silent switches")
