"""``vimoflow evaluate``: how far a checkpoint is from the truth of held-out clips."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from vimoflow.cli.paths import require_input, require_output_folder
from vimoflow.cli.progress import progress
from vimoflow.errors import ConfigError

if TYPE_CHECKING:
    from vimoflow.evaluation.benchmark.running import Baseline, Evaluation
    from vimoflow.evaluation.report.writing import Viewer
    from vimoflow.inference.sampling import SamplingOptions


_DAMAGED = 12  # recordings of the robustness suite: about thirty runs over all of them


class _ManifestFirst(TyperGroup):
    """What is no command's name is a manifest: `vimoflow evaluate benchmarks/validation.toml`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in (*self.commands, *ctx.help_option_names):
            args = ["run", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_ManifestFirst,
    help="Compare a checkpoint with the truth of held-out clips: vimoflow evaluate MANIFEST ...",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command("run")
def run(
    manifest: Annotated[
        Path, typer.Argument(metavar="MANIFEST", help="Benchmark, as in benchmarks/*.toml.")
    ],
    data: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of shards made by `vimoflow data prepare`."),
    ] = None,
    rendered: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of clips made by `vimoflow evaluate render`."),
    ] = None,
    checkpoint: Annotated[
        str, typer.Option(metavar="NAME|PATH", help="A checkpoint that ships, or a file.")
    ] = "small",
    baseline: Annotated[
        list[str] | None,
        typer.Option(metavar="PATH", help="Compare with this checkpoint, too; repeatable."),
    ] = None,
    nearest: Annotated[
        bool, typer.Option("--nearest", help="Compare with the training motion of nearest 2D.")
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="DIR", help="Write report.json, .md and .html."),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Recordings of each corpus and group at most."),
    ] = None,
    music: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Audio files named like the recordings, for beat alignment."
        ),
    ] = None,
    steps: Annotated[int, typer.Option(min=1, max=1000, help="Denoising steps.")] = 10,
    sampler: Annotated[
        str, typer.Option(metavar="auto|one-pass|ddim|ddpm|mean", help="As for generate.")
    ] = "auto",
    refine: Annotated[bool, typer.Option(help="Bring samples closer to the 2D.")] = True,
    robustness: Annotated[
        bool,
        typer.Option(
            "--robustness",
            help="Also measure error against damage to the 2D, on up to 12 of the recordings.",
        ),
    ] = False,
) -> None:
    """Run a benchmark; the main table is printed, the report written with -o."""
    for path in (manifest, data, rendered, music):
        if path is not None:
            require_input(path)
    if output is not None:
        require_output_folder(output)
    if nearest and data is None:
        raise ConfigError("--nearest searches the training shards: name their folder with --data")
    from vimoflow.data.shards import read_shards
    from vimoflow.diffusion.checkpoint import load_checkpoint
    from vimoflow.evaluation.benchmark.cases import picked_rows
    from vimoflow.evaluation.benchmark.manifest import benchmark_cases, read_manifest
    from vimoflow.evaluation.benchmark.running import evaluate
    from vimoflow.evaluation.report.tables import quick_table
    from vimoflow.evaluation.report.writing import write_report
    from vimoflow.evaluation.studies.music_beats import with_music
    from vimoflow.evaluation.studies.robustness import robustness_curves
    from vimoflow.inference.sampling import SamplingOptions

    wanted = read_manifest(manifest)
    model = load_checkpoint(checkpoint)
    SamplingOptions(sampler=sampler).sampler_of(model)  # a mistake is told before the work begins
    shards = [] if data is None else read_shards(data, wanted.split)  # type: ignore[arg-type]
    sets = benchmark_cases(wanted, shards, rendered, limit)
    if music is not None:
        sets = with_music(sets, music)
    sampling = SamplingOptions(steps=steps, sampler=sampler, refine=refine)
    others = _baselines(baseline or [], data if nearest else None, sampling)
    with progress("sampling") as show:
        evaluation = evaluate(wanted, sets, model, sampling, show, others)
    curves = []
    if robustness:
        unique = list({case.name: case for named in sets for case in named.cases}.values())
        cases = [unique[i] for i in picked_rows(range(len(unique)), _DAMAGED)]
        with progress("robustness") as show:
            curves = robustness_curves(model, cases, sampling, progress=show)
    typer.echo(quick_table(evaluation))
    if output is not None:
        write_report(evaluation, output, _viewers(evaluation), curves)


