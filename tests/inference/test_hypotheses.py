"""Several samples: which comes first, how uncertain the joints are, and the factors in files."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmark_examples import tiny_checkpoint
from motion_examples import swinging_motion
from vimoflow.errors import InputError
from vimoflow.inference.conditioning.encoding import Condition, encode_condition, person_size_px
from vimoflow.inference.hypotheses import (
    RankWeights,
    joint_spread_m,
    joint_uncertainty,
    load_calibration,
    rank,
    shipped_calibration,
)
from vimoflow.motion.clip import Motion
from vimoflow.motion.kinematics import coco_points, forward_kinematics
from vimoflow.motion.skeleton import JOINT_NAMES

FRAMES = 20


def seen_from_the_front(motion: Motion, px_per_m: float = 200.0) -> Condition:
    """The motion's exact keypoints in a distant camera that it faces."""
    R = torch.from_numpy(motion.local_rotations).float()
    points = coco_points(*forward_kinematics(R, torch.from_numpy(motion.trans).float()))
    px = torch.stack((points[..., 0], -points[..., 1]), dim=-1) * px_per_m
    keypoints = torch.cat((px, torch.ones_like(px[..., :1])), dim=-1)[None]
    return encode_condition(keypoints, person_size_px(keypoints))


@pytest.fixture(scope="module")
def motion() -> Motion:
    swung = swinging_motion(FRAMES, keypoints=False)
    return dataclasses.replace(swung, trans=swung.trans.astype(np.float32))


def bent(motion: Motion, angle: float) -> Motion:
    poses = motion.poses.copy()
    poses[:, 16] += angle
    return dataclasses.replace(motion, poses=poses)


def test_the_sample_that_fits_what_was_seen_comes_first(motion):
    samples = [bent(motion, 0.8), motion, bent(motion, 0.3)]
    weights = RankWeights(1.0, 0.0, 0.0)
    ranking = rank(tiny_checkpoint(), samples, seen_from_the_front(motion), weights)
    assert ranking.order == (1, 2, 0)
    fits = [merit.reprojection_mm for merit in ranking.merits]
    assert fits[1] < fits[2] < fits[0] and fits[1] < 40


def test_the_total_is_the_weighted_sum_of_the_terms(motion):
    weights = RankWeights(0.5, 2.0, 30.0)
    ranking = rank(
        tiny_checkpoint(), [motion, bent(motion, 0.5)], seen_from_the_front(motion), weights
    )
    for m in ranking.merits:
        expected = 0.5 * m.reprojection_mm + 2.0 * m.contact_mm + 30.0 * m.denoising
        assert m.total_mm == pytest.approx(expected)
    totals = [ranking.merits[i].total_mm for i in ranking.order]
    assert totals == sorted(totals)


def test_a_sample_s_merit_does_not_depend_on_the_others(motion):
    condition, other = seen_from_the_front(motion), bent(motion, 0.5)
    together = rank(tiny_checkpoint(), [other, motion], condition).merits[1]
    alone = rank(tiny_checkpoint(), [motion], condition).merits[0]
    assert dataclasses.astuple(together) == pytest.approx(dataclasses.astuple(alone), rel=1e-3)


def test_contact_counts_sliding_and_sinking_feet(motion):
    rest = Motion(
        np.zeros((FRAMES, 24, 3), np.float32), np.tile(np.float32([0, 5, 0]), (FRAMES, 1)), 30.0,
        np.ones((FRAMES, 4), np.float32),
    )  # fmt: skip
    way = np.arange(FRAMES, dtype=np.float32)[:, None] * np.float32([0.003, 0, 0.004])
    lifted = np.zeros((FRAMES, 4), np.float32)
    samples = [
        rest, dataclasses.replace(rest, trans=rest.trans + way),
        dataclasses.replace(rest, trans=rest.trans + way, contacts=lifted),
        dataclasses.replace(rest, trans=rest.trans - np.float32([0, 4.3, 0])),
        dataclasses.replace(rest, trans=rest.trans - np.float32([0, 4.4, 0])),
    ]  # fmt: skip
    merits = rank(tiny_checkpoint(), samples, seen_from_the_front(rest)).merits
    found = [merit.contact_mm for merit in merits]
    assert found[:3] == pytest.approx([0, 5, 0], abs=1e-2)
    assert found[4] - found[3] == pytest.approx(100, abs=1e-2)


def test_a_missing_view_ranks_without_failing(motion):
    nothing = seen_from_the_front(motion).empty()
    ranking = rank(tiny_checkpoint(), [motion, bent(motion, 1.0)], nothing)
    assert all(np.isfinite(dataclasses.astuple(m)).all() for m in ranking.merits)
    assert sorted(ranking.order) == [0, 1]


def test_spread_is_that_of_the_distribution_the_samples_came_from():
    sigma = np.array([0.01, 0.02, 0.03])
    rng = np.random.default_rng(0)
    joints = rng.normal(0, sigma, (400, 5, 24, 3))
    joints[:, :, 0] = rng.normal(0, 10, (400, 5, 3))  # the roots wander: they are moved together
    joints[:, :, 1:] += joints[:, :, :1]
    spread = joint_spread_m(joints)
    np.testing.assert_allclose(spread[:, 1:], np.linalg.norm(sigma), rtol=0.15)
    assert not spread[:, 0].any()
    with pytest.raises(InputError, match="1 samples"):
        joint_spread_m(joints[:1])


def test_radii_are_the_spread_times_the_factors(motion):
    samples = [motion, bent(motion, 0.2), bent(motion, -0.1)]
    found, factors = joint_uncertainty(samples), shipped_calibration()
    np.testing.assert_allclose(found.radius_50_m, found.spread_m * np.array(factors.factor_50))
    np.testing.assert_allclose(found.radius_90_m, found.spread_m * np.array(factors.factor_90))
    moves = found.spread_m.max(axis=0) > 1e-9
    assert [n for n, m in zip(JOINT_NAMES, moves, strict=True) if m] == [
        "left_elbow", "left_wrist", "left_hand",
    ]  # fmt: skip


def test_shipped_factors_grow_with_the_share_they_stand_for():
    factors = shipped_calibration()
    assert len(factors.factor_50) == len(factors.factor_90) == 24 and factors.source
    for half, nine in zip(factors.factor_50[1:], factors.factor_90[1:], strict=True):
        assert 0 < half < nine


@pytest.mark.parametrize("text", ["{", "[]", json.dumps({"factor_50": {}}), "7"])
def test_files_that_hold_no_factors_are_refused(tmp_path: Path, text: str):
    path = tmp_path / "factors.json"
    path.write_text(text)
    with pytest.raises(InputError, match=r"factors\.json"):
        load_calibration(path)
