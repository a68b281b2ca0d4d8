"""The validation table: cases, scores and the report, on tiny synthetic shards."""

from __future__ import annotations

import dataclasses
import math
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

from vimoflow.data.recording import Recording
from vimoflow.data.shards import Shard, read_shards, write_shard
from vimoflow.diffusion.checkpoint import Checkpoint, Normalization
from vimoflow.diffusion.denoiser import Denoiser, DenoiserConfig
from vimoflow.diffusion.schedule import NoiseSchedule
from vimoflow.evaluation import benchmark
from vimoflow.evaluation.benchmark import (
    Case,
    Score,
    mean_motions,
    predict,
    score,
    summarize,
    validation_cases,
    validation_report,
)
from vimoflow.geometry.rotations import heading_of, matrix_to_axis_angle
from vimoflow.motion.clip import Motion
from vimoflow.sampling import SamplingOptions

FAST = SamplingOptions(steps=2, window=24, overlap=8)
HEADINGS = np.array([0.0, 1.0, -2.0], dtype=np.float32)


def swaying(frames: int, seed: int) -> Motion:
    rng = np.random.default_rng(seed)
    time = np.arange(frames)[:, None, None] / 30
    poses = 0.3 * np.sin(rng.uniform(1, 6, (24, 3)) * time + rng.uniform(0, 6, (24, 3)))
    poses[:, 0] *= 0.1
    trans = np.array([0.3, 0.93, -0.2]) + 0.05 * np.sin(2 * time[:, :, 0])
    contacts = np.ones((frames, 4), np.float32)
    return Motion(poses.astype(np.float32), trans.astype(np.float32), 30.0, contacts)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """One corpus with three real views a recording, one without 2D and with two groups."""
    folder = tmp_path_factory.mktemp("shards")
    rng = np.random.default_rng(0)
    filmed = []
    for i, frames in enumerate((20, 30)):
        points = rng.uniform(100, 400, (3, frames, 17, 3)).astype(np.float32)
        points[..., 2] = 0.9
        truth = rng.normal(size=(frames, 17, 3)).astype(np.float32)
        filmed.append(
            Recording(
                f"filmed{i}", "filmed", "validation", swaying(frames, i), points, HEADINGS,
                coco_truth=truth,
            )
        )  # fmt: skip
    write_shard(filmed, folder, "CC BY 4.0", "https://example.org")
    groups = ("walk", "run", "run", "run")
    plain = [
        Recording(f"plain{i}", "plain", "validation", swaying(26 + 4 * i, 9 + i), group=group)
        for i, group in enumerate(groups)
    ]
    write_shard(plain, folder, "CC BY 4.0", "https://example.org")
    return folder


@pytest.fixture(scope="module")
def shards(folder) -> dict[str, Shard]:
    return {shard.entry.corpus: shard for shard in read_shards(folder, "validation")}


@pytest.fixture(scope="module")
def checkpoint() -> Checkpoint:
    torch.manual_seed(0)
    config = DenoiserConfig(width=16, heads=2, blocks=1, encoder_layers=1)
    mean = torch.randn(151)
    normalization = Normalization(mean, torch.full((151,), 0.3))
    denoiser = Denoiser(config).eval()
    return Checkpoint("tiny", denoiser, normalization, NoiseSchedule(), "", {})


def test_every_real_view_is_a_case_over_its_whole_length(shards):
    shard = shards["filmed"]
    cases = validation_cases([shard], limit=5, seed=0, longest=10)
    assert [case.name for case in cases] == ["filmed0"] * 3 + ["filmed1"] * 3
    assert [len(case.truth) for case in cases] == [20] * 3 + [30] * 3
    for case, start in zip(cases, shard.view_starts, strict=True):
        rows = shard.keypoints[start : start + len(case.truth)]
        assert np.array_equal(case.points_px, rows) and case.static_camera


