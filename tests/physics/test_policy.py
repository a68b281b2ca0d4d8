"""A policy from demonstration to file: on somebody who stands, which takes seconds."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

pytest.importorskip("mujoco", reason="needs the extra [physics]")

from physics_examples import standing
from vimoflow.errors import CheckpointError, InputError
from vimoflow.physics import linear_feedback, policy_training
from vimoflow.physics.bodies import bodies_of
from vimoflow.physics.closed_loop import by_gain, noisy_starts, perform
from vimoflow.physics.demonstration import demonstrate
from vimoflow.physics.humanoid import make_humanoid
from vimoflow.physics.identification import Adapting
from vimoflow.physics.linear_feedback import Worlds, answers_along, feedback_from
from vimoflow.physics.performing import perform_trained
from vimoflow.physics.policy import by_policy_of, seen_motion, turned
from vimoflow.physics.policy_files import CARD, NETWORK, WEIGHTS, load_policy, save_policy
from vimoflow.physics.policy_options import PolicyOptions
from vimoflow.physics.worlds import World, bodies_in, told_of

MOTION = standing(9)


@pytest.fixture(scope="module")
def humanoid():
    return make_humanoid(MOTION.skeleton)


@pytest.fixture(scope="module")
def trained(humanoid):
    """Briefly: little is to be learnt."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(policy_training, "_STEPS", 100)
        patch.setattr(linear_feedback, "_BODIES", 24)
        options = PolicyOptions(rounds=2)
        return policy_training.train_policy(
            {"stand": MOTION}, humanoid, bodies_of(humanoid), options
        )


def test_a_demonstration_is_what_its_targets_do(humanoid, trained):
    bodies, motion = bodies_of(humanoid), trained.motions["stand"]
    found = perform(bodies, by_gain(bodies, motion), motion, (motion.qpos[:1], motion.qvel[:1]))
    assert found.reached_end.all()
    assert np.abs(found.qpos[:, 0] - motion.qpos).max() < 1e-6


def test_the_policy_stands_as_its_teacher_does(humanoid, trained):
    bodies, motion = bodies_of(humanoid), trained.motions["stand"]
    starts = noisy_starts(bodies, motion, 6, np.random.default_rng(5))
    found = perform(bodies, by_policy_of(bodies, trained.policy, motion), motion, starts)
    assert found.reached_end.all()
    off = bodies.difference(motion.qpos[-1], motion.qvel[-1], found.qpos[-1], found.qvel[-1])
    assert np.abs(off[:, 6 : bodies.nv]).mean() < 0.1


