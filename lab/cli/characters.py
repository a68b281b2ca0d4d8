"""``python -m lab evaluate characters``: recordings on rigs of other makers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import click

from vimoflow.cli.paths import DataFolder, require_input
from vimoflow.cli.progress import progress
from vimoflow.options import Option


def characters(
    character: tuple[Path, ...] = (),
    *,
    data: DataFolder,
    limit: Annotated[int, Option(metavar="N", low=1, high=1e6)] = 1,
) -> None:
    """Put recordings on twelve rigs and on files of one's own: slide, depth, directions, joints.

    Args:
        character: further characters, as files.
        data: folder of shards made by `vimoflow data prepare`.
        limit: validation recordings of each corpus, the longest first; 20 seconds of each.
    """
    for path in (data, *character):
        require_input(path)
    from lab.studies.on_characters import HEAD, minute_seconds, on_characters, recordings
    from vimoflow.data.shards import read_shards

    shards = read_shards(data, "validation")
    motions = recordings(shards, limit)
    click.echo(f"{len(motions)} recordings: {', '.join(motions)}\n")
    with progress("retargeting") as show:
        rows = [one.row() for one in on_characters(list(motions.values()), character, show)]
    click.echo("\n".join([HEAD, *rows]))
    whole, files = minute_seconds(shards)
    click.echo(f"\nA minute: {whole:.2f} s of one core; reading and writing alone {files:.2f} s")
