"""Whether a song and its dance are in step: at some offset, with some slow drift, beyond chance.

Any two rows of events agree best somewhere, and better the more places are tried. So what the best
offset and drift reach is compared with what the same search reaches on the same motion with the
ways between its halts in random order: as many, as regular, but in step with nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from lab.music.beat_tests import HeardMotion
from vimoflow.errors import InputError
from vimoflow.evaluation.metrics.rhythm import SIGMA_S

_OFFSETS_S = np.arange(-60, 61) / 30
_DRIFTS = np.linspace(-0.005, 0.005, 21)  # 0.3 s a minute; in steps of 0.03 s a minute
_GRID_S = 1 / 120
_BLOCK = 8  # beats that are drawn together for the interval: neighbours are not independent


@dataclass(frozen=True)
class InStep:
    """Where a dance agrees best with its song.

    Attributes:
        name: of the pair.
        offset_s, low_s, high_s: by how much the motion is late, with a 95 % interval (bootstrap
            over blocks of beats).
        drift: by how much the motion's clock is slow, 0.001 is 0.06 s a minute.
        alignment: there, 0 to 1.
        as_recorded: at no offset and no drift.
        chance: mean of what the search reaches with the halts in random order.
        p_value: share of those that reach as much.
    """

    name: str
    offset_s: float
    low_s: float
    high_s: float
    drift: float
    alignment: float
    as_recorded: float
    chance: float
    p_value: float


def in_step(name: str, heard: HeardMotion, draws: int = 200, seed: int = 0) -> InStep:
    """Search and test one pair.

    Raises:
        InputError: the song or the motion has fewer than two beats.
    """
    music, motion = heard.music_beats_s, heard.motion_beats_s
    if min(len(music), len(motion)) < 2:
        raise InputError(f"{name}: too few beats for a test")
    rng = np.random.default_rng(seed)
    near = _nearness(motion, heard.seconds)
    scores = _scores(music, near)
    row, column = np.unravel_index(scores.argmax(), scores.shape)
    drift = float(_DRIFTS[row])
    gaps = np.diff(motion, prepend=0.0)
    reached = [
        _scores(music, _nearness(np.cumsum(rng.permutation(gaps)), heard.seconds)).max()
        for _ in range(draws)
    ]
    above = int((np.array(reached) >= scores.max() - 1e-12).sum())
    low, high = _interval(music, near, drift, rng)
    return InStep(
        name, float(_OFFSETS_S[column]), low, high, drift, float(scores.max()),
        float(scores[len(_DRIFTS) // 2, len(_OFFSETS_S) // 2]), float(np.mean(reached)),
        (1 + above) / (1 + draws),
    )  # fmt: skip


def standing_out(pairs: Sequence[InStep], rate: float = 0.05) -> list[InStep]:
    """Pairs in step, of which at most this share is expected to be so by chance.

    By Benjamini and Hochberg (1995).
    """
    ranked = sorted(pairs, key=lambda pair: pair.p_value)
    kept = [n for n, pair in enumerate(ranked, 1) if pair.p_value <= rate * n / max(len(ranked), 1)]
    return ranked[: max(kept, default=0)]


def all_in_step(
    pairs: Sequence[tuple[str, HeardMotion]],
    draws: int = 200,
    say: Callable[[int, int], None] | None = None,
) -> list[InStep]:
    """Every pair that has beats."""
    found = []
    for number, (name, heard) in enumerate(pairs):
        if min(len(heard.music_beats_s), len(heard.motion_beats_s)) >= 2:
            found.append(in_step(name, heard, draws, number))
        if say is not None:
            say(number + 1, len(pairs))
    return found


def _nearness(motion: np.ndarray, seconds: float) -> Float[np.ndarray, " grid"]:
    """How near a halt is at each time of a grid, as beat alignment counts it."""
    times = np.arange(0, seconds, _GRID_S)
    after = np.searchsorted(motion, times).clip(1, len(motion) - 1)
    away = np.minimum(np.abs(times - motion[after - 1]), np.abs(times - motion[after]))
    return np.exp(-np.square(away) / (2 * SIGMA_S**2))


def _scores(music: np.ndarray, near: np.ndarray) -> Float[np.ndarray, "drifts offsets"]:
    rows = [_beat_scores(music, near, drift) for drift in _DRIFTS]
    return np.stack([np.nanmean(row, axis=1) for row in rows])


def _beat_scores(
    music: np.ndarray, near: np.ndarray, drift: float
) -> Float[np.ndarray, "offsets beats"]:
    """Of each beat at each offset; NaN where the motion has not begun or is over."""
    at = np.round((music * (1 + drift) + _OFFSETS_S[:, None]) / _GRID_S).astype(int)
    inside = (at >= 0) & (at < len(near))
    return np.where(inside, near[at.clip(0, len(near) - 1)], np.nan)


def _interval(
    music: np.ndarray, near: np.ndarray, drift: float, rng: np.random.Generator
) -> tuple[float, float]:
    values = _beat_scores(music, near, drift)
    blocks = np.array_split(np.arange(len(music)), max(1, len(music) // _BLOCK))
    best = []
    for _ in range(200):
        drawn = np.concatenate([blocks[i] for i in rng.integers(0, len(blocks), len(blocks))])
        best.append(_OFFSETS_S[np.nanmean(values[:, drawn], axis=1).argmax()])
    low, high = np.quantile(best, (0.025, 0.975))
    return float(low), float(high)
