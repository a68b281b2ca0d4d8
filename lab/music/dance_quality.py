"""Generated dances beside real ones as sets: foot slide, Fréchet distance, diversity; and how well
motions keep the beat of music that was made for them, the nearest thing to real pairs in step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from lab.distributions.distribution import diversity, frechet_distance
from lab.music.beat_tests import HeardMotion, motion_of
from lab.music.made_music import beats_of
from lab.music.style_scores import WINDOW_S, kinetic_windows
from vimoflow.evaluation.metrics.intervals import Estimate
from vimoflow.evaluation.metrics.rhythm import motion_beats
from vimoflow.motion.clip import Motion
from vimoflow.music.audio_features import FPS
from vimoflow.music.pairs import Dance
from vimoflow.music.song_to_dance import slide_of

_SPLITS = 40


@dataclass(frozen=True)
class DanceQuality:
    """A set of dances beside the recorded ones to the same songs.

    Attributes:
        foot_slide_mm, real_foot_slide_mm: mm a frame by the motions' own contacts, means.
        fid_k, real_fid_k: of one half of the songs against the recorded dances of the other half,
            generated and recorded; medians over random halves with their 95 % range.
        windows: of five seconds in a half.
        diversity, real_diversity: mean distance of two windows, z-scored with the recorded ones.
    """

    foot_slide_mm: float
    real_foot_slide_mm: float
    fid_k: Estimate
    real_fid_k: Estimate
    windows: int
    diversity: float
    real_diversity: float

    def __str__(self) -> str:
        fid, real = self.fid_k, self.real_fid_k
        return (
            f"foot slide {self.foot_slide_mm:.1f} mm a frame, recorded "
            f"{self.real_foot_slide_mm:.1f}\nFID_k {fid.value:.1f} ({fid.low:.1f} to "
            f"{fid.high:.1f}), recorded halves {real.value:.1f} ({real.low:.1f} to "
            f"{real.high:.1f}), {self.windows} windows a side\ndiversity {self.diversity:.2f}, "
            f"recorded {self.real_diversity:.2f}"
        )


def dance_quality(drawn: Sequence[Motion], dances: Sequence[Dance], seed: int = 0) -> DanceQuality:
    """Motions drawn to these dances' music, beside the dances.

    Halves are of songs, so that no dance is on both sides; all have the same number of windows,
    because the distance of two samples falls with their size.

    Args:
        drawn: as many as dances, each of five seconds at least.
        dances: recorded, at least four.
        seed: of the halves.
    """
    made_rows = [kinetic_windows([motion]) for motion in drawn]
    real = [_parts(dance, len(rows)) for dance, rows in zip(dances, made_rows, strict=True)]
    real_rows = [kinetic_windows(parts) for parts in real]
    rng = np.random.default_rng(seed)
    found, half = [], len(dances) // 2
    for _ in range(_SPLITS):
        order = rng.permutation(len(dances))
        a, b = order[:half], order[half : 2 * half]
        reference = np.concatenate([real_rows[i] for i in b])
        found.append(
            [
                frechet_distance(np.concatenate([rows[i] for i in a]), reference, 0).value
                for rows in (made_rows, real_rows)
            ]
        )
    made, recorded = (_range(np.array(column)) for column in zip(*found, strict=True))
    everything, reference = np.concatenate(made_rows), np.concatenate(real_rows)
    return DanceQuality(
        _slide(drawn), _slide([m for parts in real for m in parts]), made, recorded,
        half * len(made_rows[0]), diversity(everything, reference),
        diversity(reference, reference),
    )  # fmt: skip


def own_beats(dances: Sequence[Dance]) -> list[HeardMotion]:
    """Recorded motions beside the beats of music that is made for them; see ``made_music``."""
    found = []
    for dance in dances:
        if beats := beats_of(dance):
            moved = motion_beats(motion_of(dance).joint_positions, FPS)
            found.append(HeardMotion(beats.times_s, moved, len(dance) / FPS))
    return found


def _parts(dance: Dance, count: int) -> list[Motion]:
    """Windows spread evenly over a recorded dance."""
    frames = round(WINDOW_S * FPS)
    starts = np.linspace(0, max(len(dance) - frames, 0), count + 2)[1:-1].astype(int).tolist()
    return [motion_of(dance.part(i, i + frames)) for i in starts]


def _range(values: Float[np.ndarray, " n"]) -> Estimate:
    low, middle, high = np.percentile(values, (2.5, 50, 97.5))
    return Estimate(float(middle), float(low), float(high), len(values), len(values))


def _slide(motions: Sequence[Motion]) -> float:
    return float(np.mean([s for m in motions if (s := slide_of(m)) is not None] or [np.nan]))
