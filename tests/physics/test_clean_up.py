"""Clean-up: what comes out stands on the floor, near what went in; what falls is left alone."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

pytest.importorskip("mujoco", reason="needs the extra [physics]")

from physics_examples import standing
from vimoflow.motion.skeleton import joint
from vimoflow.notes import InputNote
from vimoflow.physics.clean_up import clean_up
from vimoflow.physics.clean_up_options import CleanUpOptions
from vimoflow.physics.plausibility import physics_report

QUICK = CleanUpOptions(samples=4, assist=(0.3, 0.05))


def test_who_sinks_and_waves_comes_to_stand_on_the_floor():
    sunk = standing(45, height=-0.03)
    poses = sunk.poses.copy()
    poses[:, joint("left_shoulder"), 2] += 1.2 * np.sin(4 * sunk.timestamps)
    sunk = dataclasses.replace(sunk, poses=poses)
    found = clean_up(sunk, QUICK)
    assert found.succeeded and found.limit == 0.05 and len(found.motion) == 45
    before, after = (physics_report(motion).frames for motion in (sunk, found.motion))
    assert after.penetration_mm.mean() < 0.2 * before.penetration_mm.mean()
    assert (
        np.linalg.norm(found.motion.joint_positions - sunk.joint_positions, axis=-1).mean() < 0.04
    )
    assert 0 < max(found.assist) < 0.1


def test_the_same_seed_gives_the_same_motion():
    one, other = (clean_up(standing(12), QUICK).motion for _ in range(2))
    assert np.array_equal(one.poses, other.poses) and np.array_equal(one.trans, other.trans)


def test_what_cannot_be_held_up_is_left_as_it_was():
    hovering = standing(40, height=0.8)
    with pytest.warns(InputNote, match="fell"):
        found = clean_up(hovering, QUICK)
    assert not found.succeeded and found.motion is hovering
