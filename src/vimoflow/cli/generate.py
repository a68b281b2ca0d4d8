"""``vimoflow generate``: videos or 2D keypoints to 3D animation."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from vimoflow.cli.conclusion import conclude, report
from vimoflow.cli.paths import require_input, require_output_folder
from vimoflow.cli.progress import progress
from vimoflow.pipeline.generate_options import GenerateOptions, without_previews


def generate(input: tuple[Path, ...], *, options: GenerateOptions, preview: bool = True) -> None:
    """Turn videos or 2D keypoints into 3D animation.

    Args:
        input: videos, 2D keypoint files, or folders of OpenPose JSON; several are a batch.
        preview: write preview.html and preview.mp4, where they are among the formats.

    Examples:
        vimoflow generate dance.mp4                         into the folder dance beside it
        vimoflow generate dance.mp4 -o out --start 2 --end 8
        vimoflow generate duo.mp4 -o out --person all       everybody, in one world
        vimoflow generate left.mp4 right.mp4 -o out --views
        vimoflow generate dance.mp4 --character hero.glb    onto your own character as well
        vimoflow generate keypoints.json -o out --fps 30 --formats bvh
    """
    if not preview:
        options = dataclasses.replace(options, formats=without_previews(options.formats))
    for path in input if options.character is None else (*input, options.character):
        require_input(path)
    if options.output is not None:
        require_output_folder(options.output)
    from vimoflow.pipeline import generate as run

    results = run(list(input), options, progress)

    for result in results:
        report(
            f"{result.source.name}: results in {result.folder}",
            result.files,
            [f"{label}: {value}" for label, value in result.lines()],
        )
    if results:
        conclude([note for one in results for note in one.warnings], results[0].terms)
