"""``python -m lab bench``: how fast parts of the program are on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lab.cli import bench_build
from vimoflow.cli.paths import require_input

app = typer.Typer(help="Measure speed.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def group() -> None:
    """Measure how fast parts of the program are on this machine."""


app.command("build")(bench_build.build)


@app.command("read")
def read(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH...", help="BVH files, or folders of them.")
    ],
    files: Annotated[
        int, typer.Option(min=1, metavar="N", help="Files at most, evenly spread.")
    ] = 40,
    repeats: Annotated[
        int, typer.Option(min=1, metavar="N", help="Readings of each file; the median counts.")
    ] = 5,
) -> None:
    """Time BVH reading beside pybvh and bvhio on the same files, and compare the numbers."""
    for path in paths:
        require_input(path)
    from lab.speed.reading import compare_readers, find_bvh
    from vimoflow.cli.progress import progress

    found = find_bvh(paths, files)
    with progress("reading") as show:
        comparisons = compare_readers(found, repeats, show)
    for row in comparisons:
        typer.echo(
            f"{row.library}: {row.their_seconds * 1e3:.1f} ms, ours {row.our_seconds * 1e3:.1f} ms "
            f"({row.ratio:.1f}x); {row.files} files ({row.changed} with a changed hierarchy, "
            f"{row.refused} refused), largest difference {row.largest_difference:.1e}"
        )


@app.command("train")
def train(
    data: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder of shards made by `vimoflow data prepare`.")
    ],
    recipe: Annotated[
        str, typer.Argument(metavar="RECIPE", help="small, big, ..., or a TOML file.")
    ] = "small",
    steps: Annotated[
        int, typer.Option(min=2, metavar="N", help="Steps of each loop in a round.")
    ] = 20,
    rounds: Annotated[
        int, typer.Option(min=1, metavar="N", help="How often the two loops take turns.")
    ] = 2,
    workers: Annotated[
        int | None, typer.Option(min=0, metavar="N", help="Processes that make batches.")
    ] = None,
    precision: Annotated[
        str, typer.Option(metavar="bf16|float32", help="Of the network's products.")
    ] = "bf16",
    compile: Annotated[
        bool, typer.Option("--compile/--no-compile", help="Compile the network.")
    ] = True,
) -> None:
    """Time training beside a plain loop: eager, float32, batches made in the training process.

    Several processes: `torchrun --nproc-per-node N -m lab bench train ...`, the fastest way on
    a CPU as well, with as many as it has cores.
    """
    require_input(data)
    from lab.speed.training import measure_training
    from vimoflow.training.options import RunOptions
    from vimoflow.training.recipes import find_recipe

    options = RunOptions(
        workers=workers,
        compile=compile,
        precision=precision,
    )
    speed = measure_training(find_recipe(recipe), data, steps, rounds, options)
    if speed is not None:
        typer.echo(speed)


@app.command("evaluate")
def evaluate(
    clips: Annotated[int, typer.Option(min=2, metavar="N", help="How many clips.")] = 1000,
    frames: Annotated[
        int, typer.Option(min=4, metavar="N", help="Frames of each clip, at 30 fps.")
    ] = 150,
) -> None:
    """Time all metrics, intervals, tables and plots on made-up motions."""
    from lab.speed.metrics import measure_evaluation
    from vimoflow.cli.progress import progress

    with progress("scoring") as show:
        speed = measure_evaluation(clips, frames, progress=show)
    typer.echo(
        f"{speed.clips} clips of {speed.frames} frames: {speed.total_s:.1f} s "
        f"(figures {speed.scores_s:.1f} s, the truth's own {speed.truth_s:.1f} s, "
        f"report {speed.report_s:.1f} s)"
    )


@app.command("refine")
def refine(
    data: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder of shards made by `vimoflow data prepare`.")
    ],
) -> None:
    """Time refinement beside 160 steps of Adam on 20 validation clips, and compare the motions."""
    from lab.speed.refinement import clips_to_refine, compare_refinement, table
    from vimoflow.cli.progress import progress
    from vimoflow.diffusion.checkpoint import load_checkpoint

    with progress("refining") as show:
        typer.echo(table(list(compare_refinement(load_checkpoint(), clips_to_refine(data), show))))


@app.command("extract")
def extract(
    video: Annotated[Path, typer.Argument(metavar="VIDEO", help="A video of a person.")],
    estimator: Annotated[
        str, typer.Option(metavar="NAME", help="What finds the 2D keypoints.")
    ] = "mediapipe",
    seconds: Annotated[
        float, typer.Option(min=0.1, metavar="S", help="How much of the video, from its start.")
    ] = 10.0,
    rounds: Annotated[
        int, typer.Option(min=1, metavar="N", help="How often the two take turns.")
    ] = 2,
) -> None:
    """Time finding keypoints in a video beside the bare detector on decoded frames."""
    require_input(video)
    from lab.speed.extraction import measure_extraction
    from vimoflow.errors import ConfigError
    from vimoflow.keypoints.estimators import ESTIMATORS

    if estimator not in ESTIMATORS:
        raise ConfigError(f"--estimator: {estimator!r} is not one of {', '.join(ESTIMATORS)}")
    speed = measure_extraction(video, ESTIMATORS[estimator], seconds, rounds)
    typer.echo(
        f"{speed.frames} frames: detector alone {speed.detector_s:.2f} s "
        f"({speed.frames / speed.detector_s:.1f} frames/s), extraction {speed.extraction_s:.2f} s "
        f"({speed.frames / speed.extraction_s:.1f} frames/s): {speed.ratio:.3f} times"
    )
