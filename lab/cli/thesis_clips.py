"""``python -m lab thesis-clips``: AIST++ in the shapes of the thesis."""

from __future__ import annotations

import click

from vimoflow.cli.paths import DataFolder, OutputFolder, require_input, require_output_folder


def thesis_clips(folder: DataFolder, *, output: OutputFolder) -> None:
    """Clips of 150 frames: `cond_2d` (views, 150, 17, 3) and `m3d` (150, 151), a file each.

    Args:
        folder: AIST++ as published.
        output: folder the clips go to.
    """
    require_input(folder)
    require_output_folder(output)
    from lab.corpora.public import PUBLIC
    from lab.thesis_clips import write_thesis_clips

    corpus = PUBLIC["aistpp"]
    recordings = [corpus.read_file(path) for path in corpus.list_files(folder)]
    click.echo(f"{write_thesis_clips(recordings, output)} clips")
