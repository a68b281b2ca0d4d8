"""When each of several views of one performance started, from the motion that all of them show.

How fast a point moves up or down in the image, in units of the person's size, is nearly the same
from every side (cameras stand level), unlike what it does sideways. So the vertical speeds of the
body's points are compared: masked, normalised cross-correlation, a fraction of a frame fine.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from vimoflow.geometry.correlation import Lag, best_lag
from vimoflow.keypoints.sequence import Keypoints2D

RATE = 60.0  # Hz at which views are compared
_SMOOTHING_S = 0.035  # of the places; a detector's noise is faster than limbs
_LIMIT = 3.0  # speeds beyond this many typical ones are a detector's mistakes
_MIN_CONFIDENCE = 0.2
_LONGEST_BRIDGE_S = 0.15  # frames farther apart are a gap
_HEIGHT_QUANTILE = 0.9
# Middles of hips, shoulders, eyes; then limbs by side.
_PAIRS = ((11, 12), (5, 6), (1, 2))
_SINGLES = (7, 8, 9, 10, 13, 14, 15, 16)


@dataclass(frozen=True)
class Offset:
    """Where a view starts on the first view's clock.

    Attributes:
        seconds: what to add to the view's times to get the first view's.
        certainty: in [0, 1]; 1 where it was given or is the first view itself.
        method: "first", "given", "sound" or "motion".
    """

    seconds: float
    certainty: float
    method: str


def spanning_offsets(lags: dict[tuple[int, int], Lag], views: int) -> tuple[Lag, ...]:
    """Each view's lag behind the first, along the pairs that are most certain.

    A view that shares little with the first one is reached through others: the pairs used are the
    tree that spans all views with the highest correlations (Prim 1957).

    Args:
        lags: of pairs (i, j), i < j: where j starts on i's clock.
        views: how many there are.

    Returns:
        One a view; its correlation and certainty are those of the weakest pair on its way.
    """
    found = {0: Lag(0.0, 1.0, 1.0)}
    while len(found) < views:
        edges = [(i, j) for i, j in lags if (i in found) != (j in found)]
        i, j = max(edges, key=lambda edge: lags[edge].correlation)
        lag = lags[i, j]
        known, new, sign = (i, j, 1) if i in found else (j, i, -1)
        base = found[known]
        found[new] = Lag(
            base.seconds + sign * lag.seconds,
            min(base.correlation, lag.correlation),
            min(base.certainty, lag.certainty),
        )
    return tuple(found[view] for view in range(views))


def motion_offsets(views: Sequence[Keypoints2D]) -> tuple[Offset, ...]:
    """Where each of the views starts on the first one's clock, from the motion alone."""
    signals = [vertical_speeds(view) for view in views]
    lags = {
        (i, j): best_lag(signals[i], signals[j], RATE)
        for i, j in itertools.combinations(range(len(views)), 2)
    }
    start = float(views[0].timestamps[0])
    found = spanning_offsets(lags, len(views))
    return tuple(
        Offset(
            lag.seconds + start - float(view.timestamps[0]),
            lag.certainty,
            "motion" if number else "first",
        )
        for number, (lag, view) in enumerate(zip(found, views, strict=True))
    )


def vertical_speeds(view: Keypoints2D) -> Float[np.ndarray, "frames channels"]:
    """Vertical speeds of the body's points, body heights a second at 60 Hz; NaN where unknown.

    Each channel's values beyond three times its typical size are cut to that, so that no jump of a
    detector outweighs a performance.
    """
    from scipy.ndimage import gaussian_filter1d

    places = _heights(view)
    seen = np.isfinite(places)
    width = _SMOOTHING_S * RATE
    weight = gaussian_filter1d(seen.astype(float), width, axis=0, mode="constant")
    smooth = gaussian_filter1d(np.where(seen, places, 0.0), width, axis=0, mode="constant")
    smooth = np.where(seen, smooth / np.maximum(weight, 1e-6), np.nan)
    if len(smooth) < 3:
        return np.full_like(smooth, np.nan)
    speeds = np.gradient(smooth, axis=0) * RATE
    speeds = speeds - _mean_of_known(speeds)
    typical = np.sqrt(_mean_of_known(speeds**2)) + 1e-9
    return np.clip(speeds / typical, -_LIMIT, _LIMIT)


def _heights(view: Keypoints2D) -> np.ndarray:
    """Vertical places of middles and limbs at 60 Hz, in heights of the body."""
    y = np.where(view.points[..., 2] >= _MIN_CONFIDENCE, view.points[..., 1], np.nan)
    middles = [(y[:, a] + y[:, b]) / 2 for a, b in _PAIRS]
    columns = np.stack([*middles, *(y[:, i] for i in _SINGLES)], axis=1)
    times = view.timestamps
    grid = times[0] + np.arange(int((times[-1] - times[0]) * RATE) + 1) / RATE
    return np.stack([_on_grid(times, column, grid) for column in columns.T], 1) / _height_px(y)


def _on_grid(times: np.ndarray, values: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """Linear interpolation over what is known; NaN inside gaps."""
    known = np.isfinite(values)
    if known.sum() < 2:
        return np.full(len(grid), np.nan)
    t = times[known]
    right = np.searchsorted(t, grid).clip(1, len(t) - 1)
    inside = (grid >= t[0]) & (grid <= t[-1]) & (t[right] - t[right - 1] <= _LONGEST_BRIDGE_S)
    return np.where(inside, np.interp(grid, t, values[known]), np.nan)


def _height_px(y: np.ndarray) -> float:
    """How tall the person is in the image, pixels: a high quantile of the points' extent."""
    known = np.isfinite(y).any(axis=1)
    if not known.any():
        return 1.0
    extent = np.nanmax(y[known], axis=1) - np.nanmin(y[known], axis=1)
    return max(float(np.quantile(extent, _HEIGHT_QUANTILE)), 1.0)


def _mean_of_known(values: np.ndarray) -> np.ndarray:
    """Mean over time of each channel's known values, 0 where there is none."""
    known = np.isfinite(values)
    return np.where(known, values, 0.0).sum(0) / np.maximum(known.sum(0), 1)
