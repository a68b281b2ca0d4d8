"""``vimoflow evaluate``: how far a checkpoint is from the truth of held-out clips."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import click

from vimoflow.cli.commands import CommandGroup
from vimoflow.cli.paths import (
    Folder,
    require_input,
    require_output_folder,
)
from vimoflow.cli.progress import progress
from vimoflow.conventions import DEFAULT_CHECKPOINT
from vimoflow.errors import InputError
from vimoflow.inference.choices import Sampler
from vimoflow.options import Option

if TYPE_CHECKING:
    from vimoflow.evaluation.benchmark.running import Baseline, Evaluation
    from vimoflow.evaluation.report.report_files import Viewer
    from vimoflow.inference.sampling import SamplingOptions

# What is no command's name is a manifest: `vimoflow evaluate benchmarks/validation.toml`.
EVALUATE = CommandGroup(
    "evaluate",
    "Compare a checkpoint with the truth of held-out clips: vimoflow evaluate MANIFEST ...",
    {"Commands": {"run": "vimoflow.cli.evaluate:run"}},
    default="run",
    examples="vimoflow evaluate benchmarks/validation.toml --data shards -o report",
)

Manifest = Annotated[Path, Option(metavar="MANIFEST")]
Checkpoints = Annotated[str, Option(metavar="NAME|PATH")]
Limit = Annotated[int | None, Option(metavar="N", low=1, high=1e9)]
Steps = Annotated[int, Option(metavar="N", low=1, high=1000)]


def run(
    manifest: Manifest,
    *,
    data: Folder = None,
    checkpoint: Checkpoints = DEFAULT_CHECKPOINT,
    baseline: Annotated[tuple[str, ...], Option(metavar="PATH")] = (),
    output: Annotated[Path | None, Option(("-o", "--output"), metavar="DIR")] = None,
    limit: Limit = None,
    music: Folder = None,
    steps: Steps = 10,
    sampler: Sampler = "auto",
    refine: bool = True,
    physics: bool = False,
) -> None:
    """Run a benchmark; the main table is printed, the report written with -o.

    Args:
        manifest: the benchmark, as in benchmarks/*.toml.
        data: folder of shards made by `vimoflow data prepare`.
        checkpoint: a checkpoint that ships, or a file.
        baseline: compare with this checkpoint, too; can be repeated.
        output: write report.json, .md and .html there.
        limit: recordings of each corpus and group at most.
        music: folder of audio files named like the recordings, for beat alignment.
        steps: denoising steps.
        sampler: as for generate.
        refine: bring samples closer to the 2D.
        physics: add what physics says of the motions to the report's tables.
    """
    require_manifest(manifest)
    for path in (data, music):
        if path is not None:
            require_input(path)
    if output is not None:
        require_output_folder(output)
    from vimoflow.data.shards import read_shards
    from vimoflow.diffusion.checkpoint import load_checkpoint
    from vimoflow.evaluation.benchmark.benchmark_file import benchmark_cases, read_manifest
    from vimoflow.evaluation.benchmark.music_beats import with_music
    from vimoflow.evaluation.benchmark.running import evaluate
    from vimoflow.evaluation.report.report_files import write_report
    from vimoflow.evaluation.report.tables import quick_table
    from vimoflow.inference.sampling import SamplingOptions
    from vimoflow.physics.simulator import mujoco

    if physics:
        mujoco()  # what is missing is told before the work
    wanted = read_manifest(manifest)
    model = load_checkpoint(checkpoint)
    SamplingOptions(sampler=sampler).sampler_of(model)  # a mistake is told before the work begins
    shards = [] if data is None else read_shards(data, wanted.split)
    sets = benchmark_cases(wanted, shards, limit)
    if music is not None:
        sets = with_music(sets, music)
    sampling = SamplingOptions(steps=steps, sampler=sampler, refine=refine)
    others = baselines_of(baseline, sampling)
    with progress("sampling") as show:
        evaluation = evaluate(wanted, sets, model, sampling, show, others, physics=physics)
    click.echo(quick_table(evaluation))
    if output is not None:
        write_report(evaluation, output, viewers_of(evaluation))


def require_manifest(path: Path) -> None:
    """There must be a file; a folder is a likely mistake, because the shards are in one."""
    require_input(path)
    if path.is_dir():
        raise InputError(
            f"{path}: is a folder; name a benchmark's .toml file first, such as "
            f"benchmarks/validation.toml, and the shards' folder with --data"
        )


def baselines_of(names: tuple[str, ...], sampling: SamplingOptions) -> list[Baseline]:
    """Other checkpoints; regression ones answer in one pass."""
    from vimoflow.diffusion.checkpoint import load_checkpoint
    from vimoflow.diffusion.regression import is_regression
    from vimoflow.evaluation.benchmark.prediction import predict, regression_motions
    from vimoflow.evaluation.benchmark.running import Baseline, training_budget

    found = []
    for name in names:
        model = load_checkpoint(name)
        ask = regression_motions if is_regression(model) else predict
        about = [text for text in (
            "regression" if is_regression(model) else "", training_budget(model)
        ) if text]  # fmt: skip
        label = f"{model.name} ({', '.join(about)})" if about else model.name
        found.append(Baseline(label, lambda c, ask=ask, m=model: ask(m, c, sampling)))  # type: ignore[misc]
    return found


def viewers_of(evaluation: Evaluation) -> list[Viewer]:
    """Pages of the best, the median and the worst clip, each beside its truth."""
    import tempfile

    from vimoflow.evaluation.report.report_files import Viewer, best_median_worst
    from vimoflow.viewer.page import write_preview_page

    viewers = []
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "page.html"
        for label, result in best_median_worst(evaluation):
            error = f"{result.score.pa_mpjpe:.0f} mm PA-MPJPE"
            for motion, what in ((result.motion, error), (result.case.truth, "truth")):
                if motion is not None:
                    title = f"{label}: {result.title}, {result.case.title}, {what}"
                    write_preview_page(motion, page, title)
                    viewers.append(Viewer(title, page.read_text("utf-8")))
    return viewers
