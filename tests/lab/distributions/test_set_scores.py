"""Figures of sets: what is compared with what, and what sets that are too small are told."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import torch

from benchmark_examples import FAST, swaying
from lab.distributions.distribution import feature_set, frechet_distance
from lab.distributions.diversity import sample_diversity
from lab.distributions.set_scores import distribution_rows, diversity_rows
from lab.distributions.tables import distribution_table, diversity_table, write_distributions
from vimoflow.evaluation.benchmark.benchmark_file import ClipSet, Manifest
from vimoflow.evaluation.benchmark.cases import Case
from vimoflow.evaluation.benchmark.results import TRUTH, ClipResult, flagged_result, single_result
from vimoflow.evaluation.benchmark.running import tables_of
from vimoflow.evaluation.benchmark.scores import Posed

FRAMES = 20


def case(number: int, view: str = "") -> Case:
    points = np.ones((FRAMES, 17, 3), np.float32)
    return Case(f"clip{number}", "a", "", points, swaying(FRAMES, number), points, view=view)


def results(clips: int) -> list[ClipResult]:
    """One method that moves as other clips do, and the truth; the first clip has two views."""
    found = []
    for c in [case(i) for i in range(clips)] + [case(0, "again")]:
        found.append(single_result("set", c, "method", swaying(FRAMES, 100 + len(found))))
        found.append(single_result("set", c, TRUTH, c.truth))
    return found


def test_a_set_is_compared_with_the_truth_of_its_recordings():
    every = results(6)
    rows = {row.method: row for row in distribution_rows(every, resamples=5)}
    row = rows["method"]
    assert (row.n, row.title, row.seconds) == (6, "all with noisy 2D", (FRAMES / 30,) * 2)
    ours, theirs = (
        feature_set("s", [r.motion.joint_positions for r in every[:12] if r.method == m], 30.0)
        for m in ("method", TRUTH)
    )
    assert row.scores is not None and row.scores.n_reference == 6
    expected = frechet_distance(ours.kinetic, theirs.kinetic, resamples=0)
    assert row.scores.fid_k.value == pytest.approx(expected.value)
    truth = rows[TRUTH].scores
    assert truth is not None and truth.fid_g.value < 1e-6
    assert truth.div_k == pytest.approx(row.scores.reference_div_k)


def test_fewer_clips_than_features_are_flagged_in_the_table():
    note, table = distribution_table(distribution_rows(results(6), resamples=5))
    assert "FID_k: 6 clips for" in note and "covariance is singular" in note
    assert all("⚠" in line for line in table.splitlines()[2:])


def test_one_clip_has_no_distribution_and_no_silent_number():
    rows = distribution_rows(results(1))
    assert {row.scores for row in rows} == {None}
    assert all("1 clips have no distribution" in row.flags[0] for row in rows)
    note, table = distribution_table(rows)
    assert "No set is large enough" in note and "at least 2" in note
    assert table.splitlines()[2].count("⚠ –") == 8


def test_flagged_motions_are_in_no_distribution():
    every = results(5)
    every[2] = flagged_result("set", every[2].case, "method", "not finite")
    row = next(row for row in distribution_rows(every, resamples=0) if row.method == "method")
    assert row.n == 4 and row.scores is not None and row.scores.n_reference == 4


def apart(result: ClipResult, by: float) -> ClipResult:
    """With two samples, the second bent further than the first; as far off the image as bent."""
    assert result.motion is not None
    other = dataclasses.replace(result.motion, poses=result.motion.poses * np.float32(1 + by))
    score = dataclasses.replace(result.score, reprojection=by)
    return dataclasses.replace(result, samples=((result.motion, other),) * 2, score=score)


def test_diversity_is_related_to_the_image_where_clips_suffice():
    every = [r for r in results(4) if r.method == "method"]
    spread = [apart(r, 0.1 * i) for i, r in enumerate(every)]
    (row,) = diversity_rows(spread)
    of_clips = [
        sample_diversity(torch.stack([Posed.of(m).joints for m in r.samples[0]])).apd
        for r in spread
    ]
    assert of_clips[0] == 0 < of_clips[1]
    assert row.samples == 2 and row.apd.value == pytest.approx(np.mean(of_clips))
    assert row.apd.clusters == 4
    assert row.relation is not None and row.relation.rank_correlation == pytest.approx(1)
    (few,) = diversity_rows(spread[:2])
    assert few.relation is None and "2 videos show no relation" in few.flags[0]
    note, table = diversity_table([few])
    assert "⚠ set: 2 videos" in note and "⚠ –" in table
    assert diversity_rows(every) == []


def test_the_files_hold_both_tables(tmp_path):
    manifest = Manifest("bench", (ClipSet("a", "noisy"),))
    every = [apart(r, 0.1) if r.method == "method" else r for r in results(3)]
    text = write_distributions(tables_of(every, manifest, "method", FAST), tmp_path)
    assert (tmp_path / "distributions.md").read_text("utf-8") == text
    assert "## Distributions" in text and "## Diversity of samples" in text
    fields = json.loads((tmp_path / "distributions.json").read_text("utf-8"))
    assert [row["method"] for row in fields["distributions"]] == ["method", TRUTH]
    assert fields["diversities"][0]["samples"] == 2
