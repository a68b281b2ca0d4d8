"""Run a benchmark: sample its cases, compare with the truth, and summarise with intervals.

Nothing is chosen by the truth: of several samples the first counts. Figures of a clip are means
over seeds; intervals are over recordings.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from vimoflow.diffusion.checkpoint import Checkpoint
from vimoflow.evaluation.benchmark.benchmark_file import Manifest, NamedCases
from vimoflow.evaluation.benchmark.cases import Case, validation_cases
from vimoflow.evaluation.benchmark.prediction import mean_motions, predict
from vimoflow.evaluation.benchmark.results import (
    MEAN_MOTION,
    TRUTH,
    ClipResult,
    sampled_results,
    single_result,
    with_physics,
)
from vimoflow.evaluation.benchmark.rows import Row, cost_rows, joint_rows, summarize
from vimoflow.evaluation.benchmark.scores import Posed, Score, score
from vimoflow.inference.sampling import SamplingOptions
from vimoflow.motion.clip import Motion

__all__ = [
    "Baseline", "Case", "Evaluation", "Score", "evaluate", "predict", "score", "validation_cases",
]  # fmt: skip

Progress = Callable[[int, int | None], None]


@dataclass(frozen=True)
class Baseline:
    """Another way to motions, for the same tables."""

    name: str
    motions: Callable[[Sequence[Case]], list[Motion]]


@dataclass(frozen=True)
class Evaluation:
    """Everything that a report shows.

    Attributes:
        rows: method by method on every set.
        joints: the same for single limb points, mm after similarity.
        costs: with detected 2D less with true 2D, for sets of the same clips with both.
        results: clip by clip.
        budget: how the checkpoint was trained, in words.
    """

    manifest: Manifest
    checkpoint: str
    sampling: SamplingOptions
    rows: tuple[Row, ...]
    joints: tuple[Row, ...]
    costs: tuple[Row, ...]
    results: tuple[ClipResult, ...]
    budget: str = ""

    @property
    def flagged(self) -> tuple[ClipResult, ...]:
        """Results that could not be measured and are in no mean."""
        return tuple(result for result in self.results if result.flag)


def evaluate(
    manifest: Manifest,
    sets: Sequence[NamedCases],
    checkpoint: Checkpoint,
    sampling: SamplingOptions,
    progress: Progress | None = None,
    baselines: Sequence[Baseline] = (),
    measured: Callable[[str, Case, Posed], list[ClipResult]] | None = None,
    physics: bool = False,
) -> Evaluation:
    """Evaluate a checkpoint, the mean motion, and others.

    Args:
        baselines: what else to compare with.
        measured: results of what gives no motions, by title, case and its posed truth.
        physics: also ask what the motions of the first seed would need of a body.
    """
    cases = [case for named in sets for case in named.cases]
    drawn = _draw(manifest, cases, checkpoint, sampling, progress)
    others = [(MEAN_MOTION, mean_motions(checkpoint, cases))]
    others += [(baseline.name, baseline.motions(cases)) for baseline in baselines]
    others.append((TRUTH, [case.truth for case in cases]))
    results: list[ClipResult] = []
    titles = [named.title for named in sets for _ in named.cases]
    for i, (title, case) in enumerate(zip(titles, cases, strict=True)):
        truth = Posed.of(case.truth)
        by_seed = [seed[i] for seed in drawn]
        results += sampled_results(title, case, checkpoint.name, by_seed, truth)
        if measured is not None:
            results += measured(title, case, truth)
        results += [single_result(title, case, name, made[i], truth) for name, made in others]
    if physics:
        results = [with_physics(result) for result in results]
    budget = training_budget(checkpoint)
    return tables_of(results, manifest, checkpoint.name, sampling, budget)


def tables_of(
    results: Sequence[ClipResult],
    manifest: Manifest,
    checkpoint: str,
    sampling: SamplingOptions,
    budget: str = "",
) -> Evaluation:
    """All tables of results clip by clip."""
    return Evaluation(
        manifest, checkpoint, sampling, tuple(summarize(results)), tuple(joint_rows(results)),
        tuple(cost_rows(results)), tuple(results), budget,
    )  # fmt: skip


def training_budget(checkpoint: Checkpoint) -> str:
    """Steps and time that a checkpoint was trained for, by its provenance; empty if not stated."""
    steps, hours = (checkpoint.provenance.get(key) for key in ("steps", "hours"))
    if not isinstance(steps, int) or not isinstance(hours, (int, float)):
        return ""
    seconds = 3600 * hours
    time = f"{seconds:.0f} s" if seconds < 600 else f"{hours:.1f} h"
    return f"{steps} steps, {time} of training"


def _draw(
    manifest: Manifest,
    cases: Sequence[Case],
    checkpoint: Checkpoint,
    sampling: SamplingOptions,
    progress: Progress | None,
) -> list[list[list[Motion]]]:
    """Motions by seed, case and sample."""
    runs = len(manifest.seeds) * manifest.samples
    drawn = []
    for s, seed in enumerate(manifest.seeds):
        by_sample = []
        for k in range(manifest.samples):

            def show(done: int, total: int | None, run: int = s * manifest.samples + k) -> None:
                if progress is not None:
                    progress(run * len(cases) + done, runs * len(cases))

            options = dataclasses.replace(sampling, seed=seed + 7919 * k)
            by_sample.append(predict(checkpoint, cases, options, show))
        drawn.append([[motions[i] for motions in by_sample] for i in range(len(cases))])
    return drawn
