"""Studies of a benchmark: spread, damage, nearest motion, and the published figures of AIST++."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import click

from vimoflow.cli.evaluate import Checkpoints, Limit, Manifest, Steps, require_manifest
from vimoflow.cli.paths import (
    DataFolder,
    Folder,
    OutputFolder,
    require_input,
    require_output_folder,
)
from vimoflow.cli.progress import progress
from vimoflow.conventions import DEFAULT_CHECKPOINT
from vimoflow.options import Option

if TYPE_CHECKING:
    from vimoflow.diffusion.checkpoint import Checkpoint
    from vimoflow.evaluation.benchmark.benchmark_file import Manifest as Benchmark
    from vimoflow.evaluation.benchmark.benchmark_file import NamedCases
    from vimoflow.evaluation.benchmark.cases import Case

_DAMAGED = 12  # recordings of the robustness suite: about thirty runs over all of them


def hypotheses(
    manifest: Manifest,
    *,
    data: DataFolder,
    output: OutputFolder,
    samples: Annotated[int, Option(metavar="K", low=1, high=1000)] = 4,
    checkpoint: Checkpoints = DEFAULT_CHECKPOINT,
    limit: Limit = None,
    steps: Steps = 10,
) -> None:
    """How often the truth is where K samples say; writes the factors that make it so.

    Args:
        manifest: the benchmark, as in benchmarks/*.toml.
        data: folder of shards made by `vimoflow data prepare`.
        output: folder for hypotheses.md and .json.
        samples: motions drawn for each clip.
        checkpoint: a checkpoint that ships, or a file.
        limit: recordings of each corpus and group at most.
        steps: denoising steps.
    """
    require_manifest(manifest)
    require_input(data)
    require_output_folder(output)
    from lab.studies.calibration import draw_hypotheses, write_hypotheses_report
    from vimoflow.inference.sampling import SamplingOptions

    wanted, model, sets = _opened(manifest, data, checkpoint, limit)
    cases = [case for named in sets for case in named.cases]
    with progress("sampling") as show:
        drawn = draw_hypotheses(model, cases, SamplingOptions(steps=steps), samples, progress=show)
    source = f"checkpoint {model.name}, every second recording of {wanted.name}"
    click.echo(write_hypotheses_report(drawn, source, output))


def robustness(
    manifest: Manifest,
    *,
    data: DataFolder,
    output: OutputFolder,
    checkpoint: Checkpoints = DEFAULT_CHECKPOINT,
    limit: Limit = None,
    steps: Steps = 10,
) -> None:
    """Error against damage to the 2D, on up to 12 of the recordings.

    Args:
        manifest: the benchmark, as in benchmarks/robustness.toml.
        data: folder of shards made by `vimoflow data prepare`.
        output: folder for robustness.md, .json and .png.
        checkpoint: a checkpoint that ships, or a file.
        limit: recordings of each corpus and group at most.
        steps: denoising steps.
    """
    require_manifest(manifest)
    require_input(data)
    require_output_folder(output)
    from lab.studies.robustness import robustness_curves
    from lab.studies.robustness_report import write_curves
    from vimoflow.evaluation.benchmark.cases import picked_rows
    from vimoflow.inference.sampling import SamplingOptions

    wanted, model, sets = _opened(manifest, data, checkpoint, limit)
    unique = list({case.name: case for named in sets for case in named.cases}.values())
    cases = [unique[i] for i in picked_rows(range(len(unique)), _DAMAGED)]
    with progress("robustness") as show:
        curves = robustness_curves(model, cases, SamplingOptions(steps=steps), progress=show)
    click.echo(write_curves(curves, f"{wanted.name}: {model.name}", output))


def mending(
    manifest: Manifest,
    *,
    data: DataFolder,
    checkpoint: Checkpoints = DEFAULT_CHECKPOINT,
    limit: Limit = None,
) -> None:
    """What mending keypoints costs on clips as they are, gains on damaged ones, and finds.

    Args:
        manifest: the benchmark, as in benchmarks/*.toml.
        data: folder of shards made by `vimoflow data prepare`.
        checkpoint: a checkpoint that ships, or a file.
        limit: recordings of each corpus and group at most.
    """
    require_manifest(manifest)
    require_input(data)
    from lab.studies.side_exchanges import found_exchanges, mending_rows, mending_table
    from vimoflow.inference.sampling import SamplingOptions

    _, model, sets = _opened(manifest, data, checkpoint, limit)
    with progress("mending") as show:
        rows = mending_rows(model, sets, SamplingOptions(), show)
    click.echo(mending_table(rows, found_exchanges(sets)))


def verdict(
    *,
    data: Folder = None,
    rendered: Folder = None,
    checkpoint: Checkpoints = DEFAULT_CHECKPOINT,
    seeds: Annotated[tuple[int, ...], Option(("--seed",), metavar="N")] = (0, 1, 2),
    limit: Limit = 2,
) -> None:
    """How well the verdict's risk tells clips above 80 mm from others.

    Args:
        data: folder of shards made by `vimoflow data prepare`: damaged virtual clips of them.
        rendered: folder made by `python -m lab evaluate render`: its clips, seen by MediaPipe.
        checkpoint: a checkpoint that ships, or a file.
        seeds: of motions, cameras and damage; can be repeated.
        limit: recordings of each corpus, group and severity.
    """
    for path in (data, rendered):
        if path is not None:
            require_input(path)
    from lab.rendered.benchmark import rendered_cases
    from lab.rendered.clips import read_clips
    from lab.studies.verdict_limits import damaged_cases, judged, limits_table
    from vimoflow.data.shards import read_shards
    from vimoflow.diffusion.checkpoint import load_checkpoint

    model = load_checkpoint(checkpoint)
    sets: dict[str, list[Case]] = {}
    if data is not None:
        shards = read_shards(data, "validation")
        sets = {f"seed {seed}": damaged_cases(shards, seed, limit or 2) for seed in seeds}
    if rendered is not None:
        sets[rendered.name] = [*rendered_cases(read_clips(rendered), "video")]
    for name, cases in sets.items():
        with progress("judging") as show:
            risks, errors = judged(model, cases, show)
        click.echo(f"{name}: {limits_table(risks, errors)}")


def distributions(
    manifest: Manifest,
    *,
    data: DataFolder,
    output: OutputFolder,
    checkpoint: Checkpoints = DEFAULT_CHECKPOINT,
    limit: Limit = None,
    steps: Steps = 10,
) -> None:
    """FID and diversity beside the truth's, and the spread of a clip's samples.

    Args:
        manifest: the benchmark, as in benchmarks/*.toml.
        data: folder of shards made by `vimoflow data prepare`.
        output: folder for distributions.md and .json.
        checkpoint: a checkpoint that ships, or a file.
        limit: recordings of each corpus and group at most.
        steps: denoising steps.
    """
    require_manifest(manifest)
    require_input(data)
    require_output_folder(output)
    from lab.distributions.tables import write_distributions
    from vimoflow.evaluation.benchmark.running import evaluate
    from vimoflow.inference.sampling import SamplingOptions

    wanted, model, sets = _opened(manifest, data, checkpoint, limit)
    with progress("sampling") as show:
        evaluation = evaluate(wanted, sets, model, SamplingOptions(steps=steps), show)
    click.echo(write_distributions(evaluation, output))


def nearest(
    manifest: Manifest,
    *,
    data: DataFolder,
    output: Annotated[Path | None, Option(("-o", "--output"), metavar="DIR")] = None,
    checkpoint: Checkpoints = DEFAULT_CHECKPOINT,
    limit: Limit = None,
    steps: Steps = 10,
) -> None:
    """A benchmark with one more baseline: the training motion whose 2D is most alike.

    Args:
        manifest: the benchmark, as in benchmarks/*.toml.
        data: folder of shards made by `vimoflow data prepare`.
        output: write report.json, .md and .html there.
        checkpoint: a checkpoint that ships, or a file.
        limit: recordings of each corpus and group at most.
        steps: denoising steps.
    """
    require_manifest(manifest)
    require_input(data)
    if output is not None:
        require_output_folder(output)
    from lab.studies.nearest_motion import nearest_training_motions
    from vimoflow.data.shards import read_shards
    from vimoflow.evaluation.benchmark.running import Baseline, evaluate
    from vimoflow.evaluation.report.report_files import write_report
    from vimoflow.evaluation.report.tables import quick_table
    from vimoflow.inference.sampling import SamplingOptions

    wanted, model, sets = _opened(manifest, data, checkpoint, limit)
    library = read_shards(data, "train")
    other = Baseline("nearest clip", lambda cases: nearest_training_motions(library, cases))
    with progress("sampling") as show:
        evaluation = evaluate(wanted, sets, model, SamplingOptions(steps=steps), show, [other])
    click.echo(quick_table(evaluation))
    if output is not None:
        write_report(evaluation, output)


def aistpp(motions: DataFolder, *, music: Folder = None) -> None:
    """The published figures of AIST++'s real dances beside those of the sequences at hand.

    Args:
        motions: folder of AIST++ motions (*.pkl).
        music: folder of audio files named like the sequences.
    """
    for path in (motions, music):
        if path is not None:
            require_input(path)
    from lab.studies.published_rows import truth_rows, truth_table

    click.echo(truth_table(truth_rows(motions, music)))


def _opened(
    manifest: Path, data: Path, checkpoint: str, limit: int | None
) -> tuple[Benchmark, Checkpoint, list[NamedCases]]:
    """A benchmark, the checkpoint to study on it, and its cases."""
    from vimoflow.data.shards import read_shards
    from vimoflow.diffusion.checkpoint import load_checkpoint
    from vimoflow.evaluation.benchmark.benchmark_file import benchmark_cases, read_manifest

    wanted = read_manifest(manifest)
    sets = benchmark_cases(wanted, read_shards(data, wanted.split), limit)
    return wanted, load_checkpoint(checkpoint), sets
