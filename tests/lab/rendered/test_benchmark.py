"""Rendered clips in the tables, with MediaPipe's own 3D."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmark_examples import FAST, tiny_checkpoint, write_shards
from lab.rendered.benchmark import RenderedCase, landmark_limbs, landmark_results, rendered_sets
from vimoflow.data.shards import read_shards
from vimoflow.errors import InputError
from vimoflow.evaluation.benchmark.benchmark_file import (
    ClipSet,
    Manifest,
    NamedCases,
    read_manifest,
)
from vimoflow.evaluation.benchmark.cases import virtual_case
from vimoflow.evaluation.benchmark.running import Evaluation, evaluate
from vimoflow.motion.skeleton import COCO_LIMBS


def test_a_folder_without_clips_is_one_line(tmp_path):
    manifest = read_manifest(Path(__file__).parents[3] / "benchmarks" / "rendered.toml")
    with pytest.raises(InputError, match="lab evaluate render"):
        rendered_sets(manifest, tmp_path)


def table(case: RenderedCase) -> Evaluation:
    manifest, sets = Manifest("m", (ClipSet("rendered", "video"),)), [NamedCases("v", (case,))]
    return evaluate(manifest, sets, tiny_checkpoint(), FAST, measured=landmark_results)


def test_mediapipes_own_3d_stands_in_the_table(tmp_path):
    """Landmarks that are the truth, in MediaPipe's axes and about the mid-hip, have no error."""
    shards = read_shards(write_shards(tmp_path), "validation")
    plain = next(shard for shard in shards if shard.entry.corpus == "plain")
    case = virtual_case(plain, 1, 0, noisy=False)
    landmarks = np.zeros((len(case.truth), 33, 3))
    blazepose = [11, 12, 13, 14, 15, 16, 23, 24, 25, 26, 27, 28]
    landmarks[:, blazepose] = case.truth_coco[:, list(COCO_LIMBS)] * (1, -1, -1)
    filmed = RenderedCase(**vars(case), landmarks=landmarks)
    found = table(filmed)
    row = next(row for row in found.rows if row.method == "MediaPipe 3D")
    assert row.metric("pa_mpjpe").value < 0.01 and row.metric("mpjpe").value < 0.01
    assert math.isnan(row.metric("foot_slide").value)
    assert {r.method for r in found.results} >= {"MediaPipe 3D, fitted", "truth"}
    unseen = dataclasses.replace(filmed, landmarks=np.full_like(landmarks, np.nan))
    found = table(unseen)
    assert [r.method for r in found.flagged] == ["MediaPipe 3D"]


def test_frames_without_a_person_take_the_nearest_landmarks():
    landmarks = np.arange(5.0)[:, None, None] * np.ones((5, 33, 3))
    landmarks[[0, 3]] = np.nan
    x = landmark_limbs(landmarks)[:, 0, 0]
    assert torch.equal(x, torch.tensor([1.0, 1.0, 2.0, 2.0, 4.0]).double())
