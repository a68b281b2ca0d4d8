"""A motion performed without help: motors' targets found by search, and feedback around them.

Clean-up (``balance_control``) gives states that an assist may have helped to. Linear feedback
along them says which targets do without it; where a body falls with it, a search mends it: some
bodies try variations of the targets, frame by frame, and those go on that will have to pay least
(as SAMCON does, Liu et al. 2010, with the feedback's cost in place of a hand-made one). Feedback
along what was found is measured again, and then once more under itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from jaxtyping import Float

from vimoflow.conventions import MODEL_FPS
from vimoflow.errors import InputError
from vimoflow.motion.clip import Motion
from vimoflow.motion.clip_resampling import at_even_times
from vimoflow.physics.balance_control import Balance
from vimoflow.physics.bodies import STEPS_A_FRAME, Bodies
from vimoflow.physics.closed_loop import FELL_M, Demonstration, by_gain, noisy_starts, perform
from vimoflow.physics.grounding import grounded
from vimoflow.physics.humanoid import TIMESTEP_S, Humanoid
from vimoflow.physics.linear_feedback import Answers, Feedback, Worlds, answers_along, feedback_from
from vimoflow.physics.simulator import mujoco
from vimoflow.physics.states import require_physical, states_of
from vimoflow.physics.worlds import TOLD

_KEPT, _TRIED = 8, 6  # bodies that go on, and variations that each tries
_SPREADS = (0.3, 0.6, 0.15, 1.0)  # of the variations, until one comes to the end
_SEARCH_EFFORT, _EFFORTS = 3.0, (1.0, 4.0, 16.0)
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
        seed: of the search.
        show: told how many of the stages are done.

    Raises:
        InputError: the motion is not physical (``require_physical``), or nothing was found that
            came to its end.
    """
    require_physical(motion)
    rng = np.random.default_rng(seed)
    try:
        wanted = _assisted(motion, humanoid, bodies)
        show(1, _STAGES)
        worlds = Worlds(humanoid, rng)
        answers = answers_along(worlds, wanted, rng)
        show(2, _STAGES)
        found = _held(bodies, wanted, answers)
        if found is None:
            targets = searched(bodies, wanted, feedback_from(answers, _SEARCH_EFFORT), rng)
            states = _replayed(bodies, wanted.qpos[0], wanted.qvel[0], targets)
            found = replace(wanted, qpos=states[0], qvel=states[1], targets=targets)
        show(3, _STAGES)
        best = _with_feedback(worlds, found, rng)
        show(_STAGES, _STAGES)
        return best
    except np.linalg.LinAlgError as error:
        raise InputError("no feedback keeps a body upright along this motion") from error


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


def searched(
    bodies: Bodies, wanted: Demonstration, feedback: Feedback, rng: np.random.Generator
) -> Float[np.ndarray, "frames nu"]:
    """Targets of the motors that lead along a motion to its end.

    Args:
        bodies: the world.
        wanted: the motion, whose own targets may miss it.
        feedback: along it.
        rng: of what is tried.

    Raises:
        InputError: none were found.
    """
    furthest = 0
    for spread in _SPREADS:
        found = _search(bodies, wanted, feedback, spread, rng)
        if len(found) == len(wanted):
            return found
        furthest = max(furthest, len(found))
    raise InputError(
        f"no way was found to perform more than {furthest / MODEL_FPS:.1f} s of it without help"
    )


def _replayed(
    bodies: Bodies, qpos: np.ndarray, qvel: np.ndarray, targets: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The states that targets lead through, from one state, that one first."""
    states, before = [(qpos[None], qvel[None])], targets[:1]
    for held in targets:
        states.append(bodies.step(*states[-1], held[None], before=before))
        before = held[None]
    places, speeds = zip(*states, strict=True)
    return np.concatenate(places), np.concatenate(speeds)


def _assisted(motion: Motion, humanoid: Humanoid, bodies: Bodies) -> Demonstration:
    """States of the clean-up's simulation a frame, and targets that give its torques."""
    engine = mujoco()
    reference = states_of(grounded(at_even_times(motion), humanoid), 1 / TIMESTEP_S)
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


def _search(
    bodies: Bodies,
    wanted: Demonstration,
    feedback: Feedback,
    spread: float,
    rng: np.random.Generator,
) -> np.ndarray:
    """Targets as far as a body came with them."""
    states, steps, before = (wanted.qpos[:1], wanted.qvel[:1]), [], None
    for t in range(len(wanted)):
        each = _KEPT * _TRIED // len(states[0])
        came_from = np.repeat(np.arange(len(states[0])), each)
        off = bodies.difference(wanted.qpos[t], wanted.qvel[t], *states)
        gain = feedback.gain[t, :, : off.shape[1]]  # nothing is told of the usual world
        tried = (wanted.targets[t] + feedback.change[t] + off @ gain.T)[came_from]
        varied = spread * rng.standard_normal(tried.shape) @ feedback.spread[t].T
        varied[::each] = 0  # one goes on as it is
        tried = tried + varied
        held = tried if before is None else before[came_from]
        after = bodies.step(states[0][came_from], states[1][came_from], tried, before=held)
        off = bodies.difference(wanted.qpos[t + 1], wanted.qvel[t + 1], *after)
        cost = np.einsum("bi,ij,bj->b", off, feedback.cost[t + 1], off)
        cost = np.nan_to_num(cost + 2 * off @ feedback.slope[t + 1], nan=np.inf)
        best = np.argsort(cost, kind="stable")[:_KEPT]
        if not np.linalg.norm(off[best[0], :3]) < FELL_M:
            break
        steps.append((came_from[best], tried[best]))
        states, before = (after[0][best], after[1][best]), tried[best]
    found, at = [], 0
    for came_from, tried in reversed(steps):
        found.append(tried[at])
        at = came_from[at]
    return np.array(found[::-1])
