"""Bootstrap intervals of metrics of whole sets."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Int

from vimoflow.evaluation.metrics.intervals import LEVEL, Estimate, bounds, clusters_of


def bootstrap_statistic(
    statistic: Callable[[Int[np.ndarray, " drawn"]], float],
    rows: int,
    clusters: Sequence[str] | None = None,
    level: float = LEVEL,
    resamples: int = 200,
    seed: int = 0,
    centred: bool = False,
) -> Estimate:
    """Any metric of a set with its interval; ``statistic`` takes the indices of the rows drawn.

    Drawing with replacement biases metrics such as a Fréchet distance; ``centred`` shifts the
    interval so that the mean of the draws is the value.

    Raises:
        InputError: no rows, or another number of clusters than of rows.
    """
    index, names = clusters_of(rows, clusters)
    members = [np.flatnonzero(index == k) for k in range(names)]
    rng = np.random.default_rng(seed)
    value = statistic(np.arange(rows))
    low = high = np.nan
    if names > 1:
        draws = (rng.integers(0, names, names) for _ in range(resamples))
        values = np.array([statistic(np.concatenate([members[k] for k in d])) for d in draws])
        low, high = bounds(values - (values.mean() - value if centred else 0.0), level)
    return Estimate(float(value), float(low), float(high), rows, names, 0, level)
