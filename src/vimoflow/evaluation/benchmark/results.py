"""What methods score on one case: over seeds and samples, or why they could not be measured."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from vimoflow.errors import InputError
from vimoflow.evaluation.benchmark.cases import Case
from vimoflow.evaluation.benchmark.scores import (
    Measured,
    Posed,
    Score,
    mean_score,
    measure,
)
from vimoflow.motion.clip import Motion
from vimoflow.physics.plausibility import physics_report
from vimoflow.physics.states import MIN_FRAMES

MEAN_MOTION, TRUTH = "mean motion", "truth"


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
        samples: all of them, by seed, where there are several.
    """

    title: str
    case: Case
    method: str
    score: Score
    limb_errors: Float[np.ndarray, "12"]
    motion: Motion | None = None
    flag: str = ""
    samples: tuple[tuple[Motion, ...], ...] = ()


def flagged_result(title: str, case: Case, method: str, reason: str) -> ClipResult:
    """A result that is in no mean."""
    return ClipResult(title, case, method, Score(), np.full(12, np.nan), None, reason)


def single_result(
    title: str, case: Case, method: str, motion: Motion, truth: Posed | None = None
) -> ClipResult:
    """One motion of one case; ``truth`` is the case's own, posed, if at hand."""
    try:
        found = measure(Posed.of(motion), case, truth or Posed.of(case.truth))
    except InputError as error:
        return flagged_result(title, case, method, str(error))
    return ClipResult(title, case, method, found.score, found.limb_errors, motion)


def sampled_results(
    title: str, case: Case, name: str, by_seed: Sequence[Sequence[Motion]], truth: Posed
) -> list[ClipResult]:
    """The first sample, and where there are several the mean of their scores.

    Args:
        by_seed: motions by seed and sample.
    """
    count = len(by_seed[0])
    names = [name, f"{name}, mean of {count}"][:count]
    try:
        measured = [[measure(Posed.of(m), case, truth) for m in samples] for samples in by_seed]
    except InputError as error:
        return [flagged_result(title, case, method, str(error)) for method in names]
    first = _mean(title, case, name, [samples[0] for samples in measured], by_seed[0][0])
    if count > 1:
        first = dataclasses.replace(first, samples=tuple(map(tuple, by_seed)))
    every = [m for samples in measured for m in samples]
    mean = [_mean(title, case, other, every, by_seed[0][0]) for other in names[1:]]
    return [first, *mean]


def with_physics(result: ClipResult) -> ClipResult:
    """The result with what physics says of its motion, if it has one long enough to ask."""
    if result.motion is None or len(result.motion) < MIN_FRAMES:
        return result
    told = physics_report(result.motion)
    force, worst = 100 * float(told.frames.residual_force.mean()), told.implausibility()
    score = dataclasses.replace(result.score, residual_force=force, implausibility=worst)
    return dataclasses.replace(result, score=score)


def _mean(
    title: str,
    case: Case,
    method: str,
    measured: Sequence[Measured],
    motion: Motion,
) -> ClipResult:
    errors = np.mean([m.limb_errors for m in measured], axis=0)
    return ClipResult(title, case, method, mean_score([m.score for m in measured]), errors, motion)
