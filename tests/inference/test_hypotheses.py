"""Several samples: how uncertain the joints are."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from motion_examples import swinging_motion
from vimoflow.errors import InputError
from vimoflow.inference.hypotheses import (
    differences,
    joint_spread_m,
    joint_uncertainty,
    shipped_calibration,
)
from vimoflow.motion.clip import Motion
from vimoflow.motion.skeleton import JOINT_NAMES

FRAMES = 20


@pytest.fixture(scope="module")
def motion() -> Motion:
    swung = swinging_motion(FRAMES, keypoints=False)
    return dataclasses.replace(swung, trans=swung.trans.astype(np.float32))


def bent(motion: Motion, angle: float) -> Motion:
    poses = motion.poses.copy()
    poses[:, 16] += angle
    return dataclasses.replace(motion, poses=poses)


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


def test_differences_name_the_joint_that_differs_most(motion):
    said = differences([motion, bent(motion, 0.1), bent(motion, 0.2)])
    assert said is not None
    arm = [j for j in range(24) if JOINT_NAMES[j] in ("left_elbow", "left_wrist", "left_hand")]
    assert said.most_joint == "left_hand" and "left hand" in str(said)
    first, near, far = said.from_first_mm
    assert first == 0 < near < far < 2.01 * near
    moved = np.linalg.norm(
        (bent(motion, 0.2).joint_positions - motion.joint_positions)[:, arm], axis=-1
    )
    assert far == pytest.approx(1000 * moved.mean() * len(arm) / 24, abs=0.1)
    assert differences([motion]) is None


def test_shipped_factors_grow_with_the_share_they_stand_for():
    factors = shipped_calibration()
    assert len(factors.factor_50) == len(factors.factor_90) == 24 and factors.source
    for half, nine in zip(factors.factor_50[1:], factors.factor_90[1:], strict=True):
        assert 0 < half < nine
