"""Many bodies at once do what one does, and what diverges is said to."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("mujoco", reason="needs the extra [physics]")

import mujoco

from vimoflow.motion.skeleton import load_skeleton
from vimoflow.physics.bodies import STEPS_A_FRAME, Bodies, bodies_of
from vimoflow.physics.humanoid import make_humanoid
from vimoflow.physics.worlds import Noise, World, bodies_in, disturbed, model_in


@pytest.fixture(scope="module")
def bodies():
    return bodies_of(make_humanoid(load_skeleton()))


@pytest.fixture(scope="module")
def states(bodies):
    qpos, qvel = np.repeat(bodies.model.qpos0[None], 3, 0), np.zeros((3, bodies.nv))
    return disturbed(bodies, qpos, qvel, Noise(), np.random.default_rng(1))


def test_they_do_what_the_simulator_does_with_one(bodies, states):
    targets = 0.1 * np.random.default_rng(2).standard_normal((3, bodies.nu))
    before, pushes = -targets, np.zeros((3, bodies.nv))
    pushes[:, 0] = 50
    bodies.delay = 3
    after = bodies.step(*states, targets, pushes, before)
    bodies.delay = 0
    for body in range(3):
        data = mujoco.MjData(bodies.model)
        data.qpos[:], data.qvel[:] = states[0][body], states[1][body]
        data.qfrc_applied[:] = pushes[body]
        for step in range(STEPS_A_FRAME):
            data.ctrl[:] = (before if step < 3 else targets)[body]
            mujoco.mj_step(bodies.model, data)
        assert np.abs(data.qpos - after[0][body]).max() < 1e-6


def test_each_is_in_the_world_that_it_is_said_to_be_in(bodies, states):
    humanoid = make_humanoid(load_skeleton())
    worlds = [World(), World(slope=(5.0, 0.0), mass=1.2)]
    many = Bodies([model_in(humanoid, world) for world in worlds])
    targets, which = np.zeros((3, bodies.nu)), np.array([1, 0, 1])
    after = many.step(*states, targets, which=which)
    for body, at in enumerate(which):
        alone = bodies_in(humanoid, worlds[at])
        one = alone.step(*(part[body : body + 1] for part in states), targets[:1])
        assert np.allclose(after[0][body], one[0][0], atol=1e-9)


def test_what_diverges_or_is_not_finite_becomes_nan_and_others_go_on(bodies, states):
    qpos, qvel = states[0].copy(), states[1].copy()
    qpos[0] = np.nan
    qvel[1] = 1e9
    qpos, qvel = bodies.step(qpos, qvel, np.zeros((3, bodies.nu)))
    assert np.isnan(qpos[:2]).all() and np.isfinite(qpos[2]).all() and np.isfinite(qvel[2]).all()


def test_moving_by_a_difference_leads_there(bodies, states):
    off = bodies.difference(states[0][0], states[1][0], *states)
    assert np.allclose(bodies.moved(states[0][0], off[:, : bodies.nv]), states[0], atol=1e-9)
    assert np.abs(off[0]).max() < 1e-12


def test_motors_hold_the_turns_that_they_aim_at(bodies, states):
    """The turns are what the simulator itself compares targets with."""
    data = mujoco.MjData(bodies.model)
    data.qpos[:] = states[0][0]
    mujoco.mj_forward(bodies.model, data)
    assert np.allclose(bodies.turns(states[0])[0], data.actuator_length, atol=1e-9)


def test_a_world_changes_what_it_says():
    humanoid = make_humanoid(load_skeleton())
    plain, other = (
        bodies_in(humanoid, world).model
        for world in (
            World(),
            World(mass=1.2, payload=7.0, strength=0.5, friction=0.4, slope=(5.0, 0.0)),
        )
    )
    assert other.body_mass.sum() == pytest.approx(1.2 * plain.body_mass.sum() + 7)
    assert np.allclose(other.actuator_forcerange, 0.5 * plain.actuator_forcerange)
    assert np.allclose(other.geom_friction[:, 0], 0.4 * plain.geom_friction[:, 0])
    assert np.linalg.norm(other.opt.gravity) == pytest.approx(9.81)
    assert np.degrees(np.arctan2(-other.opt.gravity[0], -other.opt.gravity[2])) == pytest.approx(5)
