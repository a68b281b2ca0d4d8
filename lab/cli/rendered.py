"""Videos with exact truth, and what a detector errs in them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import click

from vimoflow.cli.evaluate import (
    Checkpoints,
    Limit,
    Manifest,
    Steps,
    baselines_of,
    require_manifest,
    viewers_of,
)  # fmt: skip
from vimoflow.cli.paths import DataFolder, OutputFolder, require_input, require_output_folder
from vimoflow.cli.progress import progress
from vimoflow.conventions import DEFAULT_CHECKPOINT
from vimoflow.inference.choices import Sampler
from vimoflow.options import Option


def render(
    *,
    data: DataFolder,
    output: OutputFolder,
    seed: Annotated[int, Option(metavar="N", low=0, high=2**63 - 1)] = 0,
    clips: Annotated[int, Option(metavar="N", low=1, high=1e6)] = 20,
    only: Annotated[str, Option(metavar="PATTERN")] = "*",
) -> None:
    """Render validation motions as videos with exact truth; goes on where it was stopped.

    Args:
        data: folder of shards made by `vimoflow data prepare`.
        output: folder the clips go to.
        seed: of motions, cameras, light and clothes.
        clips: how many clips.
        only: names of the recordings.
    """
    require_input(data)
    require_output_folder(output)
    from lab.rendered.filming import render_benchmark
    from vimoflow.data.shards import read_shards

    with progress("rendering") as show:
        shards = read_shards(data, "validation")
        paths = render_benchmark(shards, output, clips, seed, show, only)
    click.echo(f"{len(paths)} clips in {output}")


def pairs(
    *,
    data: DataFolder,
    output: OutputFolder,
    clips: Annotated[int, Option(metavar="N", low=1, high=1e6)] = 400,
    commercial: bool = False,
) -> None:
    """Film training motions and detect them, as the shard `rendered` of DATA; goes on if stopped.

    Args:
        data: folder of shards made by `vimoflow data prepare`; the new one is put beside them.
        output: folder the single clips go to.
        clips: how many clips.
        commercial: only motions whose terms are stated and do not bar commercial use.
    """
    require_input(data)
    require_output_folder(output)
    from lab.rendered.pairs import CORPUS, film_pairs, pack_pairs
    from vimoflow.data.shards import read_manifest, read_shards

    held = {entry.corpus for entry in read_manifest(data)}
    without = [name for name in (CORPUS, "aistpp-kp2d") if name in held]  # the latter are aistpp's
    shards = read_shards(data, "train", without, commercial)
    with progress("rendering") as show:
        film_pairs(shards, output, clips, show)
    entry = pack_pairs(output, shards, data)
    click.echo(f"{entry.recordings} clips, {entry.hours:.2f} hours in {data / entry.file}")


def gravity(
    pairs: Annotated[Path, Option(metavar="DIR")], *, checkpoint: Checkpoints = DEFAULT_CHECKPOINT
) -> None:
    """How far off gravity is that is found from the person, on filmed motions.

    Args:
        pairs: folder of single clips made by `python -m lab evaluate pairs`.
        checkpoint: a checkpoint that ships, or a file.
    """
    require_input(pairs)
    from lab.studies.found_gravity import gravity_errors, gravity_table
    from vimoflow.diffusion.checkpoint import load_checkpoint

    with progress("looking") as show:
        errors = gravity_errors(load_checkpoint(checkpoint), pairs, show)
    click.echo(gravity_table(errors))


def detector(*, rendered: DataFolder, output: OutputFolder) -> None:
    """Error statistics of the keypoint detector on rendered clips, joint by joint.

    Args:
        rendered: folder of clips made by `python -m lab evaluate render`.
        output: folder for detector.json and .md.
    """
    require_input(rendered)
    require_output_folder(output)
    from lab.rendered.clips import read_clips
    from lab.rendered.detector import detector_errors, write_detector_errors

    with progress("finding keypoints") as show:
        errors = detector_errors(read_clips(rendered), show)
    click.echo(write_detector_errors(errors, output))


def oracles(
    *,
    rendered: DataFolder,
    checkpoint: Checkpoints = DEFAULT_CHECKPOINT,
) -> None:
    """What it would be worth to know where the detector errs: its points mended with the truth.

    Args:
        rendered: folder of clips made by `python -m lab evaluate render`.
        checkpoint: a checkpoint that ships, or a file.
    """
    require_input(rendered)
    from lab.rendered.clips import read_clips
    from lab.rendered.oracles import mended_errors, oracle_errors, oracle_table
    from vimoflow.diffusion.checkpoint import load_checkpoint

    with progress("sampling") as show:
        model, clips = load_checkpoint(checkpoint), read_clips(rendered)
        errors = oracle_errors(model, clips, progress=show) | mended_errors(model, clips)
    click.echo(oracle_table(errors))


def rendered(
    manifest: Manifest,
    *,
    rendered: DataFolder,
    checkpoint: Checkpoints = DEFAULT_CHECKPOINT,
    baseline: Annotated[tuple[str, ...], Option(metavar="PATH")] = (),
    output: Annotated[Path | None, Option(("-o", "--output"), metavar="DIR")] = None,
    limit: Limit = None,
    steps: Steps = 10,
    sampler: Sampler = "auto",
    refine: bool = True,
) -> None:
    """A benchmark of rendered clips; the main table is printed, the report written with -o.

    Args:
        manifest: the benchmark, as benchmarks/rendered.toml.
        rendered: folder of clips made by `python -m lab evaluate render`.
        checkpoint: a checkpoint that ships, or a file.
        baseline: compare with this checkpoint, too; can be repeated.
        output: write report.json, .md and .html there.
        limit: clips at most.
        steps: denoising steps.
        sampler: as for generate.
        refine: bring samples closer to the 2D.
    """
    require_manifest(manifest)
    require_input(rendered)
    if output is not None:
        require_output_folder(output)
    from lab.rendered.benchmark import landmark_results, rendered_sets
    from vimoflow.diffusion.checkpoint import load_checkpoint
    from vimoflow.evaluation.benchmark.benchmark_file import read_manifest
    from vimoflow.evaluation.benchmark.running import evaluate
    from vimoflow.evaluation.report.report_files import write_report
    from vimoflow.evaluation.report.tables import quick_table
    from vimoflow.inference.sampling import SamplingOptions

    wanted = read_manifest(manifest)
    model = load_checkpoint(checkpoint)
    sampling = SamplingOptions(steps=steps, sampler=sampler, refine=refine)
    sampling.sampler_of(model)  # a mistake is told before the work begins
    sets = rendered_sets(wanted, rendered, limit)
    others = baselines_of(baseline, sampling)
    with progress("sampling") as show:
        found = evaluate(wanted, sets, model, sampling, show, others, landmark_results)
    click.echo(quick_table(found))
    if output is not None:
        write_report(found, output, viewers_of(found))


def standing(*, rendered: DataFolder, checkpoint: Checkpoints = DEFAULT_CHECKPOINT) -> None:
    """Whether those who stand on both feet are level, and how straight their knees are.

    Args:
        rendered: folder of clips made by `python -m lab evaluate render`.
        checkpoint: a checkpoint that ships, or a file.
    """
    require_input(rendered)
    from lab.rendered.clips import read_clips
    from lab.studies.standing_feet import standing_feet, standing_table
    from vimoflow.diffusion.checkpoint import load_checkpoint

    click.echo(standing_table(standing_feet(load_checkpoint(checkpoint), read_clips(rendered))))