def test_the_truth_is_turned_against_the_cameras_heading(shards):
    shard = shards["filmed"]
    cases = validation_cases([shard], limit=1, seed=0)
    pelvis = [torch.from_numpy(case.truth.local_rotations[:, 0]) for case in cases]
    turned = [(heading_of(pelvis[0]) - heading_of(R)) for R in pelvis]
    for found, expected in zip(turned, HEADINGS, strict=True):
        difference = torch.remainder(found - float(expected) + math.pi, 2 * math.pi) - math.pi
        assert float(difference.abs().max()) < 1e-5
    # The triangulated points turn along: the same heading about the same vertical axis.
    c, s = math.cos(1.0), math.sin(1.0)
    x, y, z = np.moveaxis(shard.coco_truth[:20], -1, 0)
    np.testing.assert_allclose(
        cases[1].truth_coco, np.stack([c * x - s * z, y, s * x + c * z], -1), atol=1e-5
    )


def test_a_virtual_case_is_the_same_every_time_and_cut_in_the_middle(shards):
    first = validation_cases([shards["plain"]], limit=9, seed=1, longest=28)
    again = validation_cases([shards["plain"]], limit=9, seed=1, longest=28)
    other = validation_cases([shards["plain"]], limit=9, seed=2, longest=28)
    assert [len(case.truth) for case in first] == [28, 28, 28, 26]  # run before walk
    for a, b, c in zip(first, again, other, strict=True):
        assert np.array_equal(a.points_px, b.points_px) and a.static_camera == b.static_camera
        assert np.array_equal(a.truth.poses, b.truth.poses)
        assert not np.array_equal(a.points_px, c.points_px)
        assert (a.points_px[..., 2] > 0).mean() > 0.5
    longest = shards["plain"]
    height = longest.trans[longest.starts[3] + 5 : longest.starts[3] + 33, 1]
    np.testing.assert_allclose(first[2].truth.trans[:, 1], height, atol=1e-6)


def test_moving_cameras_are_told_from_static_ones(folder, shards):
    cases = [c for seed in range(8) for c in validation_cases([shards["plain"]], 9, seed)]
    assert 0 < sum(case.static_camera for case in cases) < len(cases)


def test_the_limit_holds_for_each_group(shards):
    cases = validation_cases([shards["plain"]], limit=2, seed=0)
    assert [(case.group, case.name) for case in cases] == [
        ("run", "plain1"), ("run", "plain3"), ("walk", "plain0"),
    ]  # fmt: skip


def test_the_truth_has_no_error_against_itself(shards):
    for case in validation_cases([shards["plain"]], limit=2, seed=0):
        found = score(case.truth, case)
        assert max(found.mpjpe, found.pa_mpjpe, found.pa_mpjpe_clip) < 0.01
        assert found.jitter > 0 and found.acceleration > 0 and found.foot_slide > 0


def test_a_turned_and_moved_truth_has_an_error_only_without_alignment(shards):
    case = validation_cases([shards["plain"]], limit=1, seed=0)[0]
    poses = case.truth.poses.copy()
    half_turn = torch.tensor([[-1.0, 0, 0], [0, 1, 0], [0, 0, -1]]).double()
    R = half_turn @ torch.from_numpy(case.truth.local_rotations[:, 0])
    poses[:, 0] = matrix_to_axis_angle(R).numpy()
    trans = (case.truth.trans @ half_turn.float().numpy().T) + np.float32(3)
    turned = dataclasses.replace(case.truth, poses=poses, trans=trans)
    found = score(turned, case)
    assert found.mpjpe > 100 and found.pa_mpjpe < 0.01 and found.pa_mpjpe_clip < 0.01
    assert found.jitter == pytest.approx(score(case.truth, case).jitter, rel=1e-3)


