"""Distribution metrics by the published code path: FID and diversity of motion features.

A Fréchet distance of small sets is mostly bias: it shrinks like 1/n towards its true value, so
none is given here without n, its interval, and what a part of the reference itself would score.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from lab.distributions.bootstrap import bootstrap_statistic
from lab.distributions.dance_features import (
    PUBLISHED_FPS,
    Acceleration,
    geometric_features,
    kinetic_features,
    published_input,
)
from vimoflow.errors import InputError

_SPLITS = 5  # random parts of a set that the bias checks average over


@dataclass(frozen=True)
class FeatureSet:
    """Features of a set of clips, and how they were made.

    Attributes:
        name: of the set, for reports.
        kinetic, geometric: one row a clip.
        crop_s: seconds that every clip was cut to from its beginning; None for whole clips.
        fps: rate that the features were computed at.
        acceleration: variant of the kinetic features.
    """

    name: str
    kinetic: Float[np.ndarray, "clips 72"]
    geometric: Float[np.ndarray, "clips 32"]
    crop_s: float | None
    fps: float = PUBLISHED_FPS
    acceleration: Acceleration = "as published"


@dataclass(frozen=True)
class FrechetDistance:
    """A Fréchet distance with all that is needed to judge it.

    Attributes:
        value: features z-scored with the reference's mean and deviation.
        low, high: 95 % bootstrap interval over clips about the value; it reflects their choice, not
            the bias that ``floor`` and ``infinity`` show. NaN for two clips or fewer.
        n, n_reference: clips.
        features: those that vary in the reference, of ``features_defined``.
        floor: what ``floor_n`` clips of the reference score against the rest of it: a value near
            the floor is as good as perfect. NaN where the reference is too small to divide.
        infinity: extrapolation to an infinite number of clips (Chong and Forsyth 2020); NaN where
            half of the clips are not more than the features.
        warnings: why the value is not to be trusted, if so.
    """

    value: float
    low: float
    high: float
    n: int
    n_reference: int
    features: int
    features_defined: int
    floor: float
    floor_n: int
    infinity: float
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class DistributionScores:
    """All distribution metrics of one set against a reference.

    Attributes:
        div_k, div_g: mean distance between two clips' z-scored features; compare with the
            reference's own, not with zero.
    """

    name: str
    reference: str
    n: int
    n_reference: int
    fps: float
    crop_s: float | None
    acceleration: Acceleration
    fid_k: FrechetDistance
    fid_g: FrechetDistance
    div_k: float
    div_g: float
    reference_div_k: float
    reference_div_g: float


def feature_set(
    name: str,
    clips: Sequence[Float[np.ndarray, "_ 24 3"]],
    fps: float,
    crop_s: float | None = None,
    acceleration: Acceleration = "as published",
) -> FeatureSet:
    """Features of clips (world joint positions, metres, +Y up) resampled to 60 fps.

    Raises:
        InputError: no clips, NaN, clips shorter than ``crop_s`` or too short for any feature.
    """
    if not len(clips):
        raise InputError(f"{name}: an empty set of clips has no features")
    kinetic, geometric = [], []
    for i, clip in enumerate(clips):
        try:
            joints = published_input(clip, fps)
            if crop_s is not None:
                frames = round(crop_s * PUBLISHED_FPS)
                # A clip of s seconds has its last frame one frame before s.
                if len(joints) < frames - round(PUBLISHED_FPS / fps):
                    raise InputError(f"lasts {len(clip) / fps:.2f} s, less than {crop_s} s")
                joints = joints[:frames]
            kinetic.append(kinetic_features(joints, PUBLISHED_FPS, acceleration).numpy())
            geometric.append(geometric_features(joints, PUBLISHED_FPS).numpy())
        except InputError as error:
            raise InputError(f"{name}, clip {i}: {error}") from error
    return FeatureSet(
        name, np.stack(kinetic), np.stack(geometric), crop_s, acceleration=acceleration
    )


def compare_sets(
    generated: FeatureSet, reference: FeatureSet, resamples: int = 200, seed: int = 0
) -> DistributionScores:
    """FID and diversity of a set against a reference made in the same way.

    Raises:
        InputError: the sets were made differently, or one has fewer than two clips.
    """
    made = [(s.fps, s.crop_s, s.acceleration) for s in (generated, reference)]
    if made[0] != made[1]:
        raise InputError(
            f"{generated.name} and {reference.name} do not compare: rate, crop and acceleration "
            f"are {made[0]} and {made[1]}"
        )
    return DistributionScores(
        name=generated.name,
        reference=reference.name,
        n=len(generated.kinetic),
        n_reference=len(reference.kinetic),
        fps=generated.fps,
        crop_s=generated.crop_s,
        acceleration=generated.acceleration,
        fid_k=frechet_distance(generated.kinetic, reference.kinetic, resamples, seed),
        fid_g=frechet_distance(generated.geometric, reference.geometric, resamples, seed),
        div_k=diversity(generated.kinetic, reference.kinetic),
        div_g=diversity(generated.geometric, reference.geometric),
        reference_div_k=diversity(reference.kinetic, reference.kinetic),
        reference_div_g=diversity(reference.geometric, reference.geometric),
    )


def frechet_distance(
    generated: Float[np.ndarray, "n d"],
    reference: Float[np.ndarray, "m _"],
    resamples: int = 200,
    seed: int = 0,
) -> FrechetDistance:
    """Fréchet distance of features z-scored with the reference's statistics, with its checks.

    Features that do not vary in the reference have no z-score; they are left out and reported
    (published code divides by 1e-10 there).

    Raises:
        InputError: fewer than two clips, other features, NaN, or no feature varies.
    """
    x, y = _z_scored(generated, reference)
    n, m, used = len(x), len(y), x.shape[1]
    rng = np.random.default_rng(seed)
    floor, floor_n = _floor(reference, n, rng)
    low = high = np.nan
    distance = _distance_to(y)
    if n > 2 and resamples:
        interval = bootstrap_statistic(
            lambda drawn: distance(x[drawn]), n, resamples=resamples, seed=seed, centred=True
        )
        low, high = max(interval.low, 0.0), interval.high
    return FrechetDistance(
        value=distance(x),
        low=low,
        high=high,
        n=n,
        n_reference=m,
        features=used,
        features_defined=generated.shape[1],
        floor=floor,
        floor_n=floor_n,
        infinity=_infinity(x, y, rng) if n // 2 > used else float("nan"),
        warnings=_warnings(n, m, used, generated.shape[1]),
    )


def diversity(features: Float[np.ndarray, "n d"], reference: Float[np.ndarray, "m _"]) -> float:
    """Mean Euclidean distance between two clips, features z-scored with the reference's statistics.

    Raises:
        InputError: fewer than two clips, other features, NaN, or no feature varies.
    """
    from scipy.spatial.distance import pdist

    return float(pdist(_z_scored(features, reference)[0]).mean())


def _distance_to(y: np.ndarray) -> Callable[[np.ndarray], float]:
    """The squared Fréchet distance of rows to y, both as Gaussians (Dowson and Landau 1982).

    The trace of the root of A B is the sum of the singular values of the centred rows (A) times
    B^1/2: no complex numbers, no failure where a covariance is singular, and one small symmetric
    problem for every set.
    """
    mean, covariance = y.mean(0), np.atleast_2d(np.cov(y, rowvar=False))
    values, vectors = np.linalg.eigh(covariance)
    root = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    trace = float(np.trace(covariance))

    def distance(x: np.ndarray) -> float:
        centred = (x - x.mean(0)) / np.sqrt(len(x) - 1)
        seen = centred @ root
        gram = seen @ seen.T if len(x) < x.shape[1] else seen.T @ seen
        cross = np.sqrt(np.linalg.eigvalsh(gram).clip(0)).sum()
        spread = float((centred**2).sum()) + trace - 2 * cross
        shift = float(((x.mean(0) - mean) ** 2).sum())
        return shift + max(spread, 0.0)  # rounding can make the spread negative

    return distance


def _z_scored(features: np.ndarray, reference: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both sets in units of the reference's deviation, without features that have none."""
    for rows in (features, reference):
        if rows.ndim != 2 or len(rows) < 2:
            raise InputError(f"{len(rows)} clips have no distribution; at least 2 are needed")
        if not np.isfinite(rows).all():
            raise InputError("features hold values that are not finite (NaN or infinity)")
    if features.shape[1] != reference.shape[1]:
        raise InputError(f"{features.shape[1]} features, the reference has {reference.shape[1]}")
    mean, std = reference.mean(0), reference.std(0)
    varying = std > 1e-9 * np.maximum(1.0, np.abs(mean))
    if not varying.any():
        raise InputError("the reference's clips are all the same; nothing can be compared with it")
    mean, std = mean[varying], std[varying]
    return (features[:, varying] - mean) / std, (reference[:, varying] - mean) / std


