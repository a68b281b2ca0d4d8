"""A root that the floor cannot carry gives way, and feet stay where they are."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

pytest.importorskip("mujoco", reason="needs the extra [physics]")

from physics_examples import standing
from vimoflow.motion.skeleton import joint
from vimoflow.physics.giving_way import given_way
from vimoflow.physics.ground_forces import inverse_dynamics
from vimoflow.physics.humanoid import make_humanoid
from vimoflow.physics.states import states_of

ANKLES = [joint("left_ankle"), joint("right_ankle")]


def leaning(way: np.ndarray):
    """Somebody whose pelvis is where no feet can hold it, the knees bent enough to reach."""
    still = standing(45)
    poses = still.poses.copy()
    for side in ("left", "right"):
        for name, angle in (("hip", -0.4), ("knee", 0.8), ("ankle", -0.4)):
            poses[:, joint(f"{side}_{name}"), 0] = angle
    low = dataclasses.replace(still, poses=poses)
    drop = low.joint_positions[0, joint("left_foot")] - still.joint_positions[0, joint("left_foot")]
    trans = low.trans - drop.astype(np.float32) + way.astype(np.float32)
    return dataclasses.replace(low, trans=trans)


def residual(motion) -> float:
    humanoid = make_humanoid(motion.skeleton)
    found = inverse_dynamics(humanoid, states_of(motion)).residual / humanoid.weight_n
    return float(np.linalg.norm(found, axis=1).mean())


def test_a_sway_that_no_floor_carries_is_lessened_while_the_feet_stay():
    t = np.arange(45)[:, None] / 30
    swaying = leaning(0.03 * np.sin(12 * t) * [1.0, 0, 0])
    ankles = swaying.joint_positions[:, ANKLES]
    found = given_way(swaying, make_humanoid(swaying.skeleton))
    assert residual(found) < 0.5 * residual(swaying)
    assert np.abs(found.joint_positions[:, ANKLES] - ankles).max() < 2e-3
    assert np.linalg.norm(found.trans - swaying.trans, axis=1).max() < 0.08


def test_what_the_floor_carries_stays_as_it_is():
    still = standing(20)
    found = given_way(still, make_humanoid(still.skeleton))
    assert np.abs(found.trans - still.trans).max() < 1e-3
