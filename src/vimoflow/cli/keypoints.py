"""``vimoflow keypoints``: a video to a file of 2D keypoints."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vimoflow.cli import region as region_option
from vimoflow.cli.paths import require_input, require_output_file
from vimoflow.cli.progress import progress


def keypoints(
    video: Annotated[Path, typer.Argument(metavar="VIDEO", help="The video file.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE.json", help="The file to write.")
    ],
    region: Annotated[
        str | None, typer.Option(metavar=region_option.METAVAR, help=region_option.HELP)
    ] = None,
) -> None:
    """Find the 2D keypoints of the person in a video, without any 3D."""
    require_input(video)
    require_output_file(output)
    from vimoflow.keypoints.estimators import Region, extract
    from vimoflow.keypoints.formats import write_keypoints_json

    box = region_option.parse_region(region)
    with progress("keypoints") as show:
        result = extract(video, progress=show, region=None if box is None else Region(*box))
    output.parent.mkdir(parents=True, exist_ok=True)
    write_keypoints_json(result.keypoints, output)
    for warning in result.warnings:
        typer.echo(f"{video.name}: {warning}", err=True)
    seen = int(result.keypoints.observed.any(axis=1).sum())
    typer.echo(f"{output}: {len(result.keypoints)} frames, a person in {seen} of them")
