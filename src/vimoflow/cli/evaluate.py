"""``vimoflow evaluate``: how far a checkpoint is from the truth of held-out clips."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import click

from vimoflow.cli.commands import CommandGroup
from vimoflow.cli.paths import (
    DataFolder,
    Folder,
    OutputFolder,
    require_input,
    require_output_folder,
)
from vimoflow.cli.progress import progress
from vimoflow.errors import ConfigError, InputError
from vimoflow.inference.choices import Sampler
from vimoflow.options import Option

if TYPE_CHECKING:
    from vimoflow.evaluation.benchmark.running import Baseline, Evaluation
    from vimoflow.evaluation.report.report_files import Viewer
    from vimoflow.inference.sampling import SamplingOptions

_DAMAGED = 12  # recordings of the robustness suite: about thirty runs over all of them
_HERE = "vimoflow.cli.evaluate"

# What is no command's name is a manifest: `vimoflow evaluate benchmarks/validation.toml`.
EVALUATE = CommandGroup(
    "evaluate",
    "Compare a checkpoint with the truth of held-out clips: vimoflow evaluate MANIFEST ...",
    {
        "Benchmarks": {
            "run": f"{_HERE}:run",
            "hypotheses": f"{_HERE}:hypotheses",
            "views": "vimoflow.cli.evaluate_views:evaluate_views",
            "music": "vimoflow.cli.evaluate_music:MUSIC",
            "aistpp": f"{_HERE}:aistpp",
        },
    },
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
    rendered: Folder = None,
    checkpoint: Checkpoints = "small",
    baseline: Annotated[tuple[str, ...], Option(metavar="PATH")] = (),
    nearest: bool = False,
    output: Annotated[Path | None, Option(("-o", "--output"), metavar="DIR")] = None,
    limit: Limit = None,
    music: Folder = None,
    steps: Steps = 10,
    sampler: Sampler = "auto",
    refine: bool = True,
    robustness: bool = False,
) -> None:
    """Run a benchmark; the main table is printed, the report written with -o.

    Args:
        manifest: the benchmark, as in benchmarks/*.toml.
        data: folder of shards made by `vimoflow data prepare`.
        rendered: folder of clips made by `python -m lab evaluate render`.
        checkpoint: a checkpoint that ships, or a file.
        baseline: compare with this checkpoint, too; can be repeated.
        nearest: compare with the training motion of nearest 2D.
        output: write report.json, .md and .html there.
        limit: recordings of each corpus and group at most.
        music: folder of audio files named like the recordings, for beat alignment.
        steps: denoising steps.
        sampler: as for generate.
        refine: bring samples closer to the 2D.
        robustness: also measure error against damage to the 2D, on up to 12 of the recordings.
    """
    _require_manifest(manifest)
    for path in (data, rendered, music):
        if path is not None:
            require_input(path)
    if output is not None:
        require_output_folder(output)
    if nearest and data is None:
        raise ConfigError("--nearest searches the training shards: name their folder with --data")
    from vimoflow.data.shards import read_shards
    from vimoflow.diffusion.checkpoint import load_checkpoint
    from vimoflow.evaluation.benchmark.benchmark_file import benchmark_cases, read_manifest
    from vimoflow.evaluation.benchmark.cases import picked_rows
    from vimoflow.evaluation.benchmark.running import evaluate
    from vimoflow.evaluation.report.report_files import write_report
    from vimoflow.evaluation.report.tables import quick_table
    from vimoflow.evaluation.studies.music_beats import with_music
    from vimoflow.evaluation.studies.robustness import robustness_curves
    from vimoflow.inference.sampling import SamplingOptions

    wanted = read_manifest(manifest)
    model = load_checkpoint(checkpoint)
    SamplingOptions(sampler=sampler).sampler_of(model)  # a mistake is told before the work begins
    shards = [] if data is None else read_shards(data, wanted.split)
    sets = benchmark_cases(wanted, shards, rendered, limit)
    if music is not None:
        sets = with_music(sets, music)
    sampling = SamplingOptions(steps=steps, sampler=sampler, refine=refine)
    others = _baselines(baseline, data if nearest else None, sampling)
    with progress("sampling") as show:
        evaluation = evaluate(wanted, sets, model, sampling, show, others)
    curves = []
    if robustness:
        unique = list({case.name: case for named in sets for case in named.cases}.values())
        cases = [unique[i] for i in picked_rows(range(len(unique)), _DAMAGED)]
        with progress("robustness") as show:
            curves = robustness_curves(model, cases, sampling, progress=show)
    click.echo(quick_table(evaluation))
    if output is not None:
        write_report(evaluation, output, _viewers(evaluation), curves)


def hypotheses(
    manifest: Manifest,
    *,
    data: DataFolder,
    output: OutputFolder,
    samples: Annotated[int, Option(metavar="K", low=1, high=1000)] = 4,
    checkpoint: Checkpoints = "small",
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
    _require_manifest(manifest)
    require_input(data)
    require_output_folder(output)
    from vimoflow.data.shards import read_shards
    from vimoflow.diffusion.checkpoint import load_checkpoint
    from vimoflow.evaluation.benchmark.benchmark_file import benchmark_cases, read_manifest
    from vimoflow.evaluation.studies.calibration import draw_hypotheses, write_hypotheses_report
    from vimoflow.inference.sampling import SamplingOptions

    wanted = read_manifest(manifest)
    model = load_checkpoint(checkpoint)
    sets = benchmark_cases(wanted, read_shards(data, wanted.split), None, limit)
    cases = [case for named in sets for case in named.cases]
    with progress("sampling") as show:
        drawn = draw_hypotheses(model, cases, SamplingOptions(steps=steps), samples, progress=show)
    source = f"checkpoint {model.name}, every second recording of {wanted.name}"
    click.echo(write_hypotheses_report(drawn, source, output))


def aistpp(motions: DataFolder, *, music: Folder = None) -> None:
    """The published figures of AIST++'s real dances beside those of the sequences at hand.

    Args:
        motions: folder of AIST++ motions (*.pkl).
        music: folder of audio files named like the sequences.
    """
    for path in (motions, music):
        if path is not None:
            require_input(path)
    from vimoflow.evaluation.report.published_rows import truth_rows, truth_table

    click.echo(truth_table(truth_rows(motions, music)))


def _require_manifest(path: Path) -> None:
    """A folder is a likely mistake, because the shards are in one."""
    require_input(path)
    if path.is_dir():
        raise InputError(
            f"{path}: is a folder; name a benchmark's .toml file first, such as "
            f"benchmarks/validation.toml, and the shards' folder with --data"
        )


def _baselines(
    names: tuple[str, ...], data: Path | None, sampling: SamplingOptions
) -> list[Baseline]:
    """Other checkpoints (regression ones answer in one pass), and training motion by its 2D."""
    from vimoflow.data.shards import read_shards
    from vimoflow.diffusion.checkpoint import load_checkpoint
    from vimoflow.evaluation.benchmark.baselines import (
        is_regression,
        nearest_training_motions,
        regression_motions,
    )
    from vimoflow.evaluation.benchmark.prediction import predict
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
    if data is not None:
        library = read_shards(data, "train")
        found.append(Baseline("nearest clip", lambda c: nearest_training_motions(library, c)))
    return found


def _viewers(evaluation: Evaluation) -> list[Viewer]:
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
