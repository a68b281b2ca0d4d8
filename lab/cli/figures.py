"""``python -m lab figures``: the figures of the documentation, computed anew."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vimoflow.cli.paths import require_input, require_output_folder
from vimoflow.errors import ConfigError

app = typer.Typer(help="Draw figures.", no_args_is_help=True, rich_markup_mode=None)


_OUTPUT = typer.Option("--output", "-o", metavar="DIR", help="Folder the figures go to.")
_DATA = typer.Option(metavar="DIR", help="Folder of shards made by `vimoflow data prepare`.")
_CHECKPOINT = typer.Option(metavar="NAME|PATH", help="A checkpoint that ships, or a file.")


@app.callback()
def group() -> None:
    """Draw figures."""


@app.command("snr")
def snr(
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="Folder the figure goes to.")
    ],
) -> None:
    """Loss weights over the noise schedule, with the area under each curve."""
    require_output_folder(output)
    from lab.figures.drawing import write_snr_figure

    write_snr_figure(output)


@app.command("strips")
def strips(
    output: Annotated[Path, _OUTPUT],
    data: Annotated[Path, _DATA],
    checkpoint: Annotated[str, _CHECKPOINT] = "small",
    timesteps: Annotated[
        str, typer.Option(metavar="T,T,...", help="Noise levels, 0 to 999.")
    ] = "100,200,300,400,500",
    clip: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Part of a held-out recording's name. Default: any."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="Seed of the noise.")] = 0,
) -> None:
    """Truth, x0 predictions and stochastic samples of a held-out clip, as skeletons in a row."""
    require_input(data)
    require_output_folder(output)
    levels = _timesteps(timesteps)
    from lab.figures.drawing import write_strips
    from vimoflow.diffusion.checkpoint import load_checkpoint

    write_strips(output, data, load_checkpoint(checkpoint), levels, clip, seed)


@app.command("failures")
def failures(
    output: Annotated[Path, _OUTPUT],
    data: Annotated[Path, _DATA],
    checkpoint: Annotated[str, _CHECKPOINT] = "small",
    count: Annotated[int, typer.Option(min=1, metavar="N", help="Pictures.")] = 4,
    limit: Annotated[
        int, typer.Option(min=1, metavar="N", help="Held-out recordings of each corpus tried.")
    ] = 16,
) -> None:
    """Held-out clips that a checkpoint gets most wrong, beside the truth, one a corpus."""
    require_input(data)
    require_output_folder(output)
    from lab.figures.drawing import write_failures
    from vimoflow.diffusion.checkpoint import load_checkpoint

    write_failures(output, data, load_checkpoint(checkpoint), count, limit)


def _timesteps(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise ConfigError(f"--timesteps takes numbers like 100,200,300, not '{text}'") from None
