"""``python -m lab music in-step``: which songs and dances belong together in time."""

from __future__ import annotations

import dataclasses
import json

import click

from lab.cli.music_beats import require_folders
from vimoflow.cli.paths import DataFolder, OutputFolder
from vimoflow.cli.progress import progress


def in_step(*, data: DataFolder, audio: DataFolder, output: OutputFolder) -> None:
    """The offset and drift at which each dance fits its song best, tested against chance.

    Args:
        data: folder of prepared shards.
        audio: folder with the music, named like the recordings.
        output: folder the results go to.
    """
    from lab.music.beat_tests import heard_motion
    from lab.music.steps_of_pairs import all_in_step, standing_out
    from vimoflow.files import write_text
    from vimoflow.music.pairs import read_dances

    require_folders(data, audio, output)
    dances = read_dances(data, audio, split=None)
    with progress("searching") as show:
        found = all_in_step([(d.name, heard_motion(d)) for d in dances], say=show)
    kept = standing_out(found)
    for pair in sorted(found, key=lambda pair: pair.p_value)[:12]:
        click.echo(
            f"{pair.name}: {pair.offset_s:+.2f} s ({pair.low_s:+.2f} to {pair.high_s:+.2f}), "
            f"drift {60 * pair.drift:+.2f} s a minute: {pair.alignment:.3f}, by chance "
            f"{pair.chance:.3f}, p = {pair.p_value:.3f}"
        )
    click.echo(f"{len(kept)} of {len(found)} pairs are in step (5 % of them by chance)")
    rows = [dataclasses.asdict(pair) | {"in_step": pair in kept} for pair in found]
    write_text(output / "in_step.json", json.dumps(rows, indent=1) + "\n")
