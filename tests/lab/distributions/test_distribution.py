"""Fréchet distances against scipy and closed forms; what small and bad sets are told."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import scipy.linalg
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.distributions.distribution import (
    FeatureSet,
    compare_sets,
    diversity,
    feature_set,
    frechet_distance,
)
from vimoflow.errors import InputError
from vimoflow.motion.skeleton import load_skeleton

seeds = st.integers(0, 2**31 - 1)
quick = settings(max_examples=15, deadline=None)


def covariance(rng: np.random.Generator, d: int) -> np.ndarray:
    a = rng.normal(size=(d, d + 2))
    return a @ a.T / d


def published_distance(generated: np.ndarray, reference: np.ndarray) -> float:
    """As papers compute it: z-scores, np.cov and a complex matrix root."""
    mean, std = reference.mean(0), reference.std(0)
    x, y = (generated - mean) / std, (reference - mean) / std
    root = scipy.linalg.sqrtm(np.cov(x, rowvar=False) @ np.cov(y, rowvar=False)).real
    trace = np.trace(np.cov(x, rowvar=False)) + np.trace(np.cov(y, rowvar=False))
    return np.square(x.mean(0) - y.mean(0)).sum() + trace - 2 * np.trace(root)


def test_distance_and_diversity_are_the_published_computation():
    rng = np.random.default_rng(1)
    scale = rng.uniform(0.1, 100, 8)
    reference = scale * rng.normal(size=(300, 8)) + 5
    generated = 1.3 * scale * rng.normal(size=(120, 8)) + 4
    result = frechet_distance(generated, reference, resamples=0)
    assert result.value == pytest.approx(published_distance(generated, reference), rel=1e-8)
    z = (generated - reference.mean(0)) / reference.std(0)
    pairs = [math.dist(z[i], z[j]) for i in range(120) for j in range(i)]
    assert diversity(generated, reference) == pytest.approx(np.mean(pairs), rel=1e-9)


@quick
@given(seeds, st.integers(2, 12))
def test_the_distance_of_random_gaussians_is_scipys(seed, d):
    rng = np.random.default_rng(seed)
    reference = rng.multivariate_normal(rng.normal(size=d), covariance(rng, d), 90)
    generated = rng.multivariate_normal(rng.normal(size=d), covariance(rng, d), 70)
    result = frechet_distance(generated, reference, resamples=0)
    assert result.value == pytest.approx(published_distance(generated, reference), rel=1e-6)


def test_floor_and_infinity_undo_the_bias():
    rng = np.random.default_rng(2)
    reference = rng.normal(size=(1500, 12))
    generated = rng.normal(size=(80, 12))  # the same distribution
    result = frechet_distance(generated, reference, resamples=50)
    assert result.value > 0.3  # all of it is bias
    assert 0.6 < result.value / result.floor < 1.6 and result.floor_n == 80
    assert abs(result.infinity) < 0.4 * result.value
    assert result.low <= result.high and result.warnings == ()
    shifted = frechet_distance(generated + 1.0, reference, resamples=0)
    assert shifted.value > 5 * shifted.floor
    assert shifted.infinity == pytest.approx(12.0, rel=0.25)


def test_small_sets_are_flagged():
    rng = np.random.default_rng(3)
    few = frechet_distance(rng.normal(size=(10, 20)), rng.normal(size=(400, 20)), resamples=20)
    assert "10 clips for 20 features" in few.warnings[0] and math.isnan(few.infinity)
    both = frechet_distance(rng.normal(size=(3, 20)), rng.normal(size=(2, 20)), resamples=0)
    assert len(both.warnings) == 2 and math.isnan(both.floor) and math.isnan(both.low)


def test_constant_features_are_left_out_and_reported():
    rng = np.random.default_rng(4)
    reference, generated = rng.normal(size=(90, 5)), rng.normal(size=(60, 5))
    reference[:, 2] = 0.25
    result = frechet_distance(generated, reference, resamples=0)
    keep = [0, 1, 3, 4]
    expected = frechet_distance(generated[:, keep], reference[:, keep], resamples=0)
    assert result.value == pytest.approx(expected.value)
    assert (result.features, result.features_defined) == (4, 5)
    assert "1 features do not vary" in result.warnings[0]


@pytest.mark.parametrize(
    ("generated", "reference", "message"),
    [
        (np.zeros((0, 3)), np.eye(3), "0 clips"),
        (np.ones((1, 3)), np.eye(3), "1 clips"),
        (np.eye(3), np.ones((1, 3)), "1 clips"),
        (np.full((4, 3), np.nan), np.eye(3), "not finite"),
        (np.ones((4, 2)), np.eye(3), "2 features"),
        (np.eye(3), np.ones((9, 3)), "all the same"),
    ],
)
def test_bad_sets_are_refused(generated, reference, message):
    for function in (frechet_distance, diversity):
        with pytest.raises(InputError, match=message):
            function(generated, reference)


def clips(seed: int, count: int, frames: int = 40) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    rest = load_skeleton().rest_positions() + np.array([0, 0.9, 0])
    t = np.arange(frames)[:, None, None] / 30
    return [
        rest + 0.3 * np.sin(rng.uniform(1, 12, (24, 3)) * t + rng.uniform(0, 6, (24, 3)))
        for _ in range(count)
    ]


def test_sets_of_motions_state_how_they_were_made():
    a = feature_set("ours", clips(1, 6), 30.0, crop_s=1.0)
    b = feature_set("truth", clips(2, 9), 30.0, crop_s=1.0)
    scores = compare_sets(a, b, resamples=5)
    assert (scores.name, scores.reference, scores.n, scores.n_reference) == ("ours", "truth", 6, 9)
    assert (scores.fps, scores.crop_s, scores.acceleration) == (60.0, 1.0, "as published")
    assert scores.fid_k.warnings and scores.fid_g.warnings
    assert scores.div_k > 0 and scores.reference_div_g > 0
    same = compare_sets(b, b, resamples=0)
    assert same.fid_k.value == pytest.approx(0, abs=1e-4) and same.div_k == same.reference_div_k


def test_sets_made_differently_do_not_compare():
    a = feature_set("ours", clips(1, 3), 30.0)
    other: FeatureSet = dataclasses.replace(a, crop_s=1.0)
    with pytest.raises(InputError, match="do not compare"):
        compare_sets(a, other)


def test_bad_clips_are_named():
    bad = clips(3, 2)
    bad[1][4, 3, 0] = np.inf
    with pytest.raises(InputError, match=r"ours, clip 1: .*not finite"):
        feature_set("ours", bad, 30.0)
    with pytest.raises(InputError, match=r"clip 0: lasts 1\.33 s, less than 5"):
        feature_set("ours", clips(3, 2), 30.0, crop_s=5.0)
    with pytest.raises(InputError, match="empty"):
        feature_set("ours", [], 30.0)
