"""A motion performed without help: by linear feedback where feet stay put, by steps where not.

Clean-up's control (``balance_control``) gives states that an assist may have helped to. Linear
feedback along them says which targets do without it. Where a body falls with it from noisy starts,
steps that land where they must (``stepping``) are tried.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from vimoflow.errors import InputError
from vimoflow.motion.clip import Motion
from vimoflow.motion.clip_resampling import at_even_times
from vimoflow.physics.balance_control import Balance
from vimoflow.physics.bodies import STEPS_A_FRAME, Bodies
from vimoflow.physics.closed_loop import (
    FELL_M,
    Control,
    Demonstration,
    by_gain,
    noisy_starts,
    perform,
)
from vimoflow.physics.giving_way import given_way
from vimoflow.physics.grounding import grounded
from vimoflow.physics.humanoid import TIMESTEP_S, Humanoid
from vimoflow.physics.linear_feedback import Answers, Worlds, answers_along, feedback_from
from vimoflow.physics.simulator import mujoco
from vimoflow.physics.states import States, require_physical, states_of
from vimoflow.physics.stepping import StepByStep, Stepping, stepped
from vimoflow.physics.worlds import TOLD

_EFFORTS = (0.4, 1.6, 6.4)
_STARTS, _ENOUGH = 16, 0.9  # noisy ones, and the share that linear feedback must bring to the end
_STAGES = 4


def demonstrate(
    motion: Motion,
    humanoid: Humanoid,
    bodies: Bodies,
    seed: int = 0,
    show: Callable[[int, int | None], None] = lambda done, total: None,
) -> Demonstration:
    """Find out how a motion can be performed without help.

    Args:
        motion: of a person whose feet are near y = 0, 4 frames or more.
        humanoid: the person's body.
        bodies: the world it is in.
        seed: of the starts.
        show: told how many of the stages are done.

    Raises:
        InputError: the motion is not physical (``require_physical``), or nothing was found that
            came to its end.
    """
    require_physical(motion)
    rng = np.random.default_rng(seed)
    reference = reference_of(motion, humanoid)
    show(1, _STAGES)
    try:
        held = _by_feedback(reference, humanoid, bodies, rng)
    except np.linalg.LinAlgError:
        held = None
    show(2, _STAGES)
    reached = 0.0 if held is None else _reached(bodies, by_gain(bodies, held), held, seed)
    if held is not None and reached >= _ENOUGH:
        return held
    steps = stepped(humanoid, reference, bodies)
    show(3, _STAGES)
    if steps is not None:
        control = StepByStep(Stepping(humanoid, reference), bodies)
        if held is None or _reached(bodies, control, steps, seed) > reached:
            held = steps
    show(_STAGES, _STAGES)
    if held is None:
        raise InputError("no way was found to perform this motion to its end without help")
    return held


def reference_of(motion: Motion, humanoid: Humanoid) -> States:
    """What is to be performed: the motion on the floor, as it can carry it, by steps."""
    return states_of(given_way(grounded(at_even_times(motion), humanoid), humanoid), 1 / TIMESTEP_S)


def _reached(bodies: Bodies, control: Control, motion: Demonstration, seed: int) -> float:
    starts = noisy_starts(bodies, motion, _STARTS, np.random.default_rng(seed))
    return float(perform(bodies, control, motion, starts).reached_end.mean())


def _by_feedback(
    reference: States, humanoid: Humanoid, bodies: Bodies, rng: np.random.Generator
) -> Demonstration | None:
    """With linear feedback; None where a body falls with any from the exact start."""
    wanted = _assisted(reference, humanoid, bodies)
    worlds = Worlds(humanoid, rng)
    found = _held(bodies, wanted, answers_along(worlds, wanted, rng))
    return None if found is None else _with_feedback(worlds, found, rng)


def _held(bodies: Bodies, wanted: Demonstration, answers: Answers) -> Demonstration | None:
    """The motion as linear feedback alone holds it best; None where a body falls with any."""
    best, least = None, FELL_M
    for effort in _EFFORTS:
        feedback = feedback_from(answers, effort)
        change = replace(wanted, gain=feedback.gain, targets=wanted.targets + feedback.change)
        control = by_gain(bodies, change)
        done = perform(bodies, control, wanted, (wanted.qpos[:1], wanted.qvel[:1]))
        if not done.reached_end[0]:
            continue
        states = list(enumerate(zip(done.qpos[:-1], done.qvel[:-1], strict=True)))
        targets = np.concatenate([control(t, *state) for t, state in states])
        off = np.linalg.norm((done.qpos[:, 0] - wanted.qpos)[:, :3], axis=1).max()
        if off < least:
            qpos, qvel = done.qpos[:, 0], done.qvel[:, 0]
            best, least = replace(wanted, qpos=qpos, qvel=qvel, targets=targets), off
    return best


def _with_feedback(
    worlds: Worlds, motion: Demonstration, rng: np.random.Generator
) -> Demonstration:
    """With the feedback, or none, that brought noisy starts in many worlds furthest."""
    bodies, which = worlds.bodies, np.arange(0, len(worlds.told), 2)
    starts = noisy_starts(bodies, motion, len(which), rng)

    def came(tried: Demonstration) -> float:
        control = by_gain(bodies, tried, worlds.told[which])
        return float(perform(bodies, control, tried, starts, which=which).frames.mean())

    answers = answers_along(worlds, motion, rng)
    gains = [feedback_from(answers, effort).gain for effort in _EFFORTS]
    return max((motion, *(replace(motion, gain=gain) for gain in gains)), key=came)


def _assisted(reference: States, humanoid: Humanoid, bodies: Bodies) -> Demonstration:
    """States of the clean-up's simulation a frame, and targets that give its torques."""
    engine = mujoco()
    balance = Balance(humanoid, reference)
    model = engine.MjModel.from_xml_string(humanoid.xml)
    model.opt.disableflags |= int(engine.mjtDisableBit.mjDSBL_ACTUATION)
    data = engine.MjData(model)
    data.qpos[:], data.qvel[:] = reference.qpos[0], reference.qvel[0]
    rows = []
    for step in range(len(reference.times)):
        effort = balance.effort(step, data.qpos, data.qvel)
        data.qfrc_applied[:] = effort.applied
        rows.append((data.qpos.copy(), data.qvel.copy(), effort.applied[6:].copy()))
        engine.mj_step(model, data)
        if not np.linalg.norm(data.qpos[:3] - reference.qpos[step, :3]) < FELL_M:
            raise InputError("the body cannot be made to follow this motion even with help")
    qpos, qvel, torques = (np.stack(column) for column in zip(*rows, strict=True))
    frames = (len(qpos) - 1) // STEPS_A_FRAME
    used = slice(0, frames * STEPS_A_FRAME)
    torques = torques[used] + bodies.damping * qvel[used, 6:]
    targets = bodies.turns(qpos[used]) + torques / bodies.stiffness
    every = slice(0, frames * STEPS_A_FRAME + 1, STEPS_A_FRAME)
    targets = targets.reshape(frames, STEPS_A_FRAME, -1).mean(1)
    none = np.zeros((frames, bodies.nu, 2 * bodies.nv + len(TOLD)))
    return Demonstration(qpos[every], qvel[every], targets, none)
