"""Intervals of metrics of sets agree with those of means."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lab.distributions.bootstrap import bootstrap_statistic
from vimoflow.evaluation.metrics.intervals import bootstrap_mean


def test_a_mean_as_a_statistic_has_the_means_interval():
    values = np.random.default_rng(0).gamma(2.0, 10.0, 60)
    mean = bootstrap_mean(values, resamples=4000)
    both = bootstrap_statistic(lambda rows: values[rows].mean(), 60, resamples=1000)
    assert both.value == pytest.approx(mean.value)
    assert abs(both.low - mean.low) < 0.15 * (mean.high - mean.low)


def test_one_clip_has_a_value_and_no_interval():
    one = bootstrap_statistic(lambda rows: float(len(rows)), 1)
    assert one.value == 1.0 and math.isnan(one.low)
