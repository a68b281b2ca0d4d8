"""Normalisation statistics of training windows."""

from __future__ import annotations

import pytest
import torch

from vimoflow.data.batches import BatchSettings
from vimoflow.data.shards import read_shards
from vimoflow.motion.features import LAYOUT
from vimoflow.training import statistics
from vimoflow.training.material import ShardMaterial
from vimoflow.training.statistics import measure_normalization


@pytest.fixture(scope="module")
def source(shards) -> ShardMaterial:
    return ShardMaterial(read_shards(shards, "train"), BatchSettings())


def test_a_channel_that_hardly_moves_gets_the_floor(source):
    measured = measure_normalization(source, seed=3, batches=1)
    assert measured.mean.shape == measured.std.shape == (151,)
    assert measured.mean.isfinite().all() and measured.std.isfinite().all()
    floor = torch.tensor(statistics._MIN_STD)
    assert torch.equal(measured.std.min(), floor) and measured.std.max() > 0.3
    assert 0.7 < float(measured.mean[LAYOUT.root][1]) < 1.2  # the pelvis of a standing figure
    again = measure_normalization(source, seed=3, batches=1)
    assert torch.equal(again.mean, measured.mean) and torch.equal(again.std, measured.std)


def test_the_statistics_are_those_of_the_valid_frames(source, monkeypatch):
    made = []
    whole = source.draw
    monkeypatch.setattr(source, "draw", lambda *args: made.append(whole(*args)) or made[-1])
    measured = measure_normalization(source, seed=0, batches=1)
    batch = made[0]
    assert not batch.valid.all()  # the recordings are shorter than the windows
    features = batch.features[batch.valid]
    torch.testing.assert_close(measured.mean, features.mean(0), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(measured.std, features.std(0).clamp(min=0.1), atol=1e-5, rtol=1e-4)
