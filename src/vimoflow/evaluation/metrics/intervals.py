"""Bootstrap intervals: how much of a metric is the luck of which clips were at hand.

What is drawn again are clusters (recordings), not rows: nine views of one dance are one dance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from vimoflow.errors import InputError

RESAMPLES = 2000
LEVEL = 0.95


@dataclass(frozen=True)
class Estimate:
    """A metric with its interval.

    Attributes:
        value: over the given rows.
        low, high: bounds of the percentile bootstrap interval; NaN from fewer than two clusters,
            which say nothing about others.
        n: rows that the value is over.
        clusters: independent recordings among them.
        missing: rows without a value (NaN), which were left out.
        level: share of intervals that contain the true value, nominally; too high for few clusters.
    """

    value: float
    low: float
    high: float
    n: int
    clusters: int
    missing: int = 0
    level: float = LEVEL


def bootstrap_mean(
    values: Float[np.ndarray, " rows"] | Sequence[float],
    clusters: Sequence[str] | None = None,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Estimate:
    """Mean over rows (clips, or views of clips) with its interval.

    Args:
        values: one value a row; NaN is a row that has none.
        clusters: the recording that each row belongs to; each row its own unless given. For the
            difference of two methods give the differences of their rows.

    Raises:
        InputError: no rows, infinite values, or another number of clusters than of rows.
    """
    rows = np.asarray(values, dtype=np.float64)
    index, names = clusters_of(len(rows), clusters)
    if np.isinf(rows).any():
        raise InputError("a metric is infinite; its mean and interval make no sense")
    known = ~np.isnan(rows)
    totals = np.bincount(index[known], rows[known], minlength=names)
    counts = np.bincount(index[known], minlength=names)
    totals, counts = totals[counts > 0], counts[counts > 0]
    n, missing = int(known.sum()), int((~known).sum())
    if not n:
        return Estimate(np.nan, np.nan, np.nan, 0, 0, missing, level)
    low = high = np.nan
    if len(counts) > 1:
        rng = np.random.default_rng(seed)
        drawn = rng.multinomial(len(counts), np.full(len(counts), 1 / len(counts)), resamples)
        low, high = bounds(drawn @ totals / (drawn @ counts), level)
    return Estimate(
        float(totals.sum() / n), float(low), float(high), n, len(counts), missing, level
    )


def clusters_of(rows: int, clusters: Sequence[str] | None) -> tuple[np.ndarray, int]:
    """The cluster's number of each row, and how many there are.

    Raises:
        InputError: no rows, or another number of clusters than of rows.
    """
    if rows == 0:
        raise InputError("an empty set of clips cannot be evaluated")
    if clusters is None:
        return np.arange(rows), rows
    if len(clusters) != rows:
        raise InputError(f"{len(clusters)} recordings were named for {rows} clips")
    names, index = np.unique(np.asarray(clusters), return_inverse=True)
    return index, len(names)


def bounds(values: np.ndarray, level: float) -> tuple[float, float]:
    """Quantiles that leave out as much on either side."""
    low, high = np.quantile(values, ((1 - level) / 2, (1 + level) / 2))
    return float(low), float(high)
