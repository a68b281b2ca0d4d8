"""``python -m lab thesis-clips``: AIST++ in the shapes of the thesis."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vimoflow.cli.paths import require_input, require_output_folder


def thesis_clips(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="AIST++ as published.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="Folder the clips go to.")
    ],
) -> None:
    """Clips of 150 frames: `cond_2d` (views, 150, 17, 3) and `m3d` (150, 151), a file each."""
    require_input(folder)
    require_output_folder(output)
    from lab.thesis_clips import write_thesis_clips
    from vimoflow.data.corpora import CORPORA

    corpus = CORPORA["aistpp"]
    recordings = [corpus.read_file(path) for path in corpus.list_files(folder)]
    typer.echo(f"{write_thesis_clips(recordings, output)} clips")
