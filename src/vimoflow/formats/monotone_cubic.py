"""Curves through points that rise and fall only where the points do."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float


def monotone_cubic(
    x: Float[np.ndarray, "knots"],
    y: Float[np.ndarray, "knots curves"],
    at: Float[np.ndarray, "places"],
) -> Float[np.ndarray, "places curves"]:
    """Piecewise cubic Hermite interpolation without overshoot (Fritsch and Butland 1984).

    As scipy's ``PchipInterpolator``, whose module takes longer to import than the mannequin to
    build.

    Args:
        x: increasing.
        y: values at ``x``.
        at: where the curves are wanted, within ``x``.
    """
    step = np.diff(x)[:, None]
    slope = np.diff(y, axis=0) / step
    tangent = np.zeros_like(y)
    if len(x) == 2:
        tangent[:] = slope
    else:
        before, after = slope[:-1], slope[1:]
        w_before, w_after = 2 * step[1:] + step[:-1], step[1:] + 2 * step[:-1]
        same = before * after > 0
        with np.errstate(divide="ignore", invalid="ignore"):
            mean = (w_before + w_after) / (w_before / before + w_after / after)
        tangent[1:-1] = np.where(same, mean, 0)
        tangent[0] = _end(step[0], step[1], slope[0], slope[1])
        tangent[-1] = _end(step[-1], step[-2], slope[-1], slope[-2])
    piece = np.clip(np.searchsorted(x, at, side="right") - 1, 0, len(x) - 2)
    width = step[piece]
    t = (at - x[piece])[:, None] / width
    return (
        (1 + 2 * t) * (1 - t) ** 2 * y[piece]
        + t * (1 - t) ** 2 * width * tangent[piece]
        + t**2 * (3 - 2 * t) * y[piece + 1]
        + t**2 * (t - 1) * width * tangent[piece + 1]
    )


def _end(
    near: Float[np.ndarray, "1"],
    far: Float[np.ndarray, "1"],
    slope: Float[np.ndarray, "curves"],
    next_slope: Float[np.ndarray, "curves"],
) -> Float[np.ndarray, "curves"]:
    """The tangent at an end by three points, held back where it would overshoot."""
    tangent = ((2 * near + far) * slope - near * next_slope) / (near + far)
    turns = (slope * next_slope < 0) & (np.abs(tangent) > 3 * np.abs(slope))
    tangent = np.where(turns, 3 * slope, tangent)
    return np.where(tangent * slope > 0, tangent, 0)
