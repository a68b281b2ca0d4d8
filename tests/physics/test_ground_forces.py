"""Inverse dynamics against Newton and Euler on the whole body, and against what must be so."""

from __future__ import annotations

import numpy as np
import pytest

mujoco = pytest.importorskip("mujoco", reason="needs the extra [physics]")

from physics_examples import standing, waving  # noqa: E402
from vimoflow.motion.clip import Motion  # noqa: E402
from vimoflow.motion.skeleton import load_skeleton  # noqa: E402
from vimoflow.physics.anthropometry import segments  # noqa: E402
from vimoflow.physics.ground_forces import FRICTION, best_forces, inverse_dynamics  # noqa: E402
from vimoflow.physics.humanoid import make_humanoid  # noqa: E402
from vimoflow.physics.states import states_of  # noqa: E402

RATE = 480.0  # states a second: differences in time are exact enough there


def momenta(motion: Motion, humanoid, rate: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Momentum, angular momentum about the world's origin, the pelvis' place; from positions only.

    Every part is taken as eight masses that have its mass, centre and inertia; they are moved by
    the project's own kinematics and differentiated in time.
    """
    model = humanoid.model
    names = list(segments())
    states = states_of(motion, rate, cutoff_hz=0.0)
    data = mujoco.MjData(model)
    places = []
    for qpos in states.qpos:
        data.qpos[:] = qpos
        mujoco.mj_kinematics(model, data)
        rows = []
        for at in range(1, len(names) + 1):
            R = data.ximat[at].reshape(3, 3)
            i = model.body_inertia[at] / model.body_mass[at]
            half = np.sqrt(
                np.maximum([i[1] + i[2] - i[0], i[0] + i[2] - i[1], i[0] + i[1] - i[2]], 0) / 2
            )
            signs = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)])
            rows.append(data.xipos[at] + (signs * half) @ R.T)
        places.append(rows)
    p = np.array(places)
    v = np.gradient(p, 1 / rate, axis=0)
    m = model.body_mass[1:, None, None] / 8
    return (m * v).sum((1, 2)), np.cross(p, m * v).sum((1, 2)), states.qpos[:, :3]


def test_the_root_needs_what_newton_and_euler_ask_of_the_whole_body():
    motion = waving(frames=30)
    humanoid = make_humanoid(load_skeleton(), 70.0)
    P, L, root = momenta(motion, humanoid, RATE)
    dynamics = inverse_dynamics(humanoid, states_of(motion, RATE, cutoff_hz=0.0))
    inside = slice(40, -40)
    weight = np.array([0, 0, -70 * 9.81])
    force = np.gradient(P, 1 / RATE, axis=0) - weight
    moment = np.gradient(L, 1 / RATE, axis=0) - np.cross(centre(motion, humanoid), weight)
    moment -= np.cross(root, force)  # from the world's origin to the pelvis
    assert np.abs(force - dynamics.needed[:, :3])[inside].max() < 0.01 * np.abs(force).max()
    assert np.abs(moment - dynamics.needed[:, 3:])[inside].max() < 0.01 * np.abs(moment).max()


def centre(motion: Motion, humanoid) -> np.ndarray:
    data = mujoco.MjData(humanoid.model)
    found = []
    for qpos in states_of(motion, RATE, cutoff_hz=0.0).qpos:
        data.qpos[:] = qpos
        mujoco.mj_kinematics(humanoid.model, data)
        mujoco.mj_comPos(humanoid.model, data)
        found.append(data.subtree_com[1].copy())
    return np.array(found)


def test_the_ground_carries_who_stands_on_it_and_nobody_in_the_air():
    humanoid = make_humanoid(load_skeleton())
    on = inverse_dynamics(humanoid, states_of(standing()))
    assert np.allclose(on.forces.sum(1), (0, 0, humanoid.weight_n), atol=0.01 * humanoid.weight_n)
    assert np.abs(on.residual).max() < 0.01 * humanoid.weight_n
    up = inverse_dynamics(humanoid, states_of(standing(height=0.5)))
    assert np.allclose(up.residual[:, 2], humanoid.weight_n, rtol=1e-3)


def test_free_fall_needs_nobody():
    falling = standing(height=3.0)
    drop = 0.5 * 9.81 * falling.timestamps**2
    trans = falling.trans - np.outer(drop, [0, 1, 0]).astype(np.float32)
    motion = Motion(falling.poses, trans.astype(np.float32), falling.fps, falling.contacts)
    needed = inverse_dynamics(
        make_humanoid(load_skeleton()), states_of(motion, cutoff_hz=0.0)
    ).needed
    assert np.abs(needed).max() < 0.02 * 710


def test_no_torque_is_spent_on_hanging_arms_but_on_stretched_ones():
    humanoid = make_humanoid(load_skeleton())
    names = [n for n in segments() if n != "pelvis"]
    at = 3 * names.index("left_shoulder")
    stretched = inverse_dynamics(humanoid, states_of(standing(arms=0.0))).torques[:, at : at + 3]
    hanging = inverse_dynamics(humanoid, states_of(standing(arms=-np.pi / 2))).torques[
        :, at : at + 3
    ]
    assert 5 < np.linalg.norm(stretched, axis=1).mean() < 20  # about 3.5 kg at 0.3 m
    assert np.linalg.norm(hanging, axis=1).mean() < 0.2 * np.linalg.norm(stretched, axis=1).mean()


def test_forces_stay_in_the_cone_that_each_point_has():
    rng = np.random.default_rng(0)
    arms, up = rng.normal(size=(6, 3)), np.tile((0.0, 0, 1), (6, 1))
    needed, cost, grip = np.array([400.0, 0, 600, 0, 0, 0]), np.full(6, 0.01), np.full(6, 0.1)
    for each in (grip, np.ones(6)):
        forces = best_forces(needed, arms, cost, 600.0, up, grip=each)
        along = np.abs(forces[:, :2]).sum(1)  # the cones have four edges
        assert (along <= each * FRICTION * forces[:, 2] + 1e-9).all()
    assert np.array_equal(forces, best_forces(needed, arms, cost, 600.0, up))
