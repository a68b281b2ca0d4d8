"""``python -m lab bench``: how fast parts of the program are on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import click

from vimoflow.cli.commands import CommandGroup
from vimoflow.cli.paths import DataFolder, require_input
from vimoflow.options import Option
from vimoflow.registry import DETECTORS
from vimoflow.training.run_options import PrecisionChoice

_HERE = "lab.cli.bench"
BENCH = CommandGroup(
    "bench",
    "Measure how fast parts of the program are on this machine.",
    {
        "Commands": {
            "build": "lab.cli.bench_build:build",
            "read": f"{_HERE}:read",
            "train": f"{_HERE}:train",
            "evaluate": f"{_HERE}:evaluate",
            "idle": "lab.cli.bench_machine:idle",
            "busy": "lab.cli.bench_machine:busy",
            "memory": "lab.cli.bench_machine:memory",
            "tables": "lab.cli.bench_machine:tables",
            "batches": f"{_HERE}:batches",
            "detectors": f"{_HERE}:detectors",
            "extract": f"{_HERE}:extract",
            "checks": f"{_HERE}:checks",
            "refine": f"{_HERE}:refine",
        }
    },
)
Times = Annotated[int, Option(metavar="N", low=1, high=1e6)]


def read(paths: tuple[Path, ...], *, files: Times = 40, repeats: Times = 5) -> None:
    """Time BVH reading beside pybvh and bvhio on the same files, and compare the numbers.

    Args:
        paths: BVH files, or folders of them.
        files: files at most, evenly spread.
        repeats: readings of each file; the median counts.
    """
    for path in paths:
        require_input(path)
    from lab.speed.reading import compare_readers, find_bvh
    from vimoflow.cli.progress import progress

    found = find_bvh(list(paths), files)
    with progress("reading") as show:
        comparisons = compare_readers(found, repeats, show)
    for row in comparisons:
        click.echo(
            f"{row.library}: {row.their_seconds * 1e3:.1f} ms, ours {row.our_seconds * 1e3:.1f} ms "
            f"({row.ratio:.1f}x); {row.files} files ({row.changed} with a changed hierarchy, "
            f"{row.refused} refused), largest difference {row.largest_difference:.1e}"
        )


def train(
    recipe: str = "small",
    *,
    data: DataFolder,
    steps: Annotated[int, Option(metavar="N", low=2, high=1e6)] = 20,
    rounds: Times = 2,
    workers: Annotated[int | None, Option(metavar="N", low=0, high=4096)] = None,
    precision: PrecisionChoice = "auto",
    compile: bool = True,
) -> None:
    """Time training beside a plain loop: eager, float32, batches made in the training process.

    Several processes: `torchrun --nproc-per-node N -m lab bench train ...`, the fastest way on
    a CPU as well, with as many as it has cores.

    Args:
        recipe: small, big, ..., or a TOML file.
        data: folder of shards made by `vimoflow data prepare`.
        steps: steps of each loop in a round.
        rounds: how often the two loops take turns.
        workers: processes that make batches.
        precision: of the network's products.
        compile: compile the network.
    """
    require_input(data)
    from lab.speed.training import measure_training
    from vimoflow.training.recipes import find_recipe
    from vimoflow.training.run_options import RunOptions

    options = RunOptions(
        workers=workers,
        compile=compile,
        precision=precision,
    )
    speed = measure_training(find_recipe(recipe), data, steps, rounds, options)
    if speed is not None:
        click.echo(speed)


def evaluate(
    *,
    clips: Annotated[int, Option(metavar="N", low=2, high=1e6)] = 1000,
    frames: Annotated[int, Option(metavar="N", low=4, high=1e6)] = 150,
) -> None:
    """Time all metrics, intervals, tables and plots on made-up motions.

    Args:
        clips: how many clips.
        frames: frames of each clip, at 30 fps.
    """
    from lab.speed.metrics import measure_evaluation
    from vimoflow.cli.progress import progress

    with progress("scoring") as show:
        speed = measure_evaluation(clips, frames, progress=show)
    click.echo(
        f"{speed.clips} clips of {speed.frames} frames: {speed.total_s:.1f} s "
        f"(figures {speed.scores_s:.1f} s, the truth's own {speed.truth_s:.1f} s, "
        f"report {speed.report_s:.1f} s)"
    )


def refine(*, data: DataFolder) -> None:
    """Time refinement beside 160 steps of Adam on 20 validation clips, and compare the motions.

    Args:
        data: folder of shards made by `vimoflow data prepare`.
    """
    from lab.speed.refinement import clips_to_refine, compare_refinement, table
    from vimoflow.cli.progress import progress
    from vimoflow.diffusion.checkpoint import load_checkpoint

    with progress("refining") as show:
        click.echo(table(list(compare_refinement(load_checkpoint(), clips_to_refine(data), show))))


def batches(*, frames: Times = 150, rounds: Times = 3) -> None:
    """Processor time a clip of the networks, by how many clips go through them together.

    Args:
        frames: of each clip.
        rounds: how often each size takes its turn; the medians count.
    """
    from lab.speed.batches import batch_lines, measure_batches

    click.echo(batch_lines(list(measure_batches(frames=frames, rounds=rounds))))


def detectors(*, rendered: DataFolder) -> None:
    """Detectors beside each other on rendered clips: error of 2D and motion, and time.

    Args:
        rendered: folder of clips made by `python -m lab evaluate render`.
    """
    require_input(rendered)
    from lab.rendered.clips import read_clips
    from lab.speed.detectors import compare_detectors, detector_lines
    from vimoflow.cli.progress import progress
    from vimoflow.diffusion.checkpoint import load_checkpoint

    with progress("looking") as show:
        rows = list(compare_detectors(read_clips(rendered), load_checkpoint(), show))
    click.echo(detector_lines(rows))


def extract(
    video: Path,
    *,
    estimator: Annotated[str, Option(registry=DETECTORS)] = "mediapipe",
    seconds: Annotated[float, Option(metavar="S", low=0.1, high=3600)] = 10.0,
    rounds: Times = 2,
) -> None:
    """Time finding keypoints in a video beside the bare detector on decoded frames.

    Args:
        video: a video of a person.
        estimator: what finds the 2D keypoints.
        seconds: how much of the video, from its start.
        rounds: how often the two take turns.
    """
    require_input(video)
    from lab.speed.extraction import measure_extraction
    from vimoflow.keypoints.estimators import find_estimator

    speed = measure_extraction(video, find_estimator(estimator), seconds, rounds)
    click.echo(
        f"{speed.frames} frames: detector alone {speed.detector_s:.2f} s "
        f"({speed.frames / speed.detector_s:.1f} frames/s), extraction {speed.extraction_s:.2f} s "
        f"({speed.frames / speed.extraction_s:.1f} frames/s): {speed.ratio:.3f} times"
    )


def checks(
    video: Path,
    *,
    seconds: Annotated[float, Option(metavar="S", low=0.1, high=3600)] = 10.0,
    rounds: Times = 2,
) -> None:
    """Processor time of looking for the camera's motion and for other people, beside detection.

    Args:
        video: a video of one person.
        seconds: how much of the video, from its start.
        rounds: how often they take turns.
    """
    require_input(video)
    from lab.speed.extraction import measure_checks
    from vimoflow.keypoints.mediapipe_pose import MediaPipeEstimator

    click.echo(measure_checks(video, MediaPipeEstimator, seconds, rounds))
