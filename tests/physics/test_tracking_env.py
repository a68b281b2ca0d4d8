"""The environment is a Gymnasium one, and rewards who stays with the motion."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("mujoco", reason="needs the extra [physics]")
pytest.importorskip("gymnasium", reason="needs the extra [physics]")

from gymnasium.utils.env_checker import check_env

from vimoflow.motion.skeleton import load_skeleton
from vimoflow.physics.bodies import bodies_of
from vimoflow.physics.closed_loop import Demonstration
from vimoflow.physics.humanoid import make_humanoid
from vimoflow.physics.tracking_env import TrackingEnv
from vimoflow.physics.worlds import TOLD


@pytest.fixture(scope="module")
def env():
    """Standing in the T-pose, which the motors do by themselves."""
    bodies, frames = bodies_of(make_humanoid(load_skeleton())), 10
    qpos = np.repeat(bodies.model.qpos0[None], frames + 1, axis=0)
    gain = np.zeros((frames, bodies.nu, 2 * bodies.nv + len(TOLD)))
    still = np.zeros((frames + 1, bodies.nv)), np.zeros((frames, bodies.nu))
    return TrackingEnv([Demonstration(qpos, *still, gain)])


def test_it_is_an_environment_of_gymnasium(env):
    check_env(env, skip_render_check=True)


def test_who_stands_is_rewarded_to_the_end_and_who_thrashes_less(env):
    totals = []
    for action in (np.zeros(env.bodies.nu), np.full(env.bodies.nu, 0.8)):
        env.reset(seed=3)
        rewards, over, truncated = [], False, False
        while not (over or truncated):
            _, reward, over, truncated, _ = env.step(action)
            rewards.append(reward)
        totals.append(np.mean(rewards))
        assert all(0 <= reward <= 1 for reward in rewards)
        assert over or len(rewards) == 10
    assert totals[0] > 0.7 and totals[1] < 0.5 * totals[0]
