"""A reference followed: of several manners, the run that costs least goes on."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

pytest.importorskip("mujoco", reason="needs the extra [physics]")

from physics_examples import standing
from vimoflow.geometry.rotations import matrix_to_axis_angle
from vimoflow.inference.refinement.foot_locking import reach
from vimoflow.motion.kinematics import forward_kinematics
from vimoflow.motion.skeleton import joint
from vimoflow.physics import following
from vimoflow.physics.anthropometry import segments
from vimoflow.physics.balance_control import Balance, Manner
from vimoflow.physics.grounding import grounded
from vimoflow.physics.humanoid import TIMESTEP_S, make_humanoid
from vimoflow.physics.states import states_of


def lifting_a_leg() -> Balance:
    still = standing(40)
    poses, lifts = still.poses.copy(), np.clip(np.sin(3 * still.timestamps), 0, None)
    for name, angle in (("left_hip", -0.5), ("left_knee", 1.0), ("left_ankle", -0.5)):
        poses[:, joint(name), 0] += angle * lifts
    motion = dataclasses.replace(still, poses=poses)
    humanoid = make_humanoid(motion.skeleton)
    return Balance(humanoid, states_of(grounded(motion, humanoid), 1 / TIMESTEP_S))


def test_trying_costs_no_more_than_one_manner_alone(monkeypatch: pytest.MonkeyPatch):
    balance, steps = lifting_a_leg(), []
    tried = following.follow(balance, steps.append)
    assert len(tried.qpos) == len(tried.assist) == steps[-1] == len(balance.reference.times)
    monkeypatch.setattr(following, "_MANNERS", (Manner(),))
    alone = following.follow(balance)
    assert cost(balance, tried) <= 1.02 * cost(balance, alone)
    assert np.abs(tried.qpos - balance.reference.qpos)[:, :3].max() < 0.1


def test_who_cannot_be_held_ends_where_all_manners_fall():
    balance = lifting_a_leg()
    qpos = balance.reference.qpos
    qpos[60:, 0] += 1.0  # the reference jumps where nobody can follow
    found = following.follow(balance)
    assert len(found.assist) == 60


def test_a_foot_that_glides_is_not_left_behind(monkeypatch: pytest.MonkeyPatch):
    still = standing(20)
    R, root = torch.from_numpy(still.local_rotations), torch.from_numpy(still.trans).double()
    push = torch.zeros(20, 3, dtype=torch.float64)
    push[:, 2] = 0.4 * torch.from_numpy(still.timestamps - 0.1).clamp(min=0)
    R = reach(R, *forward_kinematics(R, root, still.skeleton), "left", push)
    motion = dataclasses.replace(still, poses=matrix_to_axis_angle(R).float().numpy())
    balance = Balance(make_humanoid(still.skeleton), states_of(motion, 1 / TIMESTEP_S))
    found = following.follow(balance)
    monkeypatch.setattr(following, "_MANNERS", (Manner(),))
    alone = following.follow(balance)
    left = [3 + 4 * list(segments()).index(f"left_{name}") for name in ("hip", "knee")]
    off, before = (
        np.abs(run.qpos - balance.reference.qpos)[-1, [[at, at + 1] for at in left]].sum()
        for run in (found, alone)
    )
    assert off < 0.5 * before


def cost(balance: Balance, run: following.Followed) -> float:
    off = np.linalg.norm(run.qpos - balance.reference.qpos[: len(run.qpos)], axis=1)
    return float(run.assist.sum() + off.sum())
