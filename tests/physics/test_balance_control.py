"""What moves a body that follows: the more gives way, the less help; feet that swing come home."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

pytest.importorskip("mujoco", reason="needs the extra [physics]")

from physics_examples import standing
from vimoflow.physics.anthropometry import segments
from vimoflow.physics.balance_control import Balance, Manner
from vimoflow.physics.ground_forces import surface_at
from vimoflow.physics.humanoid import TIMESTEP_S, make_humanoid
from vimoflow.physics.simulator import mujoco
from vimoflow.physics.states import states_of


@pytest.fixture(scope="module")
def balance() -> Balance:
    still = standing(20)
    return Balance(make_humanoid(still.skeleton), states_of(still, 1 / TIMESTEP_S))


def test_who_is_pushed_needs_less_help_the_more_gives_way(balance: Balance):
    qpos, qvel = balance.reference.qpos[0], balance.reference.qvel[0].copy()
    qvel[0] = 0.5
    helped = [balance.effort(0, qpos, qvel, Manner(yields=y)).assist for y in (0.0, 1.0, 3.0)]
    assert 0 < helped[2] < helped[1] < helped[0]


def test_a_foot_in_the_air_is_accelerated_to_where_the_reference_has_it(balance: Balance):
    model, qpos = balance.model, balance.reference.qpos[0].copy()
    ankle = 1 + list(segments()).index("left_ankle")
    at, turn = 3 + 4 * list(segments()).index("left_hip"), np.zeros(3)
    turn[0] = -0.3  # the whole leg lifted forward, stiff
    mujoco().mju_quatIntegrate(qpos[at : at + 4], turn, 1.0)
    balance.effort(0, qpos, np.zeros(model.nv))
    off = balance.places.points[0] - _points(balance, qpos)
    wanted = _accelerations(balance)
    sole = balance.soles & (balance.surface.bodies == ankle)
    along = (wanted[sole] * off[sole]).sum(-1) / np.linalg.norm(off[sole], axis=-1) ** 2
    np.testing.assert_allclose(along, 400, rtol=0.1)


def test_feet_slip_where_the_reference_glides_and_only_in_a_manner_that_says_so():
    still = standing(20)
    path = np.outer(np.clip(still.timestamps - 0.3, 0, None), [0.6, 0, 0]).astype(np.float32)
    gliding = dataclasses.replace(still, trans=still.trans + path)
    balance = Balance(make_humanoid(still.skeleton), states_of(gliding, 1 / TIMESTEP_S))
    soles = np.unique(balance.surface.bodies[balance.soles])
    assert (balance.grip(5, Manner(friction=0.1))[soles] > 0.99).all()
    np.testing.assert_allclose(balance.grip(-5, Manner(friction=0.1))[soles], 0.1)
    assert (balance.grip(-5, Manner()) == 1).all()


def _points(balance: Balance, qpos: np.ndarray) -> np.ndarray:
    data = balance.data
    data.qpos[:] = qpos
    mujoco().mj_kinematics(balance.model, data)
    return surface_at(data, balance.surface, balance.humanoid.scene).points


def _accelerations(balance: Balance) -> np.ndarray:
    """Of the surface's points as the last effort wanted them; the body is at rest."""
    J, _ = balance._jacobians(_points(balance, balance.data.qpos), np.arange(len(balance.soles)))
    return J @ balance.data.qacc
