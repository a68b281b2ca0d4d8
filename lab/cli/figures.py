"""``python -m lab figures``: the figures of the documentation."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from vimoflow.cli.commands import CommandGroup
from vimoflow.cli.paths import (
    DataFolder,
    OutputFile,
    OutputFolder,
    require_input,
    require_output_file,
    require_output_folder,
)
from vimoflow.conventions import DEFAULT_CHECKPOINT
from vimoflow.options import Option

_HERE = "lab.cli.figures"
FIGURES = CommandGroup(
    "figures",
    "Draw figures.",
    {
        "Commands": {
            "snr": f"{_HERE}:snr",
            "strips": f"{_HERE}:strips",
            "failures": f"{_HERE}:failures",
            "characters": f"{_HERE}:characters",
            "motions": f"{_HERE}:motions",
        }
    },
)
_Checkpoint = Annotated[str, Option(metavar="NAME|PATH")]
_Number = Annotated[int, Option(metavar="N", low=1, high=1e6)]


def snr(*, output: OutputFolder) -> None:
    """Loss weights over the noise schedule, with the area under each curve.

    Args:
        output: folder the figure goes to.
    """
    require_output_folder(output)
    from lab.figures.drawing import write_snr_figure

    write_snr_figure(output)


def strips(
    *,
    output: OutputFolder,
    data: DataFolder,
    checkpoint: _Checkpoint = DEFAULT_CHECKPOINT,
    timesteps: Annotated[tuple[int, ...], Option(metavar="T,T,...")] = (100, 200, 300, 400, 500),
    clip: Annotated[str | None, Option(metavar="NAME")] = None,
    seed: Annotated[int, Option(metavar="N", low=0, high=2**63 - 1)] = 0,
) -> None:
    """Truth, x0 predictions and stochastic samples of a held-out clip, as skeletons in a row.

    Args:
        output: folder the figures go to.
        data: folder of shards made by `vimoflow data prepare`.
        checkpoint: a checkpoint that ships, or a file.
        timesteps: noise levels, 0 to 999.
        clip: part of a held-out recording's name; else any.
        seed: of the noise.
    """
    require_input(data)
    require_output_folder(output)
    from lab.figures.drawing import write_strips
    from vimoflow.diffusion.checkpoint import load_checkpoint

    write_strips(output, data, load_checkpoint(checkpoint), list(timesteps), clip, seed)


def failures(
    *,
    output: OutputFolder,
    data: DataFolder,
    checkpoint: _Checkpoint = DEFAULT_CHECKPOINT,
    count: _Number = 4,
    limit: _Number = 16,
) -> None:
    """Held-out clips that a checkpoint gets most wrong, beside the truth, one a corpus.

    Args:
        output: folder the figures go to.
        data: folder of shards made by `vimoflow data prepare`.
        checkpoint: a checkpoint that ships, or a file.
        count: pictures.
        limit: held-out recordings of each corpus tried.
    """
    require_input(data)
    require_output_folder(output)
    from lab.figures.drawing import write_failures
    from vimoflow.diffusion.checkpoint import load_checkpoint

    write_failures(output, data, load_checkpoint(checkpoint), count, limit)


def characters(
    motion: Path, character: tuple[Path, ...], *, output: OutputFile, frames: _Number = 8
) -> None:
    """A motion on the mannequin and on characters, as their written files show it.

    Args:
        motion: a motion file.
        character: rigged GLB files.
        output: the picture.
        frames: how many, evenly spread.
    """
    for path in (motion, *character):
        require_input(path)
    require_output_file(output)
    from lab.figures.characters import write_strips

    write_strips(motion, character, output, frames)


def motions(
    motion: tuple[Path, ...],
    *,
    data: DataFolder,
    clip: Annotated[str, Option(metavar="NAME")],
    output: OutputFile,
    start: Annotated[float, Option(metavar="S", low=0)] = 1.0,
    every: Annotated[float, Option(metavar="S", low=0.01)] = 0.4,
    frames: _Number = 10,
) -> None:
    """A recorded motion and motion files, one below the other, at the same moments.

    Args:
        motion: motion files.
        data: folder of shards.
        clip: name of the recording.
        output: the picture.
        start: the first moment, seconds.
        every: seconds from one to the next.
        frames: how many.
    """
    for path in (*motion, data):
        require_input(path)
    require_output_file(output)
    from lab.figures.dances import write_motion_strips

    times = [start + every * k for k in range(frames)]
    write_motion_strips(data, clip, motion, output, times)
