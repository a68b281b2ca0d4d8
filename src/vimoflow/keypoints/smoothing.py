"""The One-Euro filter for keypoints: steady while they rest, prompt while they move.

Casiez, Roussel, Vogel 2012, "1 Euro Filter", equations 1 to 5: a first-order low-pass whose cut-off
rises with the (filtered) speed. Here it is aware of time (uneven frame rates), starts over after
gaps, and runs forwards and backwards over the recording; the mean of both does not lag behind.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from vimoflow.errors import ConfigError
from vimoflow.keypoints.sequence import Keypoints2D

_LEAST_CONFIDENCE = 1e-6


@dataclass(frozen=True)
class OneEuro:
    """Parameters of the filter.

    Attributes:
        rest_hz: cut-off of a point at rest.
        hz_per_speed: what the cut-off gains with a speed of one body height a second.
        speed_hz: cut-off of the speed itself.
        longest_gap_s: after a longer one a point starts over.

    Raises:
        ConfigError: a value is not above zero (``hz_per_speed`` may be zero).
    """

    rest_hz: float = 3.0
    hz_per_speed: float = 40.0
    speed_hz: float = 3.0
    longest_gap_s: float = 0.15

    def __post_init__(self) -> None:
        if min(self.rest_hz, self.speed_hz, self.longest_gap_s) <= 0 or self.hz_per_speed < 0:
            raise ConfigError("the smoothing's cut-offs and its longest gap must be above zero")


def smooth(keypoints: Keypoints2D, settings: OneEuro | None = None) -> Keypoints2D:
    """Every point filtered by itself; confidences and points that were not seen stay.

    Where a point's confidence falls, its new place counts for less than the filter's last one.
    """
    settings = settings or OneEuro()
    points, times = keypoints.points, keypoints.timestamps
    height = _height_px(points)
    there = _filtered(points, times, height, settings)
    back = _filtered(points[::-1], -times[::-1], height, settings)[::-1]
    places = np.where(points[..., 2:] > 0, 0.5 * (there + back), points[..., :2])
    return dataclasses.replace(keypoints, points=np.concatenate([places, points[..., 2:]], axis=-1))


def _filtered(
    points: Float[np.ndarray, "frames 17 3"],
    times: Float[np.ndarray, " frames"],
    height_px: float,
    settings: OneEuro,
) -> Float[np.ndarray, "frames 17 2"]:
    """One pass; rows of points that were not seen hold whatever was last known."""
    result = points[..., :2].astype(np.float64)
    place, speed = result[0].copy(), np.zeros((17, 2))
    seen_at = np.full(17, -np.inf)
    usual = _usual_confidence(points)
    for frame, now in enumerate(times):
        seen = points[frame, :, 2] > 0
        elapsed = now - seen_at
        fresh = seen & (elapsed > settings.longest_gap_s)
        going = seen & ~fresh
        place[fresh], speed[fresh] = result[frame][fresh], 0.0
        dt = elapsed[going][:, None]
        raw = (result[frame][going] - place[going]) / dt
        kept = _share(settings.speed_hz, dt)
        speed[going] += kept * (raw - speed[going])
        pace = np.linalg.norm(speed[going], axis=1, keepdims=True) / height_px
        trust = np.minimum(points[frame, going, 2:] / usual[going][:, None], 1.0)
        share = _share((settings.rest_hz + settings.hz_per_speed * pace) * trust, dt)
        place[going] += share * (result[frame][going] - place[going])
        seen_at[seen] = now
        result[frame][seen] = place[seen]
    return result


def _share(cutoff_hz: float | np.ndarray, dt: np.ndarray) -> np.ndarray:
    """How much of a new value counts (equation 3)."""
    turn = 2 * np.pi * cutoff_hz * dt
    return turn / (turn + 1)


def _usual_confidence(points: np.ndarray) -> Float[np.ndarray, "17"]:
    """Each point's median confidence where it is seen."""
    seen = points[..., 2] > 0
    values = np.where(seen, points[..., 2], np.nan)
    usual = np.ones(17)
    some = seen.any(axis=0)
    usual[some] = np.nanmedian(values[:, some], axis=0)
    return np.maximum(usual, _LEAST_CONFIDENCE)


def _height_px(points: np.ndarray) -> float:
    """The person's typical extent in the image, pixels."""
    seen = points[..., 2] > 0
    rows = seen.sum(axis=1) >= 2
    if not rows.any():
        return 1.0
    places = np.where(seen[rows][..., None], points[rows][..., :2], np.nan)
    extent = np.nanmax(places, axis=1) - np.nanmin(places, axis=1)
    return max(float(np.median(np.linalg.norm(extent, axis=1))), 1.0)
