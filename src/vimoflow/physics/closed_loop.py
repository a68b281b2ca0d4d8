"""A motion performed in closed loop, by whatever controls it, from any states in any world."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, Int

from vimoflow.physics.bodies import Bodies
from vimoflow.physics.ground_forces import surface_at, surface_of
from vimoflow.physics.scene import Scene
from vimoflow.physics.simulator import mujoco
from vimoflow.physics.worlds import TOLD, Noise, World, disturbed

FELL_M = 0.3  # of the root from where it should be
MOST_CHANGE = 0.8  # radians that feedback changes a target by

Control = Callable[
    [int, Float[np.ndarray, "bodies nq"], Float[np.ndarray, "bodies nv"]],
    Float[np.ndarray, "bodies nu"],
]
"""The motors' targets, from the frame's number and the bodies' states."""


@runtime_checkable
class InformedControl(Protocol):
    """A control that can be told what is known of each body's world (``worlds.told_of``)."""

    def __call__(
        self,
        t: int,
        qpos: Float[np.ndarray, "bodies nq"],
        qvel: Float[np.ndarray, "bodies nv"],
        told: Float[np.ndarray, "bodies told"] | None = None,
    ) -> Float[np.ndarray, "bodies nu"]: ...


@dataclass(frozen=True)
class Demonstration:
    """A motion as it is performed without help.

    Attributes:
        qpos, qvel: states at 30 a second, the last frame's end too.
        targets: of the motors.
        gain: what to add to them for how far a body is off (``Bodies.difference``) and for what is
            known of its world.
    """

    qpos: Float[np.ndarray, "frames_and_end nq"]
    qvel: Float[np.ndarray, "frames_and_end nv"]
    targets: Float[np.ndarray, "frames nu"]
    gain: Float[np.ndarray, "frames nu states_and_told"]

    def __len__(self) -> int:
        return len(self.targets)

    def change(self, t: int, off: Float[np.ndarray, "bodies states_and_told"]) -> np.ndarray:
        """What feedback adds to a frame's targets; nothing for bodies that have diverged."""
        return np.clip(np.nan_to_num(off) @ self.gain[t].T, -MOST_CHANGE, MOST_CHANGE)


@dataclass(frozen=True)
class Performance:
    """What bodies did.

    Attributes:
        qpos, qvel: their states, the start first; after a fall they mean nothing.
        frames: how many each came through.
        reached_end: who came to the end: never 0.3 m off the motion's root, and never diverged.
    """

    qpos: Float[np.ndarray, "frames_and_end bodies nq"]
    qvel: Float[np.ndarray, "frames_and_end bodies nv"]
    frames: Int[np.ndarray, " bodies"]
    reached_end: Bool[np.ndarray, " bodies"]


def perform(
    bodies: Bodies,
    control: Control,
    motion: Demonstration,
    start: tuple[Float[np.ndarray, "bodies nq"], Float[np.ndarray, "bodies nv"]],
    world: World | None = None,
    rng: np.random.Generator | None = None,
    which: Int[np.ndarray, " bodies"] | None = None,
) -> Performance:
    """Let bodies perform a motion until all have fallen or come to its end.

    Args:
        bodies: in the world (``bodies_in``).
        control: what moves them.
        motion: the one they are measured against.
        start: their states.
        world: for its push and noise; the usual one unless given.
        rng: of the noise.
        which: of several worlds each body is in (``Bodies.step``).
    """
    world, rng = world or World(), rng or np.random.default_rng(0)
    sensed = replace(
        Noise(), **{name: world.noise * value for name, value in vars(Noise()).items()}
    )
    weight = float(bodies.model.body_mass.sum()) * 9.81
    states, alive, frames = [start], np.ones(len(start[0]), bool), np.zeros(len(start[0]), int)
    before = np.repeat(motion.targets[:1], len(start[0]), axis=0)
    for t in range(len(motion)):
        seen = disturbed(bodies, *states[-1], sensed, rng) if world.noise else states[-1]
        targets = control(t, *seen)
        push = world.push_on(t, len(motion), weight, bodies.nv)
        pushes = None if push is None else np.repeat(push[None], len(targets), axis=0)
        states.append(bodies.step(*states[-1], targets, pushes, before, which))
        before = targets
        off = np.linalg.norm(states[-1][0][:, :3] - motion.qpos[t + 1, :3], axis=1)
        alive = alive & (off < FELL_M)  # NaN counts as fallen
        frames += alive
        if not alive.any():
            break
    qpos, qvel = (np.stack(part) for part in zip(*states, strict=True))
    return Performance(qpos, qvel, frames, frames == len(motion))


def by_gain(
    bodies: Bodies, motion: Demonstration, told: Float[np.ndarray, "bodies told"] | None = None
) -> Control:
    """The demonstration's own linear feedback; in worlds of which this is known, if anything."""

    def control(t: int, qpos: np.ndarray, qvel: np.ndarray) -> np.ndarray:
        off = bodies.difference(motion.qpos[t], motion.qvel[t], qpos, qvel)
        known = np.zeros((len(off), len(TOLD))) if told is None else told
        return motion.targets[t] + motion.change(t, np.hstack((off, known)))

    return control


def noisy_starts(
    bodies: Bodies, motion: Demonstration, count: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """States beside a motion's first, by ``Noise``, as high as keeps them out of the floor."""
    qpos, qvel = (np.repeat(part[:1], count, 0) for part in (motion.qpos, motion.qvel))
    deepest = min(lowest(bodies, motion.qpos[0]), 0)
    qpos, qvel = disturbed(bodies, qpos, qvel, Noise(), rng)
    for state in qpos:
        state[2] += max(deepest - lowest(bodies, state), 0)
    return qpos, qvel


def lowest(bodies: Bodies, qpos: Float[np.ndarray, " nq"]) -> float:
    """The height of a body's lowest point, metres."""
    engine, data = mujoco(), bodies.data
    data.qpos[:] = qpos
    engine.mj_fwdPosition(bodies.model, data)
    return float(surface_at(data, surface_of(bodies.model), Scene()).gaps.min())
