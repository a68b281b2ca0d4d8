"""Bootstrap intervals against scipy's, against known coverage, and on clusters."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats

from vimoflow.errors import InputError
from vimoflow.evaluation.metrics.intervals import bootstrap_mean


def test_agrees_with_scipys_percentile_bootstrap():
    values = np.random.default_rng(0).gamma(2.0, 10.0, 60)
    ours = bootstrap_mean(values, resamples=4000)
    theirs = scipy.stats.bootstrap(
        (values,), np.mean, n_resamples=4000, method="percentile", random_state=1
    ).confidence_interval
    assert ours.value == pytest.approx(values.mean())
    assert (ours.n, ours.clusters, ours.missing) == (60, 60, 0)
    width = theirs.high - theirs.low
    assert abs(ours.low - theirs.low) < 0.08 * width
    assert abs(ours.high - theirs.high) < 0.08 * width


def test_intervals_contain_the_truth_about_as_often_as_they_say():
    rng = np.random.default_rng(2)
    hits = 0
    for i in range(120):
        estimate = bootstrap_mean(rng.normal(5, 2, 50), resamples=200, seed=i)
        hits += estimate.low <= 5 <= estimate.high
    assert 0.88 <= hits / 120 <= 0.99


def test_views_of_one_recording_do_not_count_as_clips():
    rng = np.random.default_rng(3)
    recordings = np.repeat(rng.normal(50, 10, 12), 9)
    values = recordings + 0.1 * rng.normal(size=108)
    names = [f"clip{i // 9}" for i in range(108)]
    clustered, naive = bootstrap_mean(values, names), bootstrap_mean(values)
    assert clustered.value == pytest.approx(naive.value)
    assert (clustered.n, clustered.clusters) == (108, 12)
    ratio = (clustered.high - clustered.low) / (naive.high - naive.low)
    assert 2.2 < ratio < 3.8  # about the root of nine


def test_rows_without_a_value_are_counted():
    estimate = bootstrap_mean([1.0, math.nan, 3.0], ["a", "b", "c"])
    assert (estimate.value, estimate.n, estimate.clusters, estimate.missing) == (2.0, 2, 2, 1)
    nothing = bootstrap_mean([math.nan, math.nan])
    assert math.isnan(nothing.value) and nothing.n == 0 and nothing.missing == 2


def test_one_clip_has_a_value_and_no_interval():
    one = bootstrap_mean([4.0, 6.0], ["a", "a"])
    assert one.value == 5.0 and one.clusters == 1
    assert math.isnan(one.low) and math.isnan(one.high)


def test_the_same_seed_gives_the_same_interval():
    values = np.random.default_rng(4).normal(size=20)
    assert bootstrap_mean(values, seed=1) == bootstrap_mean(values, seed=1)
    assert bootstrap_mean(values, seed=1) != bootstrap_mean(values, seed=2)


def test_bad_input_is_refused():
    with pytest.raises(InputError, match="empty"):
        bootstrap_mean([])
    with pytest.raises(InputError, match="infinite"):
        bootstrap_mean([1.0, math.inf])
    with pytest.raises(InputError, match="2 recordings"):
        bootstrap_mean([1.0, 2.0, 3.0], ["a", "b"])
