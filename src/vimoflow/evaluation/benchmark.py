"""Run a benchmark: sample its cases, compare with the truth, and summarise with intervals.

Nothing is chosen by the truth: of several samples the first counts, and the "best" one is the one
that fits the 2D best. Figures of a clip are means over seeds; intervals are over recordings.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from vimoflow.diffusion.checkpoint import Checkpoint
from vimoflow.errors import ConfigError, InputError
from vimoflow.evaluation.cases import Case, validation_cases
from vimoflow.evaluation.intervals import Estimate, bootstrap_mean
from vimoflow.evaluation.manifest import Manifest, NamedCases
from vimoflow.evaluation.mediapipe_world import coco_of_landmarks, landmark_motion
from vimoflow.evaluation.prediction import mean_motions, predict
from vimoflow.evaluation.scores import (
    Score,
    limb_errors,
    limb_points,
    mean_score,
    score,
    score_limbs,
)
from vimoflow.motion.clip import Motion
from vimoflow.motion.skeleton import COCO_LIMBS, COCO_NAMES
from vimoflow.sampling import SamplingOptions

__all__ = [
    "Baseline", "Case", "ClipResult", "Evaluation", "Figure", "Row", "Score", "evaluate", "predict",
    "score", "summarize", "validation_cases",
]  # fmt: skip

MEAN_MOTION, TRUTH, MEDIAPIPE = "mean motion", "truth", "MediaPipe 3D"
Rank = Callable[[Motion, Case], float]
Progress = Callable[[int, int | None], None]


@dataclass(frozen=True)
class Baseline:
    """Another way to motions, for the same tables."""

    name: str
    motions: Callable[[Sequence[Case]], list[Motion]]


@dataclass(frozen=True)
class ClipResult:
    """One method on one case.

    Attributes:
        title: row of the tables that the case belongs to.
        case: which.
        method: what made the motion.
        score: means over seeds.
        limb_errors: mm after similarity, of COCO points 5 to 16.
        motion: of the first seed, for viewers; None where there is none.
        flag: why the motion could not be measured, if it could not.
    """

    title: str
    case: Case
    method: str
    score: Score
    limb_errors: Float[np.ndarray, "12"]
    motion: Motion | None = None
    flag: str = ""


@dataclass(frozen=True)
class Figure:
    """One cell: a figure's name and its estimate."""

    name: str
    estimate: Estimate


@dataclass(frozen=True)
class Row:
    """One line of a table: figures of a method on a set of clips."""

    title: str
    method: str
    figures: tuple[Figure, ...]

    def figure(self, name: str) -> Estimate:
        """One of the figures by name."""
        return next(f.estimate for f in self.figures if f.name == name)


@dataclass(frozen=True)
class Evaluation:
    """Everything that a report shows.

    Attributes:
        rows: method by method on every set.
        joints: the same for single limb points, mm after similarity.
        costs: with detected 2D less with true 2D, for sets of the same clips with both.
        results: clip by clip.
    """

    manifest: Manifest
    checkpoint: str
    sampling: SamplingOptions
    rows: tuple[Row, ...]
    joints: tuple[Row, ...]
    costs: tuple[Row, ...]
    results: tuple[ClipResult, ...]

    @property
    def flagged(self) -> tuple[ClipResult, ...]:
        """Results that could not be measured and are in no mean."""
        return tuple(result for result in self.results if result.flag)


def evaluate(
    manifest: Manifest,
    sets: Sequence[NamedCases],
    checkpoint: Checkpoint,
    sampling: SamplingOptions,
    rank: Rank | None = None,
    progress: Progress | None = None,
    baselines: Sequence[Baseline] = (),
) -> Evaluation:
    """Evaluate a checkpoint, the mean motion, MediaPipe's 3D where there is video, and others.

    Args:
        baselines: what else to compare with.
        rank: how badly a motion fits the 2D of its case, to pick the best of several samples.

    Raises:
        ConfigError: several samples are wanted without a ``rank``.
    """
    if manifest.samples > 1 and rank is None:
        raise ConfigError("several samples a clip need a criterion to choose the best one")
    cases = [case for named in sets for case in named.cases]
    drawn = _draw(manifest, cases, checkpoint, sampling, progress)
    others = [(MEAN_MOTION, mean_motions(checkpoint, cases))]
    others += [(baseline.name, baseline.motions(cases)) for baseline in baselines]
    others.append((TRUTH, [case.truth for case in cases]))
    results: list[ClipResult] = []
    titles = [named.title for named in sets for _ in named.cases]
    for i, (title, case) in enumerate(zip(titles, cases, strict=True)):
        results += _sampled(title, case, checkpoint.name, [seed[i] for seed in drawn], rank)
        if case.landmarks is not None:
            results += _of_landmarks(title, case)
        results += [_result(title, case, name, [motions[i]]) for name, motions in others]
    return Evaluation(
        manifest, checkpoint.name, sampling, tuple(summarize(results)),
        tuple(_joint_rows(results)), tuple(_cost_rows(results)), tuple(results),
    )  # fmt: skip