def test_it_comes_back_from_its_file_and_as_onnx(trained, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    save_policy(trained, tmp_path, terms="mine")
    again = load_policy(tmp_path)
    sizes = trained.policy.sizes
    motion, off = torch.randn(3, sizes.motion), torch.randn(3, sizes.off)
    with torch.inference_mode():
        wanted = trained.policy(motion, off)
        assert torch.equal(again.policy(motion, off), wanted)
    assert np.array_equal(again.motions["stand"].targets, trained.motions["stand"].targets)
    assert again.humanoid.xml == trained.humanoid.xml
    session = onnxruntime.InferenceSession(tmp_path / NETWORK)
    (got,) = session.run(["added"], {"motion": motion.numpy(), "off": off.numpy()})
    assert np.abs(got - wanted.numpy()).max() < 1e-4
    assert "mine" in (tmp_path / CARD).read_text("utf-8")
    (tmp_path / WEIGHTS).write_bytes(b"no weights")
    with pytest.raises(CheckpointError, match="damaged"):
        load_policy(tmp_path)


def test_what_a_policy_sees_does_not_depend_on_where_and_which_way(trained, humanoid):
    """The whole scene moved and turned about the vertical is the same to it."""
    bodies, motion = bodies_of(humanoid), trained.motions["stand"]
    half = np.sqrt(0.5)

    def elsewhere(qpos, qvel):
        moved, speed = qpos.copy(), qvel.copy()
        moved[:, 0], moved[:, 1] = 3 - qpos[:, 1], qpos[:, 0] - 2
        w, x, y, z = qpos[:, 3:7].T
        moved[:, 3:7] = half * np.stack((w - z, x - y, y + x, z + w), axis=1)
        speed[:, 0], speed[:, 1] = -qvel[:, 1], qvel[:, 0]
        return moved, speed

    there = dataclasses.replace(
        motion, **dict(zip(("qpos", "qvel"), elsewhere(motion.qpos, motion.qvel), strict=True))
    )
    assert np.allclose(seen_motion(bodies, there), seen_motion(bodies, motion), atol=1e-6)
    starts = noisy_starts(bodies, motion, 3, np.random.default_rng(2))
    offs = []
    for one, states in ((motion, starts), (there, elsewhere(*starts))):
        off = bodies.difference(one.qpos[0], one.qvel[0], *states)
        offs.append(turned(bodies, one.qpos[0], off))
    assert np.allclose(*offs, atol=1e-6)


def test_a_world_is_found_out_as_the_body_goes_and_a_push_is_none(humanoid, trained):
    motion, world = trained.motions["stand"], World(slope=(3.0, -2.0), payload=6.0)
    for there, known in ((world, told_of(world)), (World(push=(0.3, 0.0)), np.zeros(5))):
        bodies = bodies_in(humanoid, there)
        control = Adapting(humanoid, motion, by_policy_of(bodies, trained.policy, motion))
        starts = noisy_starts(bodies, motion, 3, np.random.default_rng(4))
        perform(bodies, control, motion, starts, there)
        assert np.abs(control.told[:, :2] - known[:2]).max() < 0.15
        assert np.abs(control.told - known).max() < 0.5


def test_who_is_told_of_a_slope_leans_against_it(trained, humanoid, monkeypatch):
    """Whoever is told falls less far down, to whichever side."""
    monkeypatch.setattr(linear_feedback, "_BODIES", 24)
    rng, motion = np.random.default_rng(0), trained.motions["stand"]
    answers = answers_along(Worlds(humanoid, rng, 24), motion, rng)
    leaning = dataclasses.replace(motion, gain=feedback_from(answers, 1.0).gain)
    for slope in ((4.0, 0.0), (-4.0, 0.0), (0.0, 4.0), (0.0, -4.0)):
        world, start = World(slope=slope), (motion.qpos[:1], motion.qvel[:1])
        bodies = bodies_in(humanoid, world)
        off = []
        for told in (None, told_of(world)[None]):
            done = perform(bodies, by_gain(bodies, leaning, told), motion, start)
            off.append(-np.array(slope) / 4 @ (done.qpos[-1, 0] - motion.qpos[-1])[:2])
        assert off[0] > 0 and off[1] < 0.9 * off[0]


def test_a_policy_in_a_hopeless_world_ends_and_says_how_far_it_came(trained):
    found = perform_trained(
        trained, "stand", World(push=(5.0, 0.0), push_at=0.1), 2, False, np.random.default_rng(0)
    )
    assert found.reached == 0 and found.document()["error_mm"] is None
    assert all(seconds < 8 / 30 for seconds in found.seconds) and len(found.motion) >= 4


def test_motions_that_nobody_can_perform_are_refused_in_one_line(humanoid, monkeypatch):
    monkeypatch.setattr(linear_feedback, "_BODIES", 8)
    with pytest.raises(InputError, match="help"):
        demonstrate(standing(11, height=1.5), humanoid, bodies_of(humanoid))
    broken = MOTION.poses.copy()
    broken[3] = np.nan
    with pytest.raises(InputError, match="not finite"):
        demonstrate(dataclasses.replace(MOTION, poses=broken), humanoid, bodies_of(humanoid))
