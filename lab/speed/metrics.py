"""How long the metrics take once motions exist: a benchmark of made-up clips, all tables and files.

The motions sway at random, so their figures mean nothing; they take as long as any others.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vimoflow.evaluation.benchmark.cases import FPS, Case
from vimoflow.evaluation.benchmark.manifest import ClipSet, Manifest
from vimoflow.evaluation.benchmark.results import ClipResult, single_result
from vimoflow.evaluation.benchmark.running import TRUTH, Evaluation, tables_of
from vimoflow.evaluation.benchmark.scores import Posed
from vimoflow.evaluation.report.writing import write_report
from vimoflow.inference.sampling import SamplingOptions
from vimoflow.motion.clip import Motion

_PIXELS_PER_METRE = 300.0


@dataclass(frozen=True)
class EvaluationSpeed:
    """Seconds that parts of an evaluation took.

    Attributes:
        clips, frames: how many clips of how many frames.
        scores_s: paired figures of one method, clip by clip.
        truth_s: those of the truth, which is a row of every table.
        report_s: intervals, distributions, tables, plots and files.
    """

    clips: int
    frames: int
    scores_s: float
    truth_s: float
    report_s: float

    @property
    def total_s(self) -> float:
        """All of it."""
        return self.scores_s + self.truth_s + self.report_s


def measure_evaluation(
    clips: int,
    frames: int,
    seed: int = 0,
    progress: Callable[[int, int | None], None] | None = None,
) -> EvaluationSpeed:
    """Evaluate made-up clips with one made-up method, from motions to the report's files."""
    rng = np.random.default_rng(seed)
    results: list[ClipResult] = []
    scores = truths = 0.0
    for i in range(clips):
        truth, motion = (_swaying(frames, rng) for _ in range(2))
        start = time.perf_counter()
        posed = Posed.of(truth)
        points = posed.coco.numpy()
        image = points * (_PIXELS_PER_METRE, -_PIXELS_PER_METRE, 0) + (0, 0, 1)
        case = Case(f"clip {i}", "made up", "", image.astype(np.float32), truth,
                    points.astype(np.float32), source="truth")  # fmt: skip
        results.append(single_result("made up", case, "method", motion, posed))
        scores += time.perf_counter() - start
        start = time.perf_counter()
        results.append(single_result("made up", case, TRUTH, truth, posed))
        truths += time.perf_counter() - start
        if progress is not None:
            progress(i + 1, clips)
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        write_report(_evaluation(results), Path(folder))
    return EvaluationSpeed(clips, frames, scores, truths, time.perf_counter() - start)


def _evaluation(results: list[ClipResult]) -> Evaluation:
    manifest = Manifest("speed", (ClipSet("made up", "truth"),))
    return tables_of(results, manifest, "method", SamplingOptions())


def _swaying(frames: int, rng: np.random.Generator) -> Motion:
    """Every joint swings by itself."""
    seconds = np.arange(frames)[:, None, None] / FPS
    poses = 0.4 * np.sin(rng.uniform(1, 6, (24, 3)) * seconds + rng.uniform(0, 6, (24, 3)))
    trans = np.array([0.0, 0.93, 0.0]) + 0.1 * np.sin(rng.uniform(1, 3) * seconds[..., 0])
    contacts = (rng.random((frames, 4)) < 0.7).astype(np.float32)
    return Motion(poses.astype(np.float32), trans.astype(np.float32), FPS, contacts)
