"""``vimoflow data``: motion corpora, or videos, to training data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import click

from vimoflow.cli.commands import CommandGroup
from vimoflow.cli.paths import OutputFolder, require_input, require_output_folder
from vimoflow.cli.progress import progress
from vimoflow.data.prepare_options import PrepareOptions
from vimoflow.factory.engine import EngineSettings
from vimoflow.factory.settings import BuildSettings
from vimoflow.options import Option

DATA = CommandGroup(
    "data",
    "Make training data, from videos or from motion corpora.",
    {
        "Commands": {
            "build": "vimoflow.cli.data:build",
            "prepare": "vimoflow.cli.data:prepare",
        }
    },
    examples="""
    vimoflow data build my_videos -o my_dataset
    vimoflow data prepare bvh my_bvh_files -o shards
    """,
)


def prepare(
    source: str,
    paths: Annotated[tuple[Path, ...], Option(metavar="PATH")],
    *,
    output: OutputFolder,
    options: PrepareOptions,
) -> None:
    """Turn a motion corpus into training shards on the 24-joint skeleton.

    A run that was stopped goes on when the same command is given again.

    Args:
        source: its format: amass, bvh, or built for a data set of `vimoflow data build`.
        paths: the corpus as downloaded: archives or folders.
        output: folder the shards go to.
    """
    for path in paths:
        require_input(path, archives=True)
    require_output_folder(output)
    from vimoflow.data.preparation_summary import summary_table
    from vimoflow.data.prepare import prepare as run

    with progress(source) as show:
        entries = run(source, list(paths), output, options, show)
    click.echo(summary_table(entries))


def build(
    videos: tuple[str, ...],
    *,
    output: OutputFolder,
    settings: BuildSettings,
    camera: Literal["static", "moving"] = "static",
    licence: str = "",
    engine: EngineSettings,
) -> None:
    """Turn videos into a motion data set that others can train on.

    A build that was stopped goes on when the same command is given again.

    Args:
        videos: videos, folders of them, patterns, .txt lists, .csv tables with labels.
        output: folder of the data set.
        camera: whether the cameras stood still.
        licence: terms of the videos without any in a table.
    """
    import dataclasses

    require_output_folder(output)
    from vimoflow.factory.building import build as run

    settings = dataclasses.replace(settings, static_camera=camera == "static")
    selection = run(list(videos), output, settings, engine, licence, progress)
    click.echo(
        f"{output}: {len(selection.accepted)} clips, "
        f"{len(selection.accepted) * settings.seconds / 60:.1f} min; "
        f"{len(selection.rejected)} kept out (rejected.csv). "
        f"Look at it: {output / 'index.html'}"
    )
    for entry in selection.videos:
        if entry.record.error:
            click.echo(f"  not used: {entry.source.name}: {entry.record.error}")
