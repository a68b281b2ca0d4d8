"""Where people go: virtual, rendered and panned cameras, and windows in other places."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import click

from vimoflow.cli.evaluate import Checkpoints, Manifest, require_manifest
from vimoflow.cli.paths import DataFolder, require_input, require_output_folder
from vimoflow.cli.progress import progress
from vimoflow.conventions import DEFAULT_CHECKPOINT
from vimoflow.options import Option


def world(
    manifest: Manifest,
    *,
    data: DataFolder,
    checkpoint: Checkpoints = DEFAULT_CHECKPOINT,
    rendered: Annotated[Path | None, Option(metavar="DIR")] = None,
) -> None:
    """World errors of clips through cameras that stand, pan, shake, zoom, follow and orbit.

    Args:
        manifest: the benchmark, as benchmarks/world.toml; its clips are filmed by every kind.
        data: folder of shards made by `vimoflow data prepare`.
        checkpoint: a checkpoint that ships, or a file.
        rendered: film them on bodies into this folder, and look at the videos with MediaPipe.
    """
    require_manifest(manifest)
    require_input(data)
    if rendered is not None:
        require_output_folder(rendered)
    from lab.studies.world_paths import filmed, world_table
    from vimoflow.data.shards import read_shards
    from vimoflow.diffusion.checkpoint import load_checkpoint
    from vimoflow.evaluation.benchmark.benchmark_file import read_manifest
    from vimoflow.inference.sampling import SamplingOptions

    wanted, model = read_manifest(manifest), load_checkpoint(checkpoint)
    shards = read_shards(data, wanted.split)
    if rendered is None:
        with progress("sampling") as show:
            rows = filmed(model, wanted, shards, SamplingOptions(), progress=show)
    else:
        from lab.studies.rendered_paths import filmed_on_bodies

        with progress("rendering") as show:
            rows = filmed_on_bodies(model, wanted, shards, rendered, show)
    click.echo(world_table(rows))


def panned(video: Path, *, checkpoint: Checkpoints = DEFAULT_CHECKPOINT) -> None:
    """A real clip of a still camera as ones would have filmed it that turn, shake or crop.

    Args:
        video: one person in the middle of the picture.
        checkpoint: a checkpoint that ships, or a file.
    """
    require_input(video)
    from lab.studies.panned_clips import panned as table
    from vimoflow.pipeline.video_to_motion import VideoToMotion

    click.echo(table(VideoToMotion.from_pretrained(checkpoint), "mediapipe", video))


def windows(*, data: DataFolder, checkpoint: Checkpoints = DEFAULT_CHECKPOINT) -> None:
    """How far the root's path depends on where windows lie, by how many there are.

    Args:
        data: folder of shards made by `vimoflow data prepare`.
        checkpoint: a checkpoint that ships, or a file.
    """
    require_input(data)
    from lab.studies.window_places import places_table, window_places
    from vimoflow.data.shards import read_shards
    from vimoflow.diffusion.checkpoint import load_checkpoint

    with progress("sampling") as show:
        rows = list(
            window_places(load_checkpoint(checkpoint), read_shards(data, "validation"), show)
        )
    click.echo(places_table(rows))
