"""Feet on the floor: what sinks, scrapes or hovers a little is put right, what rests stays."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

pytest.importorskip("mujoco", reason="needs the extra [physics]")

from physics_examples import standing
from vimoflow.motion.skeleton import joint
from vimoflow.physics.ground_forces import surface_places
from vimoflow.physics.grounding import grounded
from vimoflow.physics.humanoid import make_humanoid
from vimoflow.physics.states import states_of


def lowest(motion) -> np.ndarray:
    humanoid = make_humanoid(motion.skeleton)
    return surface_places(humanoid, states_of(motion, cutoff_hz=0.0)).gaps.min(1)


@pytest.mark.parametrize("height", [-0.04, 0.0, 0.06])
@pytest.mark.parametrize("size", [0.7, 1.0])
def test_who_stands_stands_on_the_floor(height, size):
    motion = standing(20, height=height).scaled(size)
    found = grounded(motion, make_humanoid(motion.skeleton))
    assert np.abs(lowest(found)).max() < 1e-3 * size


def test_toes_bend_where_the_heel_is_lifted():
    motion = standing(20)
    poses = motion.poses.copy()
    poses[:, joint("left_ankle"), 0] = 0.4
    tipped = dataclasses.replace(motion, poses=poses)
    found = grounded(tipped, make_humanoid(motion.skeleton))
    assert lowest(tipped).min() < -0.04
    assert found.poses[:, joint("left_foot"), 0].max() < -0.3


def test_a_foot_that_shuffles_forward_is_lifted():
    motion = standing(30)
    poses = motion.poses.copy()
    swing = 0.4 * np.sin(2 * np.pi * motion.timestamps)
    poses[:, joint("left_hip"), 0], poses[:, joint("left_ankle"), 0] = swing, -swing
    found = grounded(dataclasses.replace(motion, poses=poses), make_humanoid(motion.skeleton))
    fast = slice(13, 17)  # through the lowest point
    ankle = joint("left_ankle")
    up = found.joint_positions[fast, ankle, 1] - standing(1).joint_positions[0, ankle, 1]
    assert up.min() > 0.02
