"""Running a benchmark: methods, seeds and samples, intervals, flags, what detection costs."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from benchmark_examples import FAST, tiny_checkpoint, write_shards
from vimoflow.data.shards import read_shards
from vimoflow.evaluation.benchmark.benchmark_file import ClipSet, Manifest, NamedCases
from vimoflow.evaluation.benchmark.cases import virtual_case
from vimoflow.evaluation.benchmark.prediction import predict
from vimoflow.evaluation.benchmark.running import Baseline, Evaluation, evaluate
from vimoflow.evaluation.benchmark.scores import score

SETS = (ClipSet("plain", "truth"),)


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    shards = read_shards(write_shards(tmp_path_factory.mktemp("shards")), "validation")
    return next(shard for shard in shards if shard.entry.corpus == "plain")


@pytest.fixture(scope="module")
def sets(plain) -> list[NamedCases]:
    """The same three clips with exact and with noisy 2D."""
    return [
        NamedCases(title, tuple(virtual_case(plain, row, 0, noisy=noisy) for row in (1, 2, 3)))
        for title, noisy in (("exact", False), ("noisy", True))
    ]


@pytest.fixture(scope="module")
def evaluation(sets) -> Evaluation:
    manifest = Manifest("m", SETS, seeds=(0, 1), samples=2)
    return evaluate(manifest, sets, tiny_checkpoint(), FAST)


def values(evaluation: Evaluation, title: str, method: str) -> list[float]:
    return [r.score.pa_mpjpe for r in evaluation.results if (r.title, r.method) == (title, method)]


def test_every_method_has_a_row_for_every_set(evaluation):
    methods = ("tiny", "tiny, mean of 2", "mean motion", "truth")
    assert [(r.title, r.method) for r in evaluation.rows] == [
        (title, method) for title in ("exact", "noisy") for method in methods
    ]
    for row in evaluation.rows:
        estimate = row.metric("pa_mpjpe")
        of_clips = values(evaluation, row.title, row.method)
        assert estimate.value == pytest.approx(np.mean(of_clips))
        assert estimate.n == estimate.clusters == 3 and estimate.low <= estimate.value
        assert estimate.value <= estimate.high
    truth = evaluation.rows[3]
    assert truth.metric("pa_mpjpe").value < 0.01 and truth.metric("mpjre").value < 0.01


def test_physics_is_asked_of_every_motion_that_is_long_enough(sets):
    pytest.importorskip("mujoco", reason="needs the extra [physics]")
    truth = Baseline("other", lambda cases: [case.truth for case in cases])
    asked = evaluate(
        Manifest("m", SETS), sets, tiny_checkpoint(), FAST, None, [truth], physics=True
    )
    rows = {row.method: row for row in asked.rows if row.title == "exact"}
    for name in ("tiny", "mean motion", "truth"):
        assert rows[name].metric("implausibility").n == 3
        assert rows[name].metric("residual_force").value >= 0
    same = (rows[name].metric("implausibility").value for name in ("truth", "other"))
    assert next(same) == next(same)


def test_metrics_are_means_over_seeds_and_samples(evaluation, sets):
    cases = [case for named in sets for case in named.cases]
    drawn = [
        [predict(tiny_checkpoint(), cases, dataclasses.replace(FAST, seed=seed + 7919 * k))
         for k in (0, 1)]
        for seed in (0, 1)
    ]  # fmt: skip
    of = np.array([
        [[score(m, c).pa_mpjpe for m, c in zip(run, cases, strict=True)] for run in seed]
        for seed in drawn
    ])  # fmt: skip
    first = [v for t in ("exact", "noisy") for v in values(evaluation, t, "tiny")]
    every = [v for t in ("exact", "noisy") for v in values(evaluation, t, "tiny, mean of 2")]
    np.testing.assert_allclose(first, of[:, 0].mean(0), rtol=1e-5)
    np.testing.assert_allclose(every, of.mean((0, 1)), rtol=1e-5)


def test_what_detection_costs_is_a_paired_difference(evaluation):
    row = next(row for row in evaluation.costs if row.method == "tiny")
    assert row.title == "noisy, less true 2D"
    pairs = zip(
        values(evaluation, "noisy", "tiny"), values(evaluation, "exact", "tiny"), strict=True
    )
    expected = np.mean([noisy - exact for noisy, exact in pairs])
    assert row.metric("pa_mpjpe").value == pytest.approx(expected)
    assert {row.method for row in evaluation.costs}.isdisjoint({"truth", "mean motion"})


def test_a_motion_that_is_not_finite_is_flagged_and_in_no_mean(sets):
    def broken(cases):
        motions = [case.truth for case in cases]
        poses = motions[1].poses.copy()
        poses[2] = np.nan
        return [motions[0], dataclasses.replace(motions[1], poses=poses), *motions[2:]]

    found = evaluate(
        Manifest("m", SETS), sets[:1], tiny_checkpoint(), FAST, baselines=[Baseline("b", broken)]
    )
    assert [(r.method, r.case.title) for r in found.flagged] == [("b", "plain2 virtual")]
    assert "not finite" in found.flagged[0].flag
    estimate = next(row for row in found.rows if row.method == "b").metric("mpjpe")
    assert (estimate.n, estimate.missing) == (2, 1) and estimate.value < 0.01


def test_one_clip_has_a_value_but_no_interval(sets):
    one = NamedCases("one", sets[0].cases[:1])
    estimate = evaluate(Manifest("m", SETS), [one], tiny_checkpoint(), FAST).rows[0].metric("mpjpe")
    assert estimate.n == 1 and estimate.value > 0 and math.isnan(estimate.low)
