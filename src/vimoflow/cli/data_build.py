"""``vimoflow data build``: videos to a motion data set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vimoflow.cli.paths import require_output_folder
from vimoflow.cli.progress import progress


def build(
    videos: Annotated[
        list[str],
        typer.Argument(
            metavar="VIDEOS...",
            help="Videos, folders of them, patterns, .txt lists, .csv tables with labels.",
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DATASET", help="Folder of the data set.")
    ],
    workers: Annotated[
        int | None,
        typer.Option(
            min=0,
            metavar="N",
            help="Processes; 0: only this one, without Ray. Default: one for each processor.",
        ),
    ] = None,
    address: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Of a running Ray cluster, or auto; see the manual."),
    ] = None,
    retries: Annotated[
        int, typer.Option(min=0, metavar="N", help="Of a task whose worker died.")
    ] = 3,
    samples: Annotated[
        int, typer.Option(metavar="K", help="Motions of each clip; their spread is a gate.")
    ] = 2,
    steps: Annotated[int, typer.Option(metavar="N", help="Denoising steps.")] = 10,
    seconds: Annotated[float, typer.Option(metavar="S", help="Length of the clips.")] = 5.0,
    seed: Annotated[int, typer.Option(metavar="N", help="Same seed, same data set.")] = 0,
    estimator: Annotated[
        str,
        typer.Option(metavar="NAME", help="mediapipe, or package.module:Class of your own."),
    ] = "mediapipe",
    checkpoint: Annotated[
        str, typer.Option(metavar="NAME|PATH", help="A checkpoint that ships, or a file.")
    ] = "small",
    camera: Annotated[
        str, typer.Option(metavar="static|moving", help="Whether the cameras stood still.")
    ] = "static",
    validation: Annotated[
        float,
        typer.Option(metavar="SHARE", help="Of the videos, drawn by content, for validation."),
    ] = 0.1,
    licence: Annotated[
        str, typer.Option(metavar="TEXT", help="Terms of the videos without any in a table.")
    ] = "",
    keep_rejected: Annotated[
        bool,
        typer.Option("--keep-rejected", help="Animate and write what the gates reject, too."),
    ] = False,
    no_refine: Annotated[
        bool, typer.Option("--no-refine", help="Keep the samples as the model drew them.")
    ] = False,
) -> None:
    """Turn videos into a motion data set that others can train on.

    A build that was stopped goes on when the same command is given again.
    """
    from vimoflow.errors import ConfigError

    if camera not in ("static", "moving"):
        raise ConfigError(f"--camera: {camera!r} is not one of static, moving")
    require_output_folder(output)
    from vimoflow.factory.building import build as run
    from vimoflow.factory.engine import EngineSettings
    from vimoflow.factory.settings import BuildSettings

    settings = BuildSettings(
        estimator=estimator,
        checkpoint=checkpoint,
        samples=samples,
        steps=steps,
        refine=not no_refine,
        seconds=seconds,
        static_camera=camera == "static",
        validation_share=validation,
        keep_rejected=keep_rejected,
        seed=seed,
    )
    engine = EngineSettings(workers, address, retries)
    selection = run(videos, output, settings, engine, licence, progress)
    typer.echo(
        f"{output}: {len(selection.accepted)} clips, "
        f"{len(selection.accepted) * seconds / 60:.1f} min; {len(selection.rejected)} kept out "
        f"(rejected.csv). Look at it: {output / 'index.html'}"
    )
    for entry in selection.videos:
        if entry.record.error:
            typer.echo(f"  not used: {entry.source.name}: {entry.record.error}")
