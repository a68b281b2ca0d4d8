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
from vimoflow.physics.plausibility import physics_report


def test_who_sinks_slides_and_waves_comes_to_stand_on_the_floor():
    sunk = standing(45, height=-0.03)
    poses = sunk.poses.copy()
    poses[:, joint("left_shoulder"), 2] += 1.2 * np.sin(4 * sunk.timestamps)
    trans = sunk.trans + np.outer(0.05 * np.sin(4 * sunk.timestamps), [0, 0, 1]).astype(np.float32)
    sunk = dataclasses.replace(sunk, poses=poses, trans=trans)
    found = clean_up(sunk)
    assert found.succeeded and len(found.motion) == 45
    before, after = (physics_report(motion).frames for motion in (sunk, found.motion))
    assert after.penetration_mm.mean() < 0.2 * before.penetration_mm.mean()
    assert after.slide_mm_s.mean() < 0.2 * before.slide_mm_s.mean()
    off = found.motion.joint_positions - sunk.joint_positions
    assert np.linalg.norm(off, axis=-1).mean() < 0.05
    assert 0 < max(found.assist) < 0.05


def test_a_person_of_any_size_is_cleaned_up_and_the_same_each_time():
    small = standing(12).scaled(0.7)
    one, other = (clean_up(small).motion for _ in range(2))
    assert np.array_equal(one.poses, other.poses) and np.array_equal(one.trans, other.trans)
    assert np.abs(one.joint_positions - small.joint_positions).max() < 0.02


def test_what_cannot_be_held_up_is_left_as_it_was():
    hovering = standing(40, height=0.8)
    with pytest.warns(InputNote, match="carried"):
        found = clean_up(hovering)
    assert not found.succeeded and found.motion is hovering and max(found.assist) > 0.5


def test_who_leans_on_nothing_all_along_is_carried():
    upright = standing(40)
    poses = upright.poses.copy()
    poses[:, 0, 0] = 0.6
    leaning = dataclasses.replace(upright, poses=poses)
    with pytest.warns(InputNote, match="carried"):
        found = clean_up(leaning)
    assert not found.succeeded and 0.2 < max(found.assist) < 0.5
