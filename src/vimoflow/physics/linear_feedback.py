"""How a body answers to small changes along a motion, and the best linear feedback for that.

Finite differences see nothing of it: a joint off by a hundredth of a radian puts a foot into the
floor, which throws the body up. So bodies are let loose along the motion in many worlds, pushed a
little, their motors' targets disturbed at random, little enough for the feet to stay flat; a ridge
regression a frame says how the centre of mass and the root's turn move. Time-varying LQR makes of
it what to add to the targets of legs and waist for how far they are off, and for what is known of
the world, which stays what it is; everything else is left to the motors.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from vimoflow.physics.anthropometry import segments
from vimoflow.physics.bodies import Bodies
from vimoflow.physics.closed_loop import Demonstration
from vimoflow.physics.humanoid import Humanoid
from vimoflow.physics.simulator import mujoco
from vimoflow.physics.worlds import TOLD, World, model_in, told_of, varied_world

_WORLDS = 48
USUAL = 0.125  # share of worlds that are as always
_BODIES, _CHUNK, _EVERY = 48, 10, 5  # let loose every so many frames, for so many
_VARIED, _LASTING = 0.05, 0.7  # radians of targets; how much of it is there a frame later
_PUSHED = (0.07, 0.1)  # m/s, rad/s of the root
_LOST = 0.5  # metres or radians of the root: what is so far off has fallen
_RIDGE, _SHARED = 0.02, 10  # of the variance; frames to each side that answer alike
_MOVED = ("hip", "knee", "ankle", "spine1")
_COST = np.repeat((20.0, 2.0, 2.0, 0.1), 3)  # of the centre of mass, the root's turn; speeds
_FINAL = 5.0  # cost of the end, in others' costs


@dataclass(frozen=True)
class Feedback:
    """What to add to the motors' targets along a motion.

    Attributes:
        change: of the targets where the body is as it should be, for what the motion cannot do by
            itself.
        gain: times how far the body is off, by ``Bodies.difference``, and what is told of the
            world (``told_of``).
    """

    change: Float[np.ndarray, "frames nu"]
    gain: Float[np.ndarray, "frames nu states_and_told"]


@dataclass(frozen=True)
class Answers:
    """What bodies did along a motion, by frame: how far off, what was changed, how far then.

    Off is by ``seen``, followed by what is told of the body's world.

    Attributes:
        seen: what is seen of ``Bodies.difference``, a matrix a frame.
    """

    seen: Float[np.ndarray, "frames_and_end seen states"]
    off: list[Float[np.ndarray, "_ seen_and_told"]]
    change: list[Float[np.ndarray, "_ motors"]]
    then: list[Float[np.ndarray, "_ seen_and_told"]]

    def __add__(self, other: Answers) -> Answers:
        pairs = ((self.off, other.off), (self.change, other.change), (self.then, other.then))
        joined = ([np.concatenate(two) for two in zip(*pair, strict=True)] for pair in pairs)
        return Answers(self.seen, *joined)


class Worlds:
    """Worlds that bodies are let loose in, the first of them usual, and what is told of each."""

    def __init__(
        self,
        humanoid: Humanoid,
        rng: np.random.Generator,
        count: int = _WORLDS,
        share: float = USUAL,
    ) -> None:
        usual = int(np.ceil(share * count))
        worlds = [World()] * usual + [varied_world(rng) for _ in range(count - usual)]
        self.bodies = Bodies([model_in(humanoid, world) for world in worlds])
        self.told = np.stack([told_of(world) for world in worlds])


def answers_along(worlds: Worlds, motion: Demonstration, rng: np.random.Generator) -> Answers:
    """Let bodies loose along a motion, under its own feedback.

    Args:
        worlds: where.
        motion: its targets need not reproduce its states.
        rng: of what disturbs them.
    """
    found: list[list[tuple[np.ndarray, ...]]] = [[] for _ in range(len(motion))]
    seen = seen_along(worlds.bodies, motion)
    for first in range(-_EVERY, len(motion), _EVERY):
        for t, row in _let_loose(worlds, motion, seen, max(first, 0), rng):
            found[t].append(row)
    columns = [[np.concatenate(part) for part in zip(*rows, strict=True)] for rows in found]
    return Answers(seen, *([row[i] for row in columns] for i in range(3)))


def _let_loose(
    worlds: Worlds, motion: Demonstration, seen: np.ndarray, first: int, rng: np.random.Generator
) -> Iterator[tuple[int, tuple[np.ndarray, ...]]]:
    """From one frame on: the frame, and what belongs to it."""
    bodies, motors = worlds.bodies, _motors()
    which = rng.integers(0, len(worlds.told), _BODIES)
    told = worlds.told[which]

    def off_at(t: int) -> np.ndarray:
        return np.hstack((bodies.difference(motion.qpos[t], motion.qvel[t], q, v), told))

    def small(t: int, off: np.ndarray) -> np.ndarray:
        return np.hstack((off[:, : 2 * bodies.nv] @ seen[t].T, told))

    at = slice(first, first + 1)
    q, v = (np.repeat(part[at], _BODIES, axis=0) for part in (motion.qpos, motion.qvel))
    v[:, :6] += rng.standard_normal((_BODIES, 6)) * np.repeat(_PUSHED, 3)
    varied = rng.standard_normal((_BODIES, len(motors)))
    off, before = off_at(first), None
    for t in range(first, min(first + _CHUNK, len(motion))):
        fresh = rng.standard_normal(varied.shape)
        varied = _LASTING * varied + np.sqrt(1 - _LASTING**2) * fresh
        change = motion.change(t, off)
        change[:, motors] += _VARIED * varied
        targets = motion.targets[t] + change
        q, v = bodies.step(q, v, targets, None, targets if before is None else before, which)
        then = off_at(t + 1)
        well = np.abs(then[:, :6]).max(1) < _LOST  # NaN is not
        row = small(t, off), change[:, motors], small(t + 1, then)
        yield t, (row[0][well], row[1][well], row[2][well])
        q, v, varied, off, before = q[well], v[well], varied[well], then[well], targets[well]
        which, told = which[well], told[well]


def seen_along(bodies: Bodies, motion: Demonstration) -> Float[np.ndarray, "frames_and_end 12 _"]:
    """Matrices from ``Bodies.difference`` to the centre of mass and the root's turn; then speeds.

    The root's place would not do: bending the waist moves it while the body falls all the same.
    """
    engine, nv = mujoco(), bodies.nv
    found, J = np.zeros((len(motion.qpos), 12, 2 * nv)), np.zeros((3, nv))
    for seen, qpos in zip(found, motion.qpos, strict=True):
        bodies.data.qpos[:] = qpos
        engine.mj_kinematics(bodies.model, bodies.data)
        engine.mj_comPos(bodies.model, bodies.data)
        engine.mj_jacSubtreeCom(bodies.model, bodies.data, J, 1)
        seen[:3, :nv], seen[6:9, nv:] = J, J
        seen[3:6, 3:6], seen[9:, nv + 3 : nv + 6] = np.eye(3), np.eye(3)
    return found


def feedback_from(answers: Answers, effort: float) -> Feedback:
    """The best linear feedback for what bodies did.

    Args:
        answers: along a motion.
        effort: cost of a radian squared of change, where a metre squared off costs 20.
    """
    frames, seen, states = len(answers.off), answers.seen, answers.seen.shape[2]
    few, motors, free = seen.shape[1], _motors(), states // 2 - 6
    system = [_regressed(answers, t) for t in range(frames)]
    small = _riccati(system, np.append(_COST, np.zeros(len(TOLD))), effort)
    gain = np.concatenate((small.gain[..., :few] @ seen[:-1], small.gain[..., few:]), axis=2)
    found = Feedback(np.zeros((frames, free)), np.zeros((frames, free, states + len(TOLD))))
    found.change[:, motors], found.gain[:, motors] = small.change, gain
    return found


def _regressed(answers: Answers, t: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A, B and b of then = A off + B change + b, where neighbouring frames share A and B."""
    causes, effects = [], []
    for near in range(max(t - _SHARED, 0), min(t + _SHARED + 1, len(answers.off))):
        cause, effect = np.hstack((answers.off[near], answers.change[near])), answers.then[near]
        means = cause.mean(0), effect.mean(0)
        causes.append(cause - means[0])
        effects.append(effect - means[1])
        if near == t:
            own = means
    X, Y = np.concatenate(causes), np.concatenate(effects)
    usual = X.std(0) + 1e-4
    X = X / usual
    W = np.linalg.solve(X.T @ X + _RIDGE * len(X) * np.eye(X.shape[1]), X.T @ Y)
    W = (W / usual[:, None]).T
    W[-len(TOLD) :] = 0
    W[-len(TOLD) :, Y.shape[1] - len(TOLD) : Y.shape[1]] = np.eye(len(TOLD))
    b = own[1] - W @ own[0]
    return W[:, : Y.shape[1]], W[:, Y.shape[1] :], b


def _riccati(
    system: list[tuple[np.ndarray, np.ndarray, np.ndarray]], costs: np.ndarray, effort: float
) -> Feedback:
    """From the end back: x_next = A x + B u + b, at costs x'Qx + effort u'u."""
    P, p, rows = np.diag(costs) * _FINAL, np.zeros(len(costs)), []
    for A, B, b in reversed(system):
        inverse = np.linalg.inv(B.T @ P @ B + effort * np.eye(B.shape[1]))
        change, gain = -inverse @ B.T @ (P @ b + p), -inverse @ B.T @ P @ A
        rows.append((change, gain))
        p = A.T @ (P @ (b + B @ change) + p)
        P = A.T @ P @ (A + B @ gain) + np.diag(costs)
        P = (P + P.T) / 2
    return Feedback(*(np.stack(part[::-1]) for part in zip(*rows, strict=True)))


def _kinds() -> list[str]:
    """Of each degree of freedom: which joint's, without its side."""
    return ["root"] * 6 + [n.split("_")[-1] for n in list(segments())[1:] for _ in range(3)]


def _motors() -> Int[np.ndarray, " motors"]:
    """Of legs and waist."""
    return np.flatnonzero(np.isin(_kinds()[6:], _MOVED))