def _floor(reference: np.ndarray, n: int, rng: np.random.Generator) -> tuple[float, int]:
    """The distance of a random part of the reference, of up to n clips, to the rest of it."""
    part = min(n, len(reference) // 2)
    if part < 2:
        return float("nan"), part
    values = []
    for _ in range(_SPLITS):
        order = rng.permutation(len(reference))
        try:
            x, y = _z_scored(reference[order[:part]], reference[order[part:]])
        except InputError:  # a part in which nothing varies
            continue
        values.append(_distance_to(y)(x))
    return (float(np.mean(values)) if values else float("nan")), part


def _infinity(x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> float:
    """The intercept of the line through the distances of random parts over 1/n."""
    sizes = np.unique(np.linspace(len(x) // 2, len(x), 6).astype(int))
    sizes = np.repeat(sizes, 3)
    distance = _distance_to(y)
    distances = [distance(x[rng.permutation(len(x))[:k]]) for k in sizes]
    return float(np.polyfit(1 / sizes, np.array(distances), 1)[1])


def _warnings(n: int, m: int, used: int, defined: int) -> tuple[str, ...]:
    found = [
        f"{count} {name} for {used} features: the covariance is singular"
        for count, name in ((n, "clips"), (m, "clips of the reference"))
        if count <= used
    ]
    if used < defined:
        found.append(f"{defined - used} features do not vary in the reference and are left out")
    return tuple(found)