def test_predictions_come_back_in_order_and_length(shards, checkpoint):
    cases = validation_cases(list(shards.values()), limit=9, seed=0)
    motions = predict(checkpoint, cases, FAST)
    assert [len(m) for m in motions] == [len(case.truth) for case in cases]
    assert all(np.isfinite(m.poses).all() and np.isfinite(m.trans).all() for m in motions)


def test_a_prediction_does_not_depend_on_what_it_is_padded_with(shards, checkpoint):
    """The first of a batch keeps its noise; 20 frames fit the window, more are never padded."""
    short, long = (validation_cases([shards["filmed"]], 2, 0)[i] for i in (0, 3))
    options = SamplingOptions(steps=2, window=32, overlap=8)
    alone = predict(checkpoint, [short], options)[0]
    together = predict(checkpoint, [long, short], options)[1]
    np.testing.assert_allclose(together.trans, alone.trans, atol=1e-4)
    np.testing.assert_allclose(together.local_rotations, alone.local_rotations, atol=1e-3)


def test_only_clips_of_one_window_are_padded():
    lengths = [300, 20, 150, 300, 151, 7, 300] + [10] * 40
    batches = benchmark._batches(lengths, window=150)
    assert sorted(i for rows in batches for i in rows) == list(range(len(lengths)))
    for rows in batches:
        sizes = {lengths[i] for i in rows}
        assert len(rows) <= 32 and (len(sizes) == 1 or max(sizes) <= 150)
    assert len(batches) == 4


def test_without_a_track_where_the_camera_moves(shards, checkpoint, monkeypatch):
    seen = []
    whole = benchmark.encode_condition
    monkeypatch.setattr(
        benchmark, "encode_condition", lambda *args: seen.append(whole(*args)) or seen[-1]
    )
    case = validation_cases([shards["filmed"]], limit=1, seed=0)[0]
    predict(checkpoint, [case, dataclasses.replace(case, static_camera=False)], FAST)
    still, moving = seen[0].track
    assert bool((still[..., 2] == 1).all()) and bool((moving == 0).all())
    assert torch.equal(seen[0].pose[0], seen[0].pose[1])


def test_the_mean_motion_stands_still(shards, checkpoint):
    cases = validation_cases([shards["plain"]], limit=9, seed=0)
    motions = mean_motions(checkpoint, cases)
    for motion, case in zip(motions, cases, strict=True):
        assert len(motion) == len(case.truth)
        assert np.ptp(motion.joint_positions, axis=0).max() == 0
        assert score(motion, case).foot_slide == 0


def test_a_summary_is_a_mean_by_group_that_leaves_nan_out():
    truth = swaying(4, 0)
    points = np.zeros((4, 17, 3), np.float32)
    cases = [Case("n", "a", group, points, truth, points) for group in ("x", "x", "y")]
    nan = math.nan
    rows = [(1, 2, 3, nan, 5, 6), (3, 4, 5, 8, 7, 8), (1, 1, 1, nan, 1, 1)]
    scores = [Score(*map(float, row)) for row in rows]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = summarize(cases, scores)
    assert table["a", "x"] == (2, Score(2.0, 3.0, 4.0, 8.0, 6.0, 7.0))
    n, y = table["a", "y"]
    assert n == 1 and math.isnan(y.foot_slide) and y.jitter == 1


def test_the_report_is_a_markdown_table(folder, checkpoint):
    lines = validation_report(folder, checkpoint, FAST, limit=1).splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert all(line.startswith("| ") or line.startswith("|-") for line in lines)
    assert {len(row) for row in cells} == {8}
    assert [row[:3] for row in cells[2:]] == [
        [clips, n, method]
        for clips, n in (("filmed", "3"), ("plain run", "1"), ("plain walk", "1"))
        for method in ("tiny", "mean motion", "truth")
    ]
    skeleton_truth = cells[7]
    assert skeleton_truth[3:6] == ["0.0", "0.0", "0.0"]
    assert all(math.isfinite(float(value)) for row in cells[2:] for value in row[3:])
