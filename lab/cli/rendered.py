"""Videos with exact truth, and what a detector errs in them."""

from __future__ import annotations

from typing import Annotated

import click

from vimoflow.cli.paths import DataFolder, OutputFolder, require_input, require_output_folder
from vimoflow.cli.progress import progress
from vimoflow.options import Option


def render(
    *,
    data: DataFolder,
    output: OutputFolder,
    seed: Annotated[int, Option(metavar="N", low=0, high=2**63 - 1)] = 0,
    clips: Annotated[int, Option(metavar="N", low=1, high=1e6)] = 20,
) -> None:
    """Render validation motions as videos with exact truth; goes on where it was stopped.

    Args:
        data: folder of shards made by `vimoflow data prepare`.
        output: folder the clips go to.
        seed: of motions, cameras, light and clothes.
        clips: how many clips.
    """
    require_input(data)
    require_output_folder(output)
    from lab.rendered.filming import render_benchmark
    from vimoflow.data.shards import read_shards

    with progress("rendering") as show:
        paths = render_benchmark(read_shards(data, "validation"), output, clips, seed, show)
    click.echo(f"{len(paths)} clips in {output}")


def detector(*, rendered: DataFolder, output: OutputFolder) -> None:
    """Error statistics of the keypoint detector on rendered clips, joint by joint.

    Args:
        rendered: folder of clips made by `python -m lab evaluate render`.
        output: folder for detector.json and .md.
    """
    require_input(rendered)
    require_output_folder(output)
    from lab.rendered.detector import detector_errors, write_detector_errors
    from vimoflow.evaluation.benchmark.rendered_clips import read_clips

    with progress("finding keypoints") as show:
        errors = detector_errors(read_clips(rendered), show)
    click.echo(write_detector_errors(errors, output))
