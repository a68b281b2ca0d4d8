"""Worlds that differ from the one a motion was learnt in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from jaxtyping import Float

from vimoflow.conventions import MODEL_FPS
from vimoflow.options import Option
from vimoflow.physics.bodies import Bodies
from vimoflow.physics.humanoid import Humanoid
from vimoflow.physics.simulator import mujoco

PUSH_S = 0.1  # how long a push lasts


@dataclass(frozen=True)
class World:
    """How a world differs.

    Attributes:
        friction, mass: by what factor.
        strength: of motors, and their stiffness, by what factor.
        payload: carried at the chest, kg.
        slope: of the floor, degrees upwards along the simulator's x and y.
        delay: before targets count, steps of 1/240 s.
        push: at the pelvis, N s by kg of the body, along x and y.
        push_at: when, as a share of the motion.
        noise: of what is seen of the body's state, by that of starts (``Noise``).
    """

    friction: Annotated[float, Option(metavar="X", low=0.01, high=10)] = 1.0
    mass: Annotated[float, Option(metavar="X", low=0.1, high=10)] = 1.0
    strength: Annotated[float, Option(metavar="X", low=0.01, high=10)] = 1.0
    payload: Annotated[float, Option(metavar="KG", low=0, high=200)] = 0.0
    slope: Annotated[tuple[float, float], Option(metavar="X,Y", low=-30, high=30)] = (0.0, 0.0)
    delay: Annotated[int, Option(metavar="STEPS", low=0, high=8)] = 0
    push: Annotated[tuple[float, float], Option(metavar="X,Y", low=-5, high=5)] = (0.0, 0.0)
    push_at: Annotated[float, Option(metavar="SHARE", low=0, high=1)] = 0.5
    noise: Annotated[float, Option(metavar="X", low=0, high=20)] = 0.0

    def push_on(self, frame: int, frames: int, weight_n: float, nv: int) -> np.ndarray | None:
        """Forces at the root in one of so many frames, newtons; None where there is none."""
        first = round(self.push_at * frames)
        lasts = round(PUSH_S * MODEL_FPS)
        if not any(self.push) or not first <= frame < first + lasts:
            return None
        forces = np.zeros(nv)
        forces[:2] = np.array(self.push) * weight_n / 9.81 / PUSH_S
        return forces


def _either(low: float, high: float) -> Callable[[np.random.Generator], float]:
    return lambda rng: float(rng.uniform(low, high) * rng.choice((-1, 1)))


def _around(rng: np.random.Generator, length: float) -> tuple[float, float]:
    turn = rng.uniform(0, 2 * np.pi)
    return length * float(np.cos(turn)), length * float(np.sin(turn))


KINDS: dict[str, Callable[[np.random.Generator], World]] = {
    "friction": lambda rng: World(friction=float(rng.uniform(0.3, 0.6))),
    "mass": lambda rng: World(mass=float(1 + _either(0.1, 0.3)(rng))),
    "payload": lambda rng: World(payload=float(rng.uniform(4, 12))),
    "strength": lambda rng: World(strength=float(rng.uniform(0.5, 0.8))),
    "slope": lambda rng: World(slope=_around(rng, float(rng.uniform(2, 5)))),
    "delay": lambda rng: World(delay=int(rng.integers(4, 9))),
    "push": lambda rng: World(
        push=_around(rng, float(rng.uniform(0.2, 0.5))), push_at=float(rng.uniform(0.2, 0.6))
    ),
    "noise": lambda rng: World(noise=float(rng.uniform(0.5, 1.5))),
}
"""Kinds of change, each with the range it is drawn from."""


def drawn_world(kind: str, rng: np.random.Generator) -> World:
    """A world of one kind of change, or with all but the push in it, each half as strong."""
    if kind != "mixed":
        return KINDS[kind](rng)
    parts = [KINDS[name](rng) for name in ("friction", "mass", "strength", "slope")]
    return World(
        friction=(1 + parts[0].friction) / 2, mass=(1 + parts[1].mass) / 2,
        strength=(1 + parts[2].strength) / 2,
        slope=(parts[3].slope[0] / 2, parts[3].slope[1] / 2), delay=int(rng.integers(0, 5)),
    )  # fmt: skip


TOLD = {"slope_x": 5.0, "slope_y": 5.0, "mass": 0.3, "payload": 12.0, "strength": 0.5}
"""What a policy can be told of a world, and how much of it counts as 1."""


def told_of(world: World) -> Float[np.ndarray, " told"]:
    """What there is to tell of a world: nothing, zeros, of the usual one."""
    known = (*world.slope, world.mass - 1, world.payload, world.strength - 1)
    return np.array(known) / list(TOLD.values())


def varied_world(rng: np.random.Generator) -> World:
    """One in which everything that can be told is changed at once."""
    drawn = rng.uniform(-1, 1, len(TOLD)) * list(TOLD.values())
    slope_x, slope_y, mass, payload, strength = map(float, drawn)
    return World(
        mass=1 + mass, strength=1 + min(strength, 0.0), payload=max(payload, 0.0),
        slope=(slope_x, slope_y),
    )  # fmt: skip


def bodies_in(humanoid: Humanoid, world: World) -> Bodies:
    """A person's body in a world."""
    return Bodies([model_in(humanoid, world)], world.delay)


def model_in(humanoid: Humanoid, world: World) -> Any:
    """A person's body in a world, compiled; its delay, push and noise are no part of that."""
    engine = mujoco()
    model = engine.MjModel.from_xml_string(humanoid.xml)
    model.geom_friction[:, 0] *= world.friction
    model.body_mass[:] *= world.mass
    model.body_inertia[:] *= world.mass
    chest = engine.mj_name2id(model, engine.mjtObj.mjOBJ_BODY, "spine3")
    model.body_mass[chest] += world.payload
    for part in (model.actuator_gainprm[:, 0], model.actuator_biasprm[:, 1:3]):
        part *= world.strength
    model.actuator_forcerange[:] *= world.strength
    # A slope is a floor whose down is elsewhere.
    up = np.array([*np.tan(np.radians(world.slope)), 1.0])
    model.opt.gravity[:] = -9.81 * up / np.linalg.norm(up)
    engine.mj_setConst(model, engine.MjData(model))
    return model


@dataclass(frozen=True)
class Noise:
    """Standard deviations of what disturbs a body's state.

    Attributes:
        joint, joint_speed: of each component of a joint's turn, rad and rad/s.
        tilt, spin: of the root's turn, rad and rad/s.
        speed: of the root, m/s.
    """

    joint: float = 0.02
    joint_speed: float = 0.2
    tilt: float = 0.02
    spin: float = 0.1
    speed: float = 0.05


def disturbed(
    bodies: Bodies, qpos: np.ndarray, qvel: np.ndarray, noise: Noise, rng: np.random.Generator
) -> tuple[Float[np.ndarray, "bodies nq"], Float[np.ndarray, "bodies nv"]]:
    """States beside the given ones."""
    count, free = len(qpos), bodies.nv - 6
    turns = np.repeat((0.0, noise.tilt, noise.joint), (3, 3, free))
    speeds = np.repeat((noise.speed, noise.spin, noise.joint_speed), (3, 3, free))
    by = turns * rng.standard_normal((count, bodies.nv))
    moved = [bodies.moved(q, step[None])[0] for q, step in zip(qpos, by, strict=True)]
    return np.stack(moved), qvel + speeds * rng.standard_normal((count, bodies.nv))
