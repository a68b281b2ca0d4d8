"""A motion performed without help: motors' targets found by search, and feedback around them.

Clean-up (``balance_control``) gives states that an assist may have helped to. Linear feedback
along them says which targets do without it; where contacts make it wrong, a search mends it: some
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
from vimoflow.physics.linear_feedback import Feedback, answers_along, feedback_from
from vimoflow.physics.simulator import mujoco
from vimoflow.physics.states import require_physical, states_of

_KEPT, _TRIED = 8, 6  # bodies that go on, and variations that each tries
_SPREADS = (0.3, 0.6, 0.15, 1.0)  # of the variations, until one comes to the end
_SEARCH_EFFORT, _EFFORTS = 3.0, (1.0, 4.0, 16.0, 64.0)
_ROUNDS, _TRIALS = 2, 24


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
        show(1, 3 + _ROUNDS)
        feedback = search_feedback(bodies, wanted, rng)
        show(2, 3 + _ROUNDS)
        targets = searched(bodies, wanted, feedback, rng)
        show(3, 3 + _ROUNDS)
        states = _replayed(bodies, wanted.qpos[0], wanted.qvel[0], targets)
        found = Demonstration(*states, targets, np.zeros_like(feedback.gain))
        return _with_feedback(bodies, found, rng, show)
    except np.linalg.LinAlgError as error:
        raise InputError("no feedback keeps a body upright along this motion") from error


def _with_feedback(
    bodies: Bodies,
    motion: Demonstration,
    rng: np.random.Generator,
    show: Callable[[int, int | None], None],
) -> Demonstration:
    """With the feedback, or none, that brought some noisy starts furthest."""
    starts = noisy_starts(bodies, motion, _TRIALS, rng)

    def came(tried: Demonstration) -> float:
        return float(perform(bodies, by_gain(bodies, tried), tried, starts).frames.mean())

    answers = answers_along(bodies, motion, rng)
    best, furthest = motion, came(motion)
    for done in range(_ROUNDS):
        for effort in _EFFORTS:
            tried = replace(motion, gain=feedback_from(answers, effort).gain)
            if (far := came(tried)) > furthest:
                best, furthest = tried, far
        show(4 + done, 3 + _ROUNDS)
        if done + 1 < _ROUNDS:
            answers += answers_along(bodies, best, rng)
    return best


def search_feedback(bodies: Bodies, motion: Demonstration, rng: np.random.Generator) -> Feedback:
    """Feedback along a motion that is to be searched for in a world."""
    return feedback_from(answers_along(bodies, motion, rng), _SEARCH_EFFORT)


def refined(
    bodies: Bodies,
    motion: Demonstration,
    rng: np.random.Generator,
    feedback: Feedback | None = None,
) -> Demonstration | None:
    """A motion as it is performed in another world; None where no way was found.

    Args:
        bodies: the world.
        motion: as it is performed in the usual one.
        rng: of the search.
        feedback: along the motion; without it, how the world answers is measured by letting bodies
            loose in it, which takes longer than the search.
    """
    try:
        feedback = feedback or search_feedback(bodies, motion, rng)
        targets = searched(bodies, motion, feedback, rng)
    except (InputError, np.linalg.LinAlgError):
        return None
    states = _replayed(bodies, motion.qpos[0], motion.qvel[0], targets)
    return replace(motion, qpos=states[0], qvel=states[1], targets=targets)


def searched(
    bodies: Bodies, wanted: Demonstration, feedback: Feedback, rng: np.random.Generator
) -> Float[np.ndarray, "frames nu"]:
    """Targets of the motors that lead along a motion to its end.

    Args:
        bodies: the world, which need not be the one that the motion was found in.
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
    none = np.zeros((frames, bodies.nu, 2 * bodies.nv))
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
        tried = (wanted.targets[t] + feedback.change[t] + off @ feedback.gain[t].T)[came_from]
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
