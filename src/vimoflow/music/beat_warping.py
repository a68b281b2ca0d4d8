"""A dance put on the beat: locally faster or slower, so that its halts fall on beats of the music.

The idea is the beat warping of Lee et al. 2019 (Dancing to Music). Theirs warps between the beats
of short units; here one smooth map of time is found for a whole dance.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from scipy.interpolate import CubicSpline, PchipInterpolator
from scipy.signal import find_peaks
from torch import Tensor

from vimoflow.conventions import MODEL_FPS, PIECE
from vimoflow.errors import ConfigError
from vimoflow.evaluation.metrics.rhythm import motion_speed
from vimoflow.inference.sampling.joining import orthonormal
from vimoflow.motion.features import LAYOUT, decode_features
from vimoflow.motion.kinematics import forward_kinematics

_GRID_S = 1 / 60  # of the shifts that are tried
_CLOSEST_S, _WIDEST_S = 0.2, 1.0  # between the places at which a shift is chosen


@dataclass(frozen=True)
class WarpSettings:
    """How far a dance may be bent to be on the beat.

    Attributes:
        slowest, fastest: bounds of the speed it is played at.
        change: by how much that speed may change in a second.
        shift_s: the dance is never further than this from where it was drawn.
        sigma_s: how near to a beat counts.
        stretch: cost of a second at 10 % more or less speed; a deep halt on a beat earns 1.
        bend: cost of changing the speed by 10 %.

    Raises:
        ConfigError: a value that makes no sense.
    """

    slowest: float = 0.8
    fastest: float = 1.25
    change: float = 0.6
    shift_s: float = 1.0
    sigma_s: float = 0.03
    stretch: float = 0.02
    bend: float = 0.02

    def __post_init__(self) -> None:
        if not 0 < self.slowest <= 1 <= self.fastest:
            raise ConfigError("a dance is played at speeds from below 1 to above 1")
        if min(self.change, self.shift_s, self.sigma_s) <= 0 or min(self.stretch, self.bend) < 0:
            raise ConfigError("bounds of a warp are positive, and costs are not negative")


@dataclass(frozen=True)
class Halts:
    """Moments at which the body moves least, and how clearly it does.

    Attributes:
        times_s: as ``evaluation.rhythm.motion_beats`` finds them.
        depth: 0 to 1: how far the speed falls, beside the median of the speed.
    """

    times_s: Float[np.ndarray, " halts"]
    depth: Float[np.ndarray, " halts"]


@dataclass(frozen=True)
class TimeMap:
    """Which moment of the dance as drawn is seen when; increasing, with a continuous rate.

    Attributes:
        seen_s: knots, seconds of the song.
        drawn_s: the moments seen then, seconds of the dance as drawn.
    """

    seen_s: Float[np.ndarray, " knots"]
    drawn_s: Float[np.ndarray, " knots"]

    def __call__(self, seen_s: Float[np.ndarray, " times"]) -> Float[np.ndarray, " times"]:
        """Monotone cubic interpolation (Fritsch and Carlson 1980)."""
        return np.asarray(PchipInterpolator(self.seen_s, self.drawn_s)(seen_s))


def warped_to_beats(
    features: Float[Tensor, "frames 151"],
    music_beats_s: Float[np.ndarray, " beats"],
    fps: float = MODEL_FPS,
    settings: WarpSettings | None = None,
) -> Float[Tensor, "frames 151"]:
    """Motion features of the same length whose halts are on the beat wherever that is near.

    Args:
        features: un-normalised, as drawn to that music.
        music_beats_s: seconds from the first frame.
        fps: of the features.
        settings: how far to bend.
    """
    if len(features) < 4 or not len(music_beats_s):
        return features
    seconds = (len(features) - 1) / fps
    time_map = map_to_beats(halts_of(features, fps), music_beats_s, seconds, settings)
    return resampled(features, time_map(np.arange(len(features)) / fps) * fps)


def halts_of(features: Float[Tensor, "frames 151"], fps: float = MODEL_FPS) -> Halts:
    """Halts of motion features, see :func:`halts_in`."""
    joints = []
    for part in features.detach().cpu().split(PIECE):
        R, _, root = decode_features(part)
        joints.append(forward_kinematics(R, root)[1].numpy())
    return halts_in(np.concatenate(joints), fps)


def halts_in(joints: Float[np.ndarray, "frames joints 3"], fps: float) -> Halts:
    """Minima of the joints' mean speed, see ``evaluation.rhythm.motion_beats``.

    Args:
        joints: metres, at least 3 frames.
        fps: frames per second.
    """
    speed = motion_speed(joints, fps)
    places, found = find_peaks(-speed, prominence=0)
    depth = found["prominences"] / max(float(np.median(speed)), 1e-9)
    return Halts(places / fps, depth.clip(0, 1))


def map_to_beats(
    halts: Halts,
    music_beats_s: Float[np.ndarray, " beats"],
    seconds: float,
    settings: WarpSettings | None = None,
) -> TimeMap:
    """The map of time that brings halts to beats at the least cost, by dynamic programming.

    At every beat, and between beats that are far apart, one shift of a grid is chosen. What is kept
    of the past is the shift and the step that led to it, so that the speed and its change are
    bounded. Beats without a halt in reach pull at nothing.

    Args:
        halts: of the dance as drawn.
        music_beats_s: seconds from the dance's beginning.
        seconds: how long the dance is.
        settings: how far to bend.
    """
    settings = settings or WarpSettings()
    knots, wanted = _knots(music_beats_s, seconds)
    reach = round(settings.shift_s / _GRID_S)
    shifts = np.arange(-reach, reach + 1) * _GRID_S
    earned = _earned(halts, knots, shifts, settings) * wanted[:, None]
    # What is drawn begins at 0 and ends at `seconds`: there is nothing before or after to show.
    outside = knots[:, None] + shifts
    earned[(outside < -1e-9) | (outside > seconds + 1e-9)] = -np.inf
    return TimeMap(knots, knots + shifts[_best_path(earned, np.diff(knots), settings)])


def resampled(
    features: Float[Tensor, "frames 151"], at: Float[np.ndarray, " new"]
) -> Float[Tensor, "new 151"]:
    """Features at fractional frames: splines, which add no kinks; contacts linearly."""
    frames = np.arange(len(features))
    given = features.detach().cpu().double().numpy()
    at = at.clip(0, frames[-1])
    out = np.empty((len(at), given.shape[1]))
    for first in range(0, given.shape[1], 6):  # a few channels at once: long songs stay small
        part = slice(first, first + 6)
        out[:, part] = CubicSpline(frames, given[:, part])(at)
    for channel in range(given.shape[1])[LAYOUT.contacts]:
        out[:, channel] = np.interp(at, frames, given[:, channel])
    return orthonormal(torch.from_numpy(out).to(features))


def _knots(beats_s: np.ndarray, seconds: float) -> tuple[np.ndarray, np.ndarray]:
    """Times at which a shift is chosen, both ends included, and which of them are beats."""
    knots, wanted = [0.0], [False]
    inner = [float(t) for t in beats_s if _CLOSEST_S <= t <= seconds - _CLOSEST_S]
    for time in [*inner, seconds]:
        gap = time - knots[-1]
        if gap < _CLOSEST_S and time < seconds:
            continue
        parts = max(1, math.ceil(gap / _WIDEST_S))
        knots += [knots[-1] + gap * k / parts for k in range(1, parts)] + [time]
        wanted += [False] * (parts - 1) + [time < seconds]
    return np.array(knots), np.array(wanted)


def _earned(
    halts: Halts, knots: np.ndarray, shifts: np.ndarray, settings: WarpSettings
) -> Float[np.ndarray, "knots shifts"]:
    """What each shift earns at each knot: the deepest halt near it."""
    earned = np.zeros((len(knots), len(shifts)))
    for row, time in enumerate(knots):
        near = np.abs(halts.times_s - time) < settings.shift_s + 4 * settings.sigma_s
        gap = (time + shifts)[:, None] - halts.times_s[near]
        worth = halts.depth[near] * np.exp(-np.square(gap / settings.sigma_s) / 2)
        earned[row] = worth.max(1, initial=0.0)
    return earned


def _best_path(
    earned: Float[np.ndarray, "knots shifts"],
    gaps: Float[np.ndarray, " gaps"],
    settings: WarpSettings,
) -> list[int]:
    """Indices of shifts that earn most, less the costs of speed and of changes of speed."""
    count = earned.shape[1]
    steps = _steps(float(gaps.max()), count, settings)
    # State: the shift, and the step that led to it; there is none that leads to the first.
    total = np.full((count, len(steps)), -np.inf)
    total[:, int(np.flatnonzero(steps == 0)[0])] = earned[0]
    came = np.zeros((len(gaps), count, len(steps)), dtype=np.int16)
    before = None
    for row, gap in enumerate(gaps):
        rate = steps * _GRID_S / gap
        cost = settings.stretch * gap * np.square(rate / 0.1)
        cost[(1 + rate < settings.slowest - 1e-9) | (1 + rate > settings.fastest + 1e-9)] = np.inf
        following = np.full_like(total, -np.inf)
        for column, step in enumerate(steps):
            if not np.isfinite(cost[column]):
                continue
            reached = total
            if before is not None:
                change = rate[column] - before[0]
                bend = settings.bend * np.square(change / 0.1)
                bend[np.abs(change) > settings.change * (gap + before[1]) / 2] = np.inf
                reached = total - bend
            best = reached.argmax(1)
            value = np.take_along_axis(reached, best[:, None], 1)[:, 0] - cost[column]
            to = slice(max(0, step), count + min(0, step))
            of = slice(max(0, -step), count + min(0, -step))
            following[to, column] = value[of] + earned[row + 1, to]
            came[row, to, column] = best[of]
        total, before = following, (rate, gap)
    return _traced(total, came, steps)


def _steps(widest_s: float, count: int, settings: WarpSettings) -> np.ndarray:
    """Steps on a grid of so many shifts that are possible between two knots."""
    low = math.floor((settings.slowest - 1) * widest_s / _GRID_S)
    high = math.ceil((settings.fastest - 1) * widest_s / _GRID_S)
    return np.arange(max(low, 1 - count), min(high, count - 1) + 1)


def _traced(total: np.ndarray, came: np.ndarray, steps: np.ndarray) -> list[int]:
    """The path back from the best end."""
    shift, column = map(int, np.unravel_index(int(total.argmax()), total.shape))
    path = [shift]
    for row in range(len(came) - 1, -1, -1):
        before = int(came[row, path[-1], column])
        path.append(path[-1] - int(steps[column]))
        column = before
    return path[::-1]
