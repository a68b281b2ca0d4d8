"""How far one time series lags behind another, where both have gaps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

_LEAST_OVERLAP = 0.5  # of the shorter series: less agrees by chance
_OVERLAP_POWER = 0.25  # of what agrees equally well, what agrees for longer
_OTHER_PEAK_S = 0.2  # peaks nearer than this to the highest one are its shoulders


@dataclass(frozen=True)
class Lag:
    """Where a series starts on another's clock, and how sure that is.

    Attributes:
        seconds: what to add to the second series' times to get the first's.
        correlation: normalised, at that lag; 1 is the same up to a positive factor.
        certainty: 1 minus the next best peak's correlation as a share of this one's, in [0, 1].
    """

    seconds: float
    correlation: float
    certainty: float


def best_lag(
    first: Float[np.ndarray, "frames channels"],
    other: Float[np.ndarray, "other_frames channels"],
    rate: float,
    least_overlap_s: float = 2.0,
) -> Lag:
    """The lag at which two series agree best: normalised cross-correlation of what both know.

    At every lag the sum over channels of products is divided by the root of the energies of the
    values that meet there, so that neither gaps nor the length of the overlap favour a lag
    (Padfield 2012, "Masked object registration in the Fourier domain", equation 8 for signals whose
    mean is zero). A parabola through the peak gives fractions of a sample.

    Args:
        first: NaN where unknown.
        other: NaN where unknown.
        rate: samples a second of both.
        least_overlap_s: lags at which the two overlap by less are not looked at (nor are those with
            less than half of the shorter one).
    """
    known, other_known = np.isfinite(first), np.isfinite(other)
    a, b = np.where(known, first, 0.0), np.where(other_known, other, 0.0)
    product = _correlate(a, b)
    energy = _correlate(a**2, other_known) * _correlate(known, b**2)
    floor = 1e-9 * float((a**2).sum() * (b**2).sum())
    agreement = product / np.sqrt(np.maximum(energy, max(floor, 1e-30)))
    lags = np.arange(1 - len(b), len(a))
    overlap = np.minimum(len(a), lags + len(b)) - np.maximum(0, lags)
    shorter = min(len(a), len(b))
    least = min(shorter, max(_LEAST_OVERLAP * shorter, least_overlap_s * rate))
    likely = agreement * (np.maximum(overlap, 0) / shorter) ** _OVERLAP_POWER
    likely = np.where(overlap >= least, likely, -np.inf)
    peak = int(likely.argmax())
    near = np.abs(lags - lags[peak]) <= _OTHER_PEAK_S * rate
    second = max(float(np.where(near, 0.0, likely).max()), 0.0)
    height = float(likely[peak])
    certainty = 0.0 if height <= 0 else float(np.clip(1 - second / height, 0.0, 1.0))
    seconds = (lags[peak] + _vertex(likely, peak)) / rate
    return Lag(float(seconds), float(agreement[peak]), certainty)


def _correlate(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Sum over channels of the full cross-correlations; entry 0 is the lag 1 - len(b)."""
    from scipy.signal import fftconvolve

    pairs = zip(a.T.astype(float), b.T.astype(float), strict=True)
    return np.sum([fftconvolve(one, two[::-1]) for one, two in pairs], axis=0)


def _vertex(values: np.ndarray, peak: int) -> float:
    """Where between its neighbours a peak's top is, in samples."""
    if not 0 < peak < len(values) - 1 or not np.isfinite(values[peak - 1 : peak + 2]).all():
        return 0.0
    left, top, right = values[peak - 1 : peak + 2]
    bend = left - 2 * top + right
    return 0.0 if bend >= 0 else float(np.clip(0.5 * (left - right) / bend, -0.5, 0.5))
