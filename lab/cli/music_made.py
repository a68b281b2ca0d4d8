"""``python -m lab music made``: music for motions that have none."""

from __future__ import annotations

from typing import Annotated

import click

from vimoflow.cli.paths import DataFolder, OutputFolder, require_input, require_output_folder
from vimoflow.cli.progress import progress
from vimoflow.options import Option


def made(
    *,
    data: DataFolder,
    output: OutputFolder,
    only: Annotated[tuple[str, ...], Option(metavar="PATTERN")] = ("*",),
) -> None:
    """Music made at the beats of each recording that keeps one, for `vimoflow music train --made`.

    Args:
        data: folder of prepared shards.
        output: folder the files go to.
        only: names of the recordings; can be repeated.
    """
    require_input(data)
    require_output_folder(output)
    from lab.music.made_music import make_music
    from vimoflow.music.pairs import read_motions_only

    dances = read_motions_only(data, only=only)
    with progress("playing") as show:
        count = make_music(dances, output, show)
    click.echo(f"music for {count} of {len(dances)} recordings in {output}")
