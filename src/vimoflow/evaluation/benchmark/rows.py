"""Tables: means with intervals over the clips of every set, by method, by joint, by difference."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from vimoflow.evaluation.benchmark.results import MEAN_MOTION, TRUTH, ClipResult
from vimoflow.evaluation.benchmark.scores import Score
from vimoflow.evaluation.metrics.intervals import Estimate, bootstrap_mean
from vimoflow.motion.skeleton import COCO_LIMBS, COCO_NAMES

FIGURES = tuple(field.name for field in dataclasses.fields(Score))


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


def summarize(results: Sequence[ClipResult]) -> list[Row]:
    """Means with intervals for every set and method, in order of appearance."""
    return [
        _row(title, method, FIGURES, group, lambda r, name: getattr(r.score, name))
        for (title, method), group in grouped(results).items()
    ]


def joint_rows(results: Sequence[ClipResult]) -> list[Row]:
    """Errors of single limb points, mm after similarity, by set and method."""
    place = {COCO_NAMES[point]: k for k, point in enumerate(COCO_LIMBS)}
    return [
        _row(title, method, tuple(place), group, lambda r, name: float(r.limb_errors[place[name]]))
        for (title, method), group in grouped(results).items()
        if method not in (MEAN_MOTION, TRUTH)
    ]


def cost_rows(results: Sequence[ClipResult]) -> list[Row]:
    """Paired differences between sets of the same clips: detected 2D less true 2D."""
    groups = grouped(results)
    rows = []
    for (title, method), detected in groups.items():
        if method in (MEAN_MOTION, TRUTH) or detected[0].case.source == "truth":
            continue
        for (_, other_method), exact in groups.items():
            same = [r.case.name for r in exact] == [r.case.name for r in detected]
            if other_method == method and exact[0].case.source == "truth" and same:
                rows.append(_difference(f"{title}, less true 2D", method, detected, exact))
    return rows


def grouped(results: Sequence[ClipResult]) -> dict[tuple[str, str], list[ClipResult]]:
    """Results by set and method, in order of appearance."""
    groups: dict[tuple[str, str], list[ClipResult]] = {}
    for result in results:
        groups.setdefault((result.title, result.method), []).append(result)
    return groups


def estimate(values: Sequence[float], group: Sequence[ClipResult]) -> Estimate:
    """Mean and interval over recordings; several views of one are one."""
    return bootstrap_mean(np.array(values, dtype=float), [r.case.name for r in group])


def _row(
    title: str,
    method: str,
    names: Sequence[str],
    group: Sequence[ClipResult],
    value: Callable[[ClipResult, str], float],
) -> Row:
    return Row(title, method, tuple(
        Figure(name, estimate([value(r, name) for r in group], group)) for name in names
    ))  # fmt: skip


def _difference(title: str, method: str, a: Sequence[ClipResult], b: Sequence[ClipResult]) -> Row:
    return Row(title, method, tuple(
        Figure(name, estimate([
            getattr(x.score, name) - getattr(y.score, name) for x, y in zip(a, b, strict=True)
        ], a))
        for name in FIGURES
    ))  # fmt: skip
