"""Locked feet rest, nothing pops, and the legs stay legs."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from vimoflow.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from vimoflow.inference.refinement.foot_locking import lock_feet
from vimoflow.motion.clip import Motion
from vimoflow.motion.floor import sole_heights
from vimoflow.motion.kinematics import forward_kinematics
from vimoflow.motion.skeleton import joint

FRAMES = 60
CONTACT = slice(15, 45)


def sliding(drift_m: float = 0.004, height_m: float = 0.0) -> Motion:
    """Bent knees; the whole body drifts while the left foot claims to rest in the middle."""
    turns = torch.zeros(FRAMES, 24, 3)
    for side in ("left", "right"):
        turns[:, joint(f"{side}_hip"), 0] = -0.5
        turns[:, joint(f"{side}_knee"), 0] = 1.0
        turns[:, joint(f"{side}_ankle"), 0] = -0.5
    poses = matrix_to_axis_angle(axis_angle_to_matrix(turns)).float().numpy()
    trans = np.zeros((FRAMES, 3), np.float32)
    trans[:, 0] = drift_m * np.arange(FRAMES)
    contacts = np.zeros((FRAMES, 4), np.float32)
    contacts[CONTACT, :2] = 1.0
    motion = Motion(poses, trans, 30.0, contacts)
    low = float(sole_heights(torch.from_numpy(motion.joint_positions)).min())
    trans[:, 1] = height_m - low
    return dataclasses.replace(motion, trans=trans)


def step_m(motion: Motion, name: str) -> np.ndarray:
    place = motion.joint_positions[:, joint(name)]
    return np.linalg.norm(np.diff(place, axis=0), axis=-1)


def test_resting_foot_rests():
    locked = lock_feet(sliding())
    for name in ("left_ankle", "left_foot"):
        assert step_m(locked, name)[CONTACT][:-1].max() < 1e-4


def test_the_other_leg_and_the_root_stay():
    before, after = sliding(), lock_feet(sliding())
    for name in ("pelvis", "right_ankle", "right_foot", "head"):
        j = joint(name)
        assert after.joint_positions[:, j] == pytest.approx(before.joint_positions[:, j], abs=1e-5)


def test_bones_keep_their_length_and_the_foot_its_direction():
    before, after = sliding(), lock_feet(sliding())
    world = [
        forward_kinematics(torch.from_numpy(m.local_rotations), torch.from_numpy(m.trans))[0]
        for m in (before, after)
    ]
    ankle = joint("left_ankle")
    assert world[0][:, ankle].numpy() == pytest.approx(world[1][:, ankle].numpy(), abs=1e-5)


def test_nothing_pops():
    """No step of the ankle is much longer than the drift plus the fade's share of the push."""
    locked = lock_feet(sliding())
    assert step_m(locked, "left_ankle").max() < 0.02


def test_knees_bend_forward_only():
    locked = lock_feet(sliding(0.008))
    joints = locked.joint_positions
    hip, knee, ankle = (joints[:, joint(f"left_{n}")] for n in ("hip", "knee", "ankle"))
    assert (np.cross(knee - hip, ankle - knee)[:, 0] > 0).all()


def test_no_foot_below_the_floor():
    locked = lock_feet(sliding(height_m=-0.05))
    assert sole_heights(torch.from_numpy(locked.joint_positions)).min() > -1e-3


def test_without_contacts_above_the_floor_nothing_changes():
    motion = sliding(height_m=0.2)
    motion = dataclasses.replace(motion, contacts=np.zeros_like(motion.contacts))
    assert lock_feet(motion).joint_positions == pytest.approx(motion.joint_positions, abs=1e-5)


def test_a_contact_that_travels_far_is_not_believed():
    motion = sliding(drift_m=0.05)
    assert lock_feet(motion).joint_positions == pytest.approx(motion.joint_positions, abs=1e-5)