@app.command("hypotheses")
def hypotheses(
    manifest: Annotated[
        Path, typer.Argument(metavar="MANIFEST", help="Benchmark, as in benchmarks/*.toml.")
    ],
    data: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder of shards made by `vimoflow data prepare`.")
    ],
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="DIR", help="For hypotheses.md and .json."),
    ],
    samples: Annotated[int, typer.Option(metavar="K", help="Motions drawn for each clip.")] = 4,
    checkpoint: Annotated[
        str, typer.Option(metavar="NAME|PATH", help="A checkpoint that ships, or a file.")
    ] = "small",
    limit: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Recordings of each corpus and group at most."),
    ] = None,
    steps: Annotated[int, typer.Option(min=1, max=1000, help="Denoising steps.")] = 10,
) -> None:
    """How often the truth is where K samples say; writes the factors that make it so."""
    for path in (manifest, data):
        require_input(path)
    require_output_folder(output)
    from vimoflow.data.shards import read_shards
    from vimoflow.diffusion.checkpoint import load_checkpoint
    from vimoflow.evaluation.benchmark.manifest import benchmark_cases, read_manifest
    from vimoflow.evaluation.studies.calibration import draw_hypotheses, write_hypotheses_report
    from vimoflow.inference.sampling import SamplingOptions

    wanted = read_manifest(manifest)
    model = load_checkpoint(checkpoint)
    sets = benchmark_cases(wanted, read_shards(data, wanted.split), None, limit)  # type: ignore[arg-type]
    cases = [case for named in sets for case in named.cases]
    with progress("sampling") as show:
        drawn = draw_hypotheses(model, cases, SamplingOptions(steps=steps), samples, progress=show)
    source = f"checkpoint {model.name}, every second recording of {wanted.name}"
    typer.echo(write_hypotheses_report(drawn, source, output))


@app.command("render")
def render(
    data: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder of shards made by `vimoflow data prepare`.")
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="Folder the clips go to.")
    ],
    seed: Annotated[int, typer.Option(help="Of motions, cameras, light and clothes.")] = 0,
    clips: Annotated[int, typer.Option(min=1, metavar="N", help="How many clips.")] = 20,
) -> None:
    """Render validation motions as videos with exact truth; goes on where it was stopped."""
    require_input(data)
    require_output_folder(output)
    from vimoflow.data.shards import read_shards
    from vimoflow.evaluation.rendered.clips import render_benchmark

    with progress("rendering") as show:
        paths = render_benchmark(read_shards(data, "validation"), output, clips, seed, show)
    typer.echo(f"{len(paths)} clips in {output}")


@app.command("detector")
def detector(
    rendered: Annotated[
        Path,
        typer.Option(metavar="DIR", help="Folder of clips made by `vimoflow evaluate render`."),
    ],
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="DIR", help="Folder for detector.json and .md."),
    ],
) -> None:
    """Error statistics of the keypoint detector on rendered clips, joint by joint."""
    require_input(rendered)
    require_output_folder(output)
    from vimoflow.evaluation.rendered.clips import read_clips
    from vimoflow.evaluation.rendered.detector import detector_errors, write_detector_errors

    with progress("finding keypoints") as show:
        errors = detector_errors(read_clips(rendered), show)
    typer.echo(write_detector_errors(errors, output))


@app.command("aistpp")
def aistpp(
    motions: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder of AIST++ motions (*.pkl).")
    ],
    music: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Audio files named like the sequences.")
    ] = None,
) -> None:
    """The published figures of AIST++'s real dances beside those of the sequences at hand."""
    for path in (motions, music):
        if path is not None:
            require_input(path)
    from vimoflow.evaluation.report.published_rows import truth_rows, truth_table

    typer.echo(truth_table(truth_rows(motions, music)))


def _baselines(names: list[str], data: Path | None, sampling: SamplingOptions) -> list[Baseline]:
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

    from vimoflow.evaluation.report.writing import Viewer, telling_clips
    from vimoflow.viewer.page import write_preview_page

    viewers = []
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "page.html"
        for label, result in telling_clips(evaluation):
            error = f"{result.score.pa_mpjpe:.0f} mm PA-MPJPE"
            for motion, what in ((result.motion, error), (result.case.truth, "truth")):
                if motion is not None:
                    title = f"{label}: {result.title}, {result.case.title}, {what}"
                    write_preview_page(motion, page, title)
                    viewers.append(Viewer(title, page.read_text("utf-8")))
    return viewers
