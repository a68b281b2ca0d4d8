"""What is measured of people who stand."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from lab.studies.standing_feet import compared, knee_bends, planted, standing_table
from vimoflow.motion.clip import Motion
from vimoflow.motion.floor import sole_heights
from vimoflow.motion.skeleton import joint


def straight(bend_deg: float = 0.0, sides: tuple[str, ...] = ("left",)) -> Motion:
    """Somebody upright, with the left knee bent, or both, over feet that stay level."""
    poses = np.zeros((30, 24, 3), np.float32)
    for side in sides:
        poses[:, joint(f"{side}_knee"), 0] = np.radians(bend_deg)
        poses[:, joint(f"{side}_ankle"), 0] = -np.radians(bend_deg)
    still = Motion(poses, np.zeros((30, 3), np.float32), 30.0, np.ones((30, 4), np.float32))
    soles = sole_heights(torch.from_numpy(still.joint_positions).double())
    return dataclasses.replace(still, trans=still.trans - np.float32([0, soles.min(), 0]))


def test_a_bent_knee_is_as_bent_as_it_is_and_lifts_its_sole() -> None:
    change = knee_bends(straight(40)) - knee_bends(straight())
    assert np.allclose(change[:, 1], 0) and np.allclose(np.abs(change[:, 0]), 40, atol=4)
    row = compared("a", straight(40), straight())
    assert row.off_deg == pytest.approx(20, abs=2) and row.frames == 30
    assert row.true_soles_mm < 1 and row.soles_mm > 50


def test_only_frames_on_both_feet_count() -> None:
    contacts = np.ones((30, 4), np.float32)
    contacts[:20, 2] = 0
    truth = dataclasses.replace(straight(), contacts=contacts)
    assert planted(truth).sum() == 10
    assert compared("a", truth, truth).off_deg == 0
    assert not planted(dataclasses.replace(truth, trans=truth.trans + np.float32(0.3))).any()


def test_the_table_ends_with_means_of_all_and_of_the_upright() -> None:
    rows = [compared("a", straight(40), straight()), compared("b", straight(), straight())]
    crouched = [compared("c", straight(), straight(30, ("left", "right")))]
    mean, upright = standing_table(rows + crouched).splitlines()[-2:]
    assert mean.startswith("| mean | 90 | ")
    assert upright.startswith("| mean of straight knees | 60 | ")
    assert "nan" in standing_table([])
