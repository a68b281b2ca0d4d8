"""Calibration of the spread around the first sample: factors hold what they were fitted to."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from benchmark_examples import tiny_checkpoint, write_shards
from lab.studies.calibration import (
    LEVELS,
    Hypotheses,
    coverage,
    draw_hypotheses,
    fit_calibration,
    write_hypotheses_report,
)
from vimoflow.data.shards import read_shards
from vimoflow.errors import ConfigError
from vimoflow.evaluation.benchmark.cases import Case, virtual_case
from vimoflow.inference.sampling import SamplingOptions
from vimoflow.motion.skeleton import JOINT_NAMES


@pytest.fixture(scope="module")
def cases(tmp_path_factory) -> list[Case]:
    shards = read_shards(write_shards(tmp_path_factory.mktemp("shards")), "validation")
    plain = next(shard for shard in shards if shard.entry.corpus == "plain")
    return [virtual_case(plain, row, 0) for row in (1, 2)]


def guesses(case: Case, seed: int) -> Hypotheses:
    """Samples that are the truth with joints turned at random."""
    rng = np.random.default_rng(seed)
    truth = case.truth
    turned = [truth.poses + rng.normal(0, 0.1, truth.poses.shape) for _ in range(4)]
    poses = [values.astype(np.float32) for values in turned]
    return Hypotheses(case, tuple(dataclasses.replace(truth, poses=p) for p in poses))


def test_errors_are_those_of_the_first_sample_with_pelves_together(cases):
    found = guesses(cases[0], 0)
    first = dataclasses.replace(found.samples[0], trans=found.samples[0].trans + 3)
    moved = Hypotheses(found.case, (first, *found.samples[1:]))
    np.testing.assert_allclose(moved.errors_m, found.errors_m, atol=1e-5)
    exact = Hypotheses(found.case, (found.case.truth, *found.samples[1:]))
    assert exact.errors_m.max() < 1e-6 < found.errors_m[:, 1:].max()


def test_factors_hold_what_they_were_fitted_to(cases):
    drawn = [guesses(case, seed) for seed, case in enumerate(cases)]
    calibration = fit_calibration(drawn, "test")
    frames = sum(len(h.case.truth) for h in drawn)
    rows = coverage(drawn, calibration)
    assert len(rows) == len(LEVELS) * len(JOINT_NAMES)
    # Joints that nothing above them turns (the hips' own places) never move: they are always held.
    moving = [row for row in rows if row.radius_mm > 1]
    assert len(moving) > 30
    for row in moving:
        assert abs(row.after - row.nominal) < 0.06 + 2 / frames, row


def test_the_report_needs_two_recordings_and_writes_the_factors(cases, tmp_path):
    drawn = [guesses(case, seed) for seed, case in enumerate(cases)]
    text = write_hypotheses_report(drawn, "somewhere", tmp_path)
    assert text.startswith("Coverage on 1 clips; factors from 1 others, 4 samples each:")
    factors = json.loads((tmp_path / "hypotheses.json").read_text())
    assert list(factors["factor_50"]) == list(JOINT_NAMES) and factors["source"] == "somewhere"
    with pytest.raises(ConfigError, match="two recordings"):
        write_hypotheses_report(drawn[:1], "somewhere", tmp_path)


def test_one_sample_has_no_spread(cases):
    with pytest.raises(ConfigError, match="at least 2"):
        draw_hypotheses(tiny_checkpoint(), cases, SamplingOptions(), 1)
