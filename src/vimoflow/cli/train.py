"""``vimoflow train``: training shards to a checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vimoflow.cli.paths import require_input, require_output_folder

if TYPE_CHECKING:
    from vimoflow.training.trainer import Painter


def train(
    recipe: Annotated[
        str,
        typer.Argument(metavar="RECIPE", help="small, big, ..., or a TOML file of one's own."),
    ],
    data: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder of shards made by `vimoflow data prepare`.")
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="Folder for checkpoints and logs.")
    ],
    steps: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Optimizer steps. Default: the recipe's."),
    ] = None,
    minutes: Annotated[
        float | None, typer.Option(min=0.0, metavar="M", help="Stop after this time at the latest.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the newest state in the output folder.")
    ] = False,
    init: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Start from this checkpoint instead of random weights."),
    ] = None,
    without: Annotated[
        list[str] | None,
        typer.Option(metavar="CORPUS", help="Do not train on this corpus. Can be repeated."),
    ] = None,
    share: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CORPUS=SHARE",
            help="Of the windows, 0 to 1, that come from this corpus. Can be repeated.",
        ),
    ] = None,
    accumulate: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Batches of a step. Default: the recipe's."),
    ] = None,
    precision: Annotated[
        str, typer.Option(metavar="bf16|float32", help="Of the network's products.")
    ] = "bf16",
    compile: Annotated[
        bool,
        typer.Option(
            "--compile/--no-compile",
            help="Compile the network: pays from a few hundred steps on.",
        ),
    ] = True,
    held_out_every: Annotated[
        int,
        typer.Option(min=0, metavar="N", help="Steps between errors on validation shards; 0: no."),
    ] = 1000,
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Write TensorBoard events, too.")
    ] = False,
) -> None:
    """Train a model by a recipe.

    Several GPUs or machines: `torchrun --nproc-per-node N -m vimoflow train ...`, or `accelerate
    launch -m vimoflow train ...`.
    """
    require_input(data)
    require_output_folder(output)
    if init is not None:
        require_input(init)
    from vimoflow.training.options import RunOptions
    from vimoflow.training.trainer import train as run

    options = RunOptions(
        steps=steps,
        accumulate=accumulate,
        minutes=minutes,
        resume=resume,
        init=init,
        without=tuple(without or ()),
        shares=_shares(share or []),
        compile=compile,
        precision=precision,
        held_out_every=held_out_every,
        tensorboard=tensorboard,
    )
    run(recipe, data, output, options, strips=_painter(data) if tensorboard else None)


def _shares(texts: list[str]) -> dict[str, float]:
    from vimoflow.errors import ConfigError

    shares: dict[str, float] = {}
    for text in texts:
        corpus, _, number = text.rpartition("=")
        try:
            shares[corpus.strip()] = float(number)
        except ValueError:
            corpus = ""
        if not corpus:
            raise ConfigError(f"--share {text}: say it as CORPUS=SHARE, such as dances=0.2")
    return shares


def _painter(data: Path) -> Painter | None:
    """Draws a held-out clip, where there is one."""
    from vimoflow.data.shards import read_manifest
    from vimoflow.diffusion.schedule import NoiseSchedule
    from vimoflow.evaluation.report.strips import strip_case, strip_painter

    if all(entry.split != "validation" for entry in read_manifest(data)):
        return None
    return strip_painter(strip_case(data), NoiseSchedule())