def summarize(results: Sequence[ClipResult]) -> list[Row]:
    """Means with intervals for every set and method, in order of appearance."""
    names = [field.name for field in dataclasses.fields(Score)]
    return [
        Row(title, method, tuple(
            Figure(name, _estimate([getattr(r.score, name) for r in group], group))
            for name in names
        ))
        for (title, method), group in _grouped(results).items()
    ]  # fmt: skip


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


def _sampled(
    title: str, case: Case, name: str, by_seed: list[list[Motion]], rank: Rank | None
) -> list[ClipResult]:
    """The first sample; where there are several also their mean and the best fit to the 2D."""
    results = [_result(title, case, name, [samples[0] for samples in by_seed])]
    count = len(by_seed[0])
    if count > 1 and rank is not None:
        every = [motion for samples in by_seed for motion in samples]
        best = [min(samples, key=lambda motion: rank(motion, case)) for samples in by_seed]
        results.append(_result(title, case, f"{name}, mean of {count}", every))
        results.append(_result(title, case, f"{name}, best fit of {count}", best))
    return results


def _result(title: str, case: Case, method: str, motions: list[Motion]) -> ClipResult:
    try:
        scores = [score(motion, case) for motion in motions]
        errors = np.mean([limb_errors(limb_points(motion), case) for motion in motions], axis=0)
    except InputError as error:
        return ClipResult(title, case, method, Score(), np.full(12, np.nan), None, str(error))
    return ClipResult(title, case, method, mean_score(scores), errors, motions[0])


def _of_landmarks(title: str, case: Case) -> list[ClipResult]:
    """MediaPipe's own 3D: its points as they are, and fitted to the skeleton."""
    assert case.landmarks is not None
    try:
        fitted = landmark_motion(case.landmarks)
    except InputError as error:
        empty = np.full(12, np.nan)
        return [ClipResult(title, case, MEDIAPIPE, Score(), empty, None, str(error))]
    limbs = landmark_limbs(case.landmarks)
    raw = ClipResult(title, case, MEDIAPIPE, score_limbs(limbs, case), limb_errors(limbs, case))
    return [raw, _result(title, case, f"{MEDIAPIPE}, fitted", [fitted])]


def landmark_limbs(landmarks: Float[np.ndarray, "frames 33 3"]) -> Float[Tensor, "frames 12 3"]:
    """MediaPipe's own 3D of COCO points 5 to 16, in the frame of a case.

    Frames in which it saw nobody take the nearest frame in which it did; there must be one.
    """
    points = coco_of_landmarks(landmarks)[:, list(COCO_LIMBS)]
    seen = np.flatnonzero(np.isfinite(points).all(axis=(1, 2)))
    frames = np.arange(len(points))
    nearest = seen[np.abs(frames[:, None] - seen).argmin(axis=1)]
    return torch.from_numpy(points[nearest]).double()


def _grouped(results: Sequence[ClipResult]) -> dict[tuple[str, str], list[ClipResult]]:
    groups: dict[tuple[str, str], list[ClipResult]] = {}
    for result in results:
        groups.setdefault((result.title, result.method), []).append(result)
    return groups


def _estimate(values: Sequence[float], group: Sequence[ClipResult]) -> Estimate:
    """Mean and interval over recordings; several views of one are one."""
    return bootstrap_mean(np.array(values, dtype=float), [r.case.name for r in group])


def _joint_rows(results: Sequence[ClipResult]) -> list[Row]:
    return [
        Row(title, method, tuple(
            Figure(COCO_NAMES[point], _estimate([r.limb_errors[k] for r in group], group))
            for k, point in enumerate(COCO_LIMBS)
        ))
        for (title, method), group in _grouped(results).items()
        if method not in (MEAN_MOTION, TRUTH)
    ]  # fmt: skip


def _cost_rows(results: Sequence[ClipResult]) -> list[Row]:
    """Paired differences between sets of the same clips: detected 2D less true 2D."""
    groups = _grouped(results)
    rows = []
    for (title, method), detected in groups.items():
        if method in (MEAN_MOTION, TRUTH) or detected[0].case.source == "truth":
            continue
        for (_, other_method), exact in groups.items():
            same = [r.case.name for r in exact] == [r.case.name for r in detected]
            if other_method == method and exact[0].case.source == "truth" and same:
                rows.append(Row(f"{title}, less true 2D", method, _differences(detected, exact)))
    return rows


def _differences(a: Sequence[ClipResult], b: Sequence[ClipResult]) -> tuple[Figure, ...]:
    return tuple(
        Figure(name, _estimate([
            getattr(x.score, name) - getattr(y.score, name) for x, y in zip(a, b, strict=True)
        ], a))
        for name in (field.name for field in dataclasses.fields(Score))
    )  # fmt: skip
