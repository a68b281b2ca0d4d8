"""What people wear: colours of trunk and thighs, which tell apart people whom places do not."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, UInt8

from vimoflow.conventions import COCO_NAMES

LOOK = 48  # numbers: two parts of the body, three channels, eight bins
_BINS = 8
_TRUNK = [COCO_NAMES.index(f"{s}_{p}") for p in ("shoulder", "hip") for s in ("left", "right")]
_THIGHS = [COCO_NAMES.index(f"{s}_{p}") for s in ("left", "right") for p in ("hip", "knee")]
_SURE = 0.5  # confidence of all corners: what is guessed may lie beside the person
_ALONG = np.linspace(0.15, 0.85, 8)


def look_of(
    rgb: UInt8[np.ndarray, "height width 3"], points: Float[np.ndarray, "17 3"]
) -> Float[np.ndarray, " look"]:
    """Histograms of brightness and two opponent colours on trunk and thighs, each sums to 1.

    They are sampled at an even grid between the joints, so that neither distance nor pose counts;
    NaN where a part's joints are not surely seen.
    """
    u, v = (grid.ravel()[:, None] for grid in np.meshgrid(_ALONG, _ALONG))
    return np.concatenate(
        [
            _colours(rgb, points, _TRUNK, ((1 - v) * (1 - u), (1 - v) * u, v * (1 - u), v * u)),
            _colours(rgb, points, _THIGHS, ((1 - v) * (u < 0.5), v * (u < 0.5),
                                            (1 - v) * (u >= 0.5), v * (u >= 0.5))),
        ]
    )  # fmt: skip


def _colours(
    rgb: UInt8[np.ndarray, "height width 3"],
    points: Float[np.ndarray, "17 3"],
    corners: list[int],
    weights: tuple[np.ndarray, ...],
) -> Float[np.ndarray, " part"]:
    if points[corners, 2].min() < _SURE:
        return np.full(LOOK // 2, np.nan)
    places = sum(w * points[k, :2] for w, k in zip(weights, corners, strict=True))
    x, y = np.round(places).astype(int).T
    height, width = rgb.shape[:2]
    r, g, b = rgb[y.clip(0, height - 1), x.clip(0, width - 1)].astype(float).T / 255
    # Opponent colours are small even in bright clothes: a third of their range fills the bins.
    channels = ((r + g + b) / 3, 0.5 + 1.5 * (r - g), 0.5 + 1.5 * (b - (r + g) / 2))
    found = []
    for channel in channels:
        at = (channel * _BINS - 0.5).clip(0, _BINS - 1)
        low = np.minimum(at.astype(int), _BINS - 2)
        share = at - low
        bins = np.bincount(low, 1 - share, _BINS) + np.bincount(low + 1, share, _BINS)
        found.append(bins / len(channel))
    return np.concatenate(found)


def mean_look(looks: Float[np.ndarray, "rows look"]) -> Float[np.ndarray, " look"]:
    """The mean of what is known; NaN for a part that never is."""
    known = np.isfinite(looks)
    total = np.where(known, looks, 0.0).sum(axis=0)
    count = known.sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def look_gap(
    a: Float[np.ndarray, "*#batch look"], b: Float[np.ndarray, "*#batch look"]
) -> Float[np.ndarray, "*batch"]:
    """Hellinger distance, 0 to 1, the mean over the parts that both show; 0 where none is."""
    overlap = np.sqrt(a * b).reshape(*np.broadcast_shapes(a.shape, b.shape)[:-1], -1, _BINS).sum(-1)
    gap = np.sqrt((1 - overlap).clip(min=0))
    known = np.isfinite(gap)
    return np.asarray(np.where(known, gap, 0.0).sum(-1) / np.maximum(known.sum(-1), 1))
