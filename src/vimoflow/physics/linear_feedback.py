"""How a body answers to small changes along a motion, and the best linear feedback for that.

Finite differences see nothing of it: a joint off by a hundredth of a radian puts a foot into the
floor, which throws the body up. So bodies are let loose along the motion, pushed a little, their
motors' targets disturbed at random; a ridge regression a frame says what follows what. Time-varying
LQR makes of it what to add to the targets of legs and waist for how far the root and the legs are
off; everything else is left to the motors.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from vimoflow.physics.anthropometry import segments
from vimoflow.physics.bodies import Bodies
from vimoflow.physics.closed_loop import Demonstration

_BODIES, _CHUNK, _EVERY = 48, 10, 5  # let loose every so many frames, for so many
_VARIED, _LASTING = 0.12, 0.7  # radians of targets; how much of it is there a frame later
_PUSHED = (0.1, 0.2)  # m/s, rad/s of the root
_LOST = 0.5  # metres or radians of the root: what is so far off has fallen
_RIDGE, _SHARED = 0.02, 1  # of the variance; frames to each side that answer alike
_LEGS, _MOVED = ("hip", "knee", "ankle"), ("hip", "knee", "ankle", "spine1")
_COST = {"place": 20.0, "turn": 10.0, "joint": 1.0, "toes": 0.05}
_SPEED_COST = {"place": 1.0, "turn": 0.3, "joint": 0.01, "toes": 1e-5}
_FINAL = 5.0  # cost of the end, in others' costs


@dataclass(frozen=True)
class Feedback:
    """What to add to the motors' targets along a motion, and what it costs to be off.

    Attributes:
        change: of the targets where the body is as it should be, for what the motion cannot do by
            itself.
        gain: times how far the body is off, by ``Bodies.difference``.
        cost, slope: of being off: x' cost x + 2 slope' x is what is still to be paid.
        spread: a square root of the covariance of targets that cost the same.
    """

    change: Float[np.ndarray, "frames nu"]
    gain: Float[np.ndarray, "frames nu states"]
    cost: Float[np.ndarray, "frames_and_end states states"]
    slope: Float[np.ndarray, "frames_and_end states"]
    spread: Float[np.ndarray, "frames nu nu"]


@dataclass(frozen=True)
class Answers:
    """What bodies did along a motion, by frame: how far off, what was changed, how far then."""

    off: list[Float[np.ndarray, "_ states"]]
    change: list[Float[np.ndarray, "_ nu"]]
    then: list[Float[np.ndarray, "_ states"]]

    def __add__(self, other: Answers) -> Answers:
        return Answers(
            *(
                [np.concatenate(pair) for pair in zip(mine, its, strict=True)]
                for mine, its in zip(vars(self).values(), vars(other).values(), strict=True)
            )
        )


def answers_along(bodies: Bodies, motion: Demonstration, rng: np.random.Generator) -> Answers:
    """Let bodies loose along a motion, under its own feedback.

    Args:
        bodies: the world.
        motion: its targets need not reproduce its states.
        rng: of what disturbs them.
    """
    found: list[list[tuple[np.ndarray, ...]]] = [[] for _ in range(len(motion))]
    for first in range(-_EVERY, len(motion), _EVERY):
        for t, row in _let_loose(bodies, motion, max(first, 0), rng):
            found[t].append(row)
    columns = [[np.concatenate(part) for part in zip(*rows, strict=True)] for rows in found]
    return Answers(*([row[i] for row in columns] for i in range(3)))


def _let_loose(
    bodies: Bodies, motion: Demonstration, first: int, rng: np.random.Generator
) -> Iterator[tuple[int, tuple[np.ndarray, ...]]]:
    """From one frame on: the frame, and what belongs to it."""
    motors = _numbers(_MOVED) - 6
    at = slice(first, first + 1)
    q, v = (np.repeat(part[at], _BODIES, axis=0) for part in (motion.qpos, motion.qvel))
    v[:, :6] += rng.standard_normal((_BODIES, 6)) * np.repeat(_PUSHED, 3)
    varied = rng.standard_normal((_BODIES, len(motors)))
    off = bodies.difference(motion.qpos[first], motion.qvel[first], q, v)
    before = None
    for t in range(first, min(first + _CHUNK, len(motion))):
        fresh = rng.standard_normal(varied.shape)
        varied = _LASTING * varied + np.sqrt(1 - _LASTING**2) * fresh
        change = motion.change(t, off)
        change[:, motors] += _VARIED * varied
        targets = motion.targets[t] + change
        q, v = bodies.step(q, v, targets, before=targets if before is None else before)
        then = bodies.difference(motion.qpos[t + 1], motion.qvel[t + 1], q, v)
        well = np.abs(then[:, :6]).max(1) < _LOST  # NaN is not
        yield t, (off[well], change[well], then[well])
        q, v, varied, off, before = q[well], v[well], varied[well], then[well], targets[well]


def feedback_from(answers: Answers, effort: float) -> Feedback:
    """The best linear feedback for what bodies did.

    Args:
        answers: along a motion.
        effort: cost of a radian squared of change, where a metre squared off costs 20.
    """
    frames, nv = len(answers.off), answers.off[0].shape[1] // 2
    seen = np.concatenate((np.arange(6), _numbers(_LEGS), nv + np.arange(6)))
    motors, costs = _numbers(_MOVED) - 6, _costs()
    system = [_regressed(answers, t, seen, motors) for t in range(frames)]
    small = _riccati(system, costs[seen], effort)
    among = np.ix_(np.arange(frames), motors, seen)
    found = Feedback(
        np.zeros((frames, nv - 6)), np.zeros((frames, nv - 6, 2 * nv)),
        np.repeat(np.diag(costs)[None], frames + 1, 0), np.zeros((frames + 1, 2 * nv)),
        np.zeros((frames, nv - 6, nv - 6)),
    )  # fmt: skip
    found.change[:, motors], found.gain[among] = small.change, small.gain
    found.cost[np.ix_(np.arange(frames + 1), seen, seen)] = small.cost
    found.slope[:, seen] = small.slope
    found.spread[np.ix_(np.arange(frames), motors, motors)] = small.spread
    return found


def _regressed(
    answers: Answers, t: int, seen: np.ndarray, motors: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A, B and b of then = A off + B change + b, where neighbouring frames share A and B."""
    causes, effects = [], []
    for near in range(max(t - _SHARED, 0), min(t + _SHARED + 1, len(answers.off))):
        cause = np.concatenate((answers.off[near][:, seen], answers.change[near][:, motors]), 1)
        effect = answers.then[near][:, seen]
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
    return W[:, : len(seen)], W[:, len(seen) :], own[1] - W @ own[0]


