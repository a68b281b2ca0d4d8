"""Motions for cases: order, padding, the track of moving cameras, the mean motion."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from benchmark_examples import FAST, tiny_checkpoint, write_shards
from vimoflow.data.shards import Shard, read_shards
from vimoflow.evaluation.benchmark import prediction
from vimoflow.evaluation.benchmark.cases import validation_cases
from vimoflow.evaluation.benchmark.prediction import batches, mean_motions, predict
from vimoflow.evaluation.benchmark.scores import score
from vimoflow.inference.sampling import SamplingOptions


@pytest.fixture(scope="module")
def shards(tmp_path_factory) -> dict[str, Shard]:
    folder: Path = write_shards(tmp_path_factory.mktemp("shards"))
    return {shard.entry.corpus: shard for shard in read_shards(folder, "validation")}


@pytest.fixture(scope="module")
def checkpoint():
    return tiny_checkpoint()


def test_predictions_come_back_in_order_and_length(shards, checkpoint):
    cases = validation_cases(list(shards.values()), limit=9, seed=0)
    told = []
    motions = predict(checkpoint, cases, FAST, lambda done, total: told.append((done, total)))
    assert [len(m) for m in motions] == [len(case.truth) for case in cases]
    assert all(np.isfinite(m.poses).all() and np.isfinite(m.trans).all() for m in motions)
    assert told[-1] == (len(cases), len(cases))


def test_a_prediction_does_not_depend_on_what_it_is_padded_with(shards, checkpoint):
    """The first of a batch keeps its noise; 20 frames fit the window, more are never padded."""
    short, long = (validation_cases([shards["filmed"]], 2, 0)[i] for i in (0, 3))
    options = SamplingOptions(steps=2, window=32, overlap=8, refine=False)
    alone = predict(checkpoint, [short], options)[0]
    together = predict(checkpoint, [long, short], options)[1]
    np.testing.assert_allclose(together.trans, alone.trans, atol=1e-4)
    np.testing.assert_allclose(together.local_rotations, alone.local_rotations, atol=1e-3)


def test_only_clips_of_one_window_are_padded():
    lengths = [300, 20, 150, 300, 151, 7, 300] + [10] * 40
    found = batches(lengths, window=150)
    assert sorted(i for rows in found for i in rows) == list(range(len(lengths)))
    for rows in found:
        sizes = {lengths[i] for i in rows}
        assert len(rows) <= 32 and (len(sizes) == 1 or max(sizes) <= 150)
    assert len(found) == 4


def test_without_a_track_where_the_camera_moves(shards, checkpoint, monkeypatch):
    seen = []
    whole = prediction.upright_shot
    monkeypatch.setattr(
        prediction, "upright_shot", lambda *args: seen.append(whole(*args)) or seen[-1]
    )
    case = validation_cases([shards["filmed"]], limit=1, seed=0)[0]
    predict(checkpoint, [case, dataclasses.replace(case, static_camera=False)], FAST)
    still, moving = seen[0].condition.track
    assert bool((still[..., 2] == 1).all()) and bool((moving == 0).all())
    assert np.array_equal(*seen[0].condition.pose.numpy())


def test_the_mean_motion_stands_still(shards, checkpoint):
    cases = validation_cases([shards["plain"]], limit=9, seed=0)
    motions = mean_motions(checkpoint, cases)
    for motion, case in zip(motions, cases, strict=True):
        assert len(motion) == len(case.truth)
        assert np.ptp(motion.joint_positions, axis=0).max() == 0
        assert score(motion, case).foot_slide == 0
