"""Nothing holds a body that steps; its foot lands beside the reference's where it must."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("mujoco", reason="needs the extra [physics]")

from physics_examples import standing
from vimoflow.physics.anthropometry import segments
from vimoflow.physics.balance_control import Balance
from vimoflow.physics.bodies import Bodies, bodies_of
from vimoflow.physics.humanoid import TIMESTEP_S, Humanoid, make_humanoid
from vimoflow.physics.simulator import mujoco
from vimoflow.physics.states import States, states_of
from vimoflow.physics.stepping import StepByStep, Stepping, stepped
from vimoflow.physics.worlds import World, model_in

MOTION = standing(9)


@pytest.fixture(scope="module")
def humanoid() -> Humanoid:
    return make_humanoid(MOTION.skeleton)


@pytest.fixture(scope="module")
def reference() -> States:
    return states_of(MOTION, 1 / TIMESTEP_S)


def test_a_foot_in_the_air_lands_further_to_where_the_body_is_pushed(humanoid, reference):
    qpos, turn = reference.qpos[0].copy(), np.zeros(3)
    at = 3 + 4 * list(segments()).index("left_hip")
    turn[0] = -0.3  # the whole leg lifted forward, stiff
    mujoco().mju_quatIntegrate(qpos[at : at + 4], turn, 1.0)
    push, changes = np.array([0.3, 0.2, 0.0]), []
    for control in (Balance(humanoid, reference), Stepping(humanoid, reference)):
        still, pushed = (_sole_acceleration(control, qpos, speed) for speed in (np.zeros(3), push))
        changes.append(pushed - still)
    further = changes[1] - changes[0]
    np.testing.assert_allclose(further, push * 400 * 0.45, atol=8)


def _sole_acceleration(control: Balance, qpos: np.ndarray, speed: np.ndarray) -> np.ndarray:
    """What the lifted sole is to do, as far as the leg can."""
    qvel = np.zeros(control.model.nv)
    qvel[:3] = speed
    applied = control.effort(0, qpos, qvel).applied
    assert isinstance(control, Stepping) == (not applied[:6].any())
    J = np.zeros((3, control.model.nv))
    ankle = 1 + list(segments()).index("left_ankle")
    mujoco().mj_jacBody(control.model, control.data, J, None, ankle)
    found: np.ndarray = J @ control.data.qacc
    return found


def test_who_is_pushed_a_little_stands_on_the_motors_alone(humanoid, reference):
    bodies = bodies_of(humanoid)
    motion = stepped(humanoid, reference, bodies)
    assert motion is not None and not motion.gain.any()
    assert np.abs(motion.qpos[:, :3] - reference.qpos[::8, :3]).max() < 0.01
    control = StepByStep(Stepping(humanoid, reference), bodies)
    qpos, qvel = motion.qpos[:1], motion.qvel[:1].copy()
    qvel[:, 1] = 0.15
    for t in range(len(motion)):
        qpos, qvel = bodies.step(qpos, qvel, control(t, qpos, qvel))
    assert np.abs(qvel[0, :3]).max() < 0.1
    fallen = qpos.copy()
    fallen[:, 0] += 1
    assert np.allclose(control(0, fallen, qvel), bodies.turns(fallen))


def test_motors_that_are_half_as_strong_are_asked_twice_as_much(humanoid, reference):
    worlds = Bodies([model_in(humanoid, World(strength=strength)) for strength in (1.0, 0.5)])
    control = StepByStep(Stepping(humanoid, reference), worlds)
    qpos, qvel = (np.repeat(part[:1], 2, 0) for part in (reference.qpos, reference.qvel))
    asked = control(0, qpos, qvel, np.arange(2)) - worlds.turns(qpos)
    strained = np.abs(asked[0]) > 0.01
    assert strained.any()
    np.testing.assert_allclose(asked[1][strained] / asked[0][strained], 2, rtol=0.2)
