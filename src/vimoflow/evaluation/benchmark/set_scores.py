"""Metrics of whole sets: distributions beside the truth's, and the samples' diversity.

A set that is too small for a metric has a row that says so instead of a number that does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vimoflow.conventions import MODEL_FPS
from vimoflow.errors import InputError
from vimoflow.evaluation.benchmark.results import TRUTH, ClipResult
from vimoflow.evaluation.benchmark.rows import estimate, grouped
from vimoflow.evaluation.metrics.distribution import (
    DistributionScores,
    FeatureSet,
    compare_sets,
    feature_set,
)
from vimoflow.evaluation.metrics.diversity import DiversityRelation, diversity_relation
from vimoflow.evaluation.metrics.intervals import Estimate

_SOURCES = {"truth": "true 2D", "noisy": "noisy 2D"}


@dataclass(frozen=True)
class DistributionRow:
    """A method's motions of all sets with one kind of 2D, beside the truth of the same clips.

    Attributes:
        title: which clips.
        method: what made the motions.
        n: clips, one view of each recording.
        seconds: length of the shortest and the longest clip; whole clips are compared.
        scores: None where the set cannot be compared.
        flags: why metrics are missing or not to be trusted.
    """

    title: str
    method: str
    n: int
    seconds: tuple[float, float]
    scores: DistributionScores | None
    flags: tuple[str, ...]


@dataclass(frozen=True)
class DiversityRow:
    """Spread of the samples of one video, over the clips of a set.

    Attributes:
        apd: mm a joint and frame; ``image`` and ``depth`` its parts across and along the line of
            sight.
        depth_share: of the squared spread; a third if it is the same in all directions.
        reprojection: of the first sample, per cent of the person's height.
        relation: of APD and reprojection over clips; None where there are too few.
        flags: why metrics are missing or not to be trusted.
    """

    title: str
    method: str
    samples: int
    apd: Estimate
    image: Estimate
    depth: Estimate
    depth_share: Estimate
    reprojection: Estimate
    relation: DiversityRelation | None
    flags: tuple[str, ...]


def distribution_rows(results: Sequence[ClipResult], resamples: int = 200) -> list[DistributionRow]:
    """FID and diversity of every method over all sets with one kind of 2D, by that kind.

    Views of one recording are not independent: the first one counts.
    """
    groups: dict[tuple[str, str], dict[str, ClipResult]] = {}
    for r in results:
        if r.motion is not None:
            group = groups.setdefault((r.case.source, r.method), {})
            group.setdefault(f"{r.title} {r.case.name}", r)
    references: dict[tuple[str, ...], FeatureSet | str] = {}
    rows = []
    for (source, method), group in groups.items():
        clips = list(group.values())
        key = (source, *group)
        if key not in references:
            truths = groups.get((source, TRUTH), {})
            references[key] = _features("their truth", [truths[k] for k in group if k in truths])
        title = f"all with {_SOURCES.get(source, source)}"
        rows.append(_distribution(title, method, clips, references[key], resamples))
    return rows


def diversity_rows(results: Sequence[ClipResult]) -> list[DiversityRow]:
    """APD and its relation to 2D consistency, for every set with several samples a clip."""
    rows = []
    for (title, method), group in grouped(results).items():
        several = [r for r in group if r.diversity]
        if not several:
            continue
        flags: tuple[str, ...] = ()
        relation = None
        apd = [_seeds(r, "apd") for r in several]
        error = [r.score.reprojection for r in several]
        try:
            relation = diversity_relation(apd, error)
        except InputError as reason:
            flags = (str(reason),)
        parts = {
            name: estimate([_seeds(r, name) for r in several], several)
            for name in ("apd", "image", "depth", "depth_share")
        }
        rows.append(
            DiversityRow(
                title, method, several[0].diversity[0].samples, **parts,
                reprojection=estimate(error, several), relation=relation, flags=flags,
            )
        )  # fmt: skip
    return rows


def _distribution(
    title: str,
    method: str,
    clips: Sequence[ClipResult],
    reference: FeatureSet | str,
    resamples: int,
) -> DistributionRow:
    lengths = [len(r.case.truth) / MODEL_FPS for r in clips]
    span = (min(lengths), max(lengths))
    own = reference if method == TRUTH else _features(method, clips)
    for features in (own, reference):
        if isinstance(features, str):
            return DistributionRow(title, method, len(clips), span, None, (features,))
    assert isinstance(own, FeatureSet) and isinstance(reference, FeatureSet)
    try:
        scores = compare_sets(own, reference, 0 if method == TRUTH else resamples)
    except InputError as error:
        return DistributionRow(title, method, len(clips), span, None, (str(error),))
    flags = tuple(
        f"{name}: {warning}"
        for name, distance in (("FID_k", scores.fid_k), ("FID_g", scores.fid_g))
        for warning in distance.warnings
    )
    return DistributionRow(title, method, len(clips), span, scores, flags)


def _features(name: str, clips: Sequence[ClipResult]) -> FeatureSet | str:
    """Features of the clips' motions, or why there are none."""
    try:
        return feature_set(
            name, [r.motion.joint_positions for r in clips if r.motion is not None], MODEL_FPS
        )
    except InputError as error:
        return str(error)


def _seeds(result: ClipResult, name: str) -> float:
    """Mean over seeds."""
    values = [float(getattr(diversity, name)) for diversity in result.diversity]
    return sum(values) / len(values)