def _riccati(
    system: list[tuple[np.ndarray, np.ndarray, np.ndarray]], costs: np.ndarray, effort: float
) -> Feedback:
    """From the end back: x_next = A x + B u + b, at costs x'Qx + effort u'u."""
    P, p, rows = np.diag(costs) * _FINAL, np.zeros(len(costs)), []
    for A, B, b in reversed(system):
        inverse = np.linalg.inv(B.T @ P @ B + effort * np.eye(B.shape[1]))
        change, gain = -inverse @ B.T @ (P @ b + p), -inverse @ B.T @ P @ A
        rows.append((change, gain, P, p, np.linalg.cholesky((inverse + inverse.T) / 2)))
        p = A.T @ (P @ (b + B @ change) + p)
        P = A.T @ P @ (A + B @ gain) + np.diag(costs)
        P = (P + P.T) / 2
    change, gain, cost, slope, spread = (np.stack(part[::-1]) for part in zip(*rows, strict=True))
    return Feedback(change, gain, np.concatenate((P[None], cost)), np.vstack((p, slope)), spread)


def _kinds() -> list[str]:
    """Of each degree of freedom: which joint's, without its side."""
    return ["root"] * 6 + [n.split("_")[-1] for n in list(segments())[1:] for _ in range(3)]


def _numbers(joints: tuple[str, ...]) -> Int[np.ndarray, " dofs"]:
    return np.flatnonzero(np.isin(_kinds(), joints))


def _costs() -> Float[np.ndarray, " states"]:
    """Of being off, squared: of places and turns, then of their speeds."""
    kinds = ["place"] * 3 + ["turn"] * 3
    kinds += ["toes" if kind == "foot" else "joint" for kind in _kinds()[6:]]
    return np.array([_COST[kind] for kind in kinds] + [_SPEED_COST[kind] for kind in kinds])
