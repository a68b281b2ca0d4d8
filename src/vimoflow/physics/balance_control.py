"""A body that follows a reference in simulation: inverse dynamics against the ground.

At every step each joint and the root are to accelerate as the reference does, corrected by what
they are off. Soles that the reference rests on stay where they are, others go where its soles go:
the legs' accelerations give way. The ground's forces that explain most of what the root then needs
(``ground_forces``) make the joints' torques, within their strength. What the ground cannot give, a
change of the root's, trunk's and arms' accelerations takes a part of, and an assist at the pelvis
gives the rest. On a motion that obeys physics nothing is left for it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from vimoflow.physics.anthropometry import segments
from vimoflow.physics.ground_forces import (
    Touch,
    best_forces,
    surface_at,
    surface_of,
    surface_places,
)
from vimoflow.physics.humanoid import Humanoid
from vimoflow.physics.simulator import mujoco
from vimoflow.physics.states import States

_STIFFNESS, _DAMPING = 200.0, 28.0  # 1/s^2, 1/s: nearly critical, at home in 0.1 s
_PLACE = (50.0, 14.0)  # of the root's place: what is off by 1 cm must not ask for half a foot
_TOES = (1000.0, 60.0)  # light, and bent under by whatever they brush
SOLES = (400.0, 40.0)  # of soles that swing
_TOUCHES_M = 0.006
_RESTS = (0.015, 0.8, 0.4)  # m, m/s along the floor and up: a point of the reference so far rests
_GLIDES = (0.1, 0.3)  # m/s along the floor: a part that is slower rests, a faster one glides
_ENTRY = 0.01  # what a force costs at a point that rests
_ABOVE_M = 0.005  # a point so high costs 1 more: no force acts there yet
_HOLD, _HELD = 20.0, 10.0  # 1/s: how fast a sole comes to rest; how much more that counts
_GIVE_WAY = 0.03  # of a leg's joints: keeps nearly straight knees calm
_GIVING = ("hip", "knee", "ankle")
_YIELDS = (7.0, 14.0, 20.0)  # m/s^2, rad/s^2 of root and upper joints: cost an assist of the weight


@dataclass(frozen=True)
class Manner:
    """How a reference is followed; which one is best, only trying tells.

    Attributes:
        yields: how far root, trunk and arms give way before an assist helps.
        glides: of 1: how readily a foot that glides carries, too.
        sharp: the higher, the stiller a foot must be to be held where it is.
        friction: of 1: of parts that glide or swing in the reference; all others have 1.
    """

    yields: float = 1.0
    glides: float = 0.02
    sharp: float = 1.0
    friction: float = 1.0


@dataclass(frozen=True)
class Effort:
    """What moves the body in one step.

    Attributes:
        applied: generalised forces: the assist, then the joints' torques, N and N m.
        assist: force by body weight and moment by body weight times stature, added.
    """

    applied: Float[np.ndarray, " nv"]
    assist: float


class Balance:
    """Says at every step what a body should do to follow a reference.

    Args:
        humanoid: the body.
        reference: its states, one a step of the simulation.
    """

    def __init__(self, humanoid: Humanoid, reference: States) -> None:
        engine = mujoco()
        self.humanoid, self.reference = humanoid, reference
        self.model = model = engine.MjModel.from_xml_string(humanoid.xml)
        model.opt.disableflags |= int(engine.mjtDisableBit.mjDSBL_CONSTRAINT)
        self.data, self.surface = engine.MjData(model), surface_of(model)
        self.places = surface_places(humanoid, reference)
        self.rest, self.glides = _rest(self.places), _glides(self.places, self.surface.bodies)
        self.accelerations = np.gradient(self.places.velocities, reference.times, axis=0)
        self.strength = model.actuator_forcerange[:, 1]
        parts = np.array([n.partition("_")[2] or n for n in segments()])
        self.soles = parts[self.surface.bodies - 1] == "ankle"
        names = np.concatenate((np.repeat(parts[:1], 3), np.repeat(parts, 3)))  # the root has six
        toes = names == "foot"
        self.stiffness = np.where(toes, _TOES[0], _STIFFNESS)
        self.damping = np.where(toes, _TOES[1], _DAMPING)
        self.stiffness[:3], self.damping[:3] = _PLACE
        self.legs = np.flatnonzero(np.isin(names, _GIVING))
        self.yields = np.repeat(_YIELDS, (3, 3, model.nv - 6)) * ~np.isin(names, (*_GIVING, "foot"))

    def effort(
        self, step: int, qpos: np.ndarray, qvel: np.ndarray, manner: Manner | None = None
    ) -> Effort:
        """What to do at a step of the reference, in any state."""
        engine, model, data, reference = mujoco(), self.model, self.data, self.reference
        manner, off = manner or Manner(), np.zeros(model.nv)
        engine.mj_differentiatePos(model, off, 1.0, qpos, reference.qpos[step])
        data.qpos[:], data.qvel[:] = qpos, qvel
        data.qacc[:] = reference.qacc[step] + self.stiffness * off
        data.qacc[:] += self.damping * (reference.qvel[step] - qvel)
        engine.mj_inverse(model, data)
        touch = surface_at(data, self.surface, self.humanoid.scene)
        near = touch.gaps < _TOUCHES_M
        asked = np.flatnonzero(near | self.soles)
        J, drift = self._jacobians(touch.points, asked)
        grip = self.grip(step, manner)[self.surface.bodies]
        rest = (np.where(near, self.rest[step] ** manner.sharp, 0) * grip)[asked]
        follows = self._give_way(J, self._wanted(step, touch, asked, rest) - drift, rest, asked)
        engine.mj_inverse(model, data)
        near = near[asked]
        at, J = asked[near], J[near]
        cost = _ENTRY / np.maximum(self.rest[step][at], manner.glides)
        cost += (np.maximum(touch.gaps[at], 0) / _ABOVE_M) ** 2
        arms = touch.points[at] - data.xpos[1]
        yielding = self._yielding(follows, manner.yields)
        return self._effort(arms, touch.normals[at], J, cost, yielding, grip[at])

    def grip(self, step: int, manner: Manner) -> Float[np.ndarray, " bodies"]:
        """How much of the usual friction each body of the model has at a step."""
        grip: np.ndarray = 1 - (1 - manner.friction) * self.glides[step]
        return grip

    def off(self, step: int) -> float:
        """How far the surface of the body last asked about is from the reference's, metres."""
        points = surface_at(self.data, self.surface, self.humanoid.scene).points
        off: np.ndarray = points - self.places.points[step]
        return float(np.linalg.norm(off, axis=-1).mean())

    def _jacobians(self, points: np.ndarray, asked: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """How points move with the joints (points, 3, nv), and accelerate when no joint does."""
        engine, model, data = mujoco(), self.model, self.data
        J, slope = np.zeros((len(asked), 3, model.nv)), np.zeros((3, model.nv))
        drift = np.zeros((len(asked), 3))
        for row, at in enumerate(asked):
            body = int(self.surface.bodies[at])
            engine.mj_jac(model, data, J[row], None, points[at], body)
            engine.mj_jacDot(model, data, slope, None, points[at], body)
            drift[row] = slope @ data.qvel
        return J, drift

    def _wanted(
        self, step: int, touch: Touch, asked: np.ndarray, rest: np.ndarray
    ) -> Float[np.ndarray, "points 3"]:
        """Accelerations of points that rest or swing."""
        points, velocities = touch.points[asked], touch.velocities[asked]
        places, (stiffness, damping) = self.places, SOLES
        swing = self.accelerations[step, asked] + damping * (
            places.velocities[step, asked] - velocities
        )
        swing += stiffness * (places.points[step, asked] - points)
        return rest[:, None] * -_HOLD * velocities + (1 - rest[:, None]) * swing

    def _give_way(
        self, J: np.ndarray, wanted: np.ndarray, rest: np.ndarray, asked: np.ndarray
    ) -> Float[np.ndarray, "legs nv"]:
        """Change the legs' accelerations for soles; how they follow other accelerations."""
        flat = J.reshape(-1, J.shape[-1])
        A = flat[:, self.legs]
        weight = np.repeat(_HELD * rest + (1 - rest) * self.soles[asked], 3)
        normal = (A.T * weight) @ A + _GIVE_WAY * np.eye(len(self.legs))
        gain = np.linalg.solve(normal, A.T * weight)
        self.data.qacc[self.legs] += gain @ (wanted.ravel() - flat @ self.data.qacc)
        return -gain @ flat

    def _yielding(self, follows: np.ndarray, share: float) -> Float[np.ndarray, "nv free"]:
        """Forces that accelerate root, trunk and arms, legs following: each costs 1."""
        nv, free = self.model.nv, np.flatnonzero(self.yields)
        change, inertia = np.zeros((nv, len(free))), np.zeros((nv, nv))
        change[free, np.arange(len(free))] = share * self.yields[free]
        change[self.legs] = follows @ change
        mujoco().mj_fullM(self.model, inertia, self.data.qM)
        forces: np.ndarray = inertia @ change
        return forces

    def _effort(
        self,
        arms: np.ndarray,
        normals: np.ndarray,
        J: np.ndarray,
        cost: np.ndarray,
        yielding: np.ndarray,
        grip: np.ndarray,
    ) -> Effort:
        weight, R = self.humanoid.weight_n, self.data.xmat[1].reshape(3, 3)
        applied = self.data.qfrc_inverse.copy()
        needed = np.concatenate((applied[:3], R @ applied[3:6]))
        by = np.concatenate((yielding[:3], R @ yielding[3:6])) / weight
        metric = np.eye(6) + by @ by.T  # what is left costs less where yielding can take it
        metric_root = np.linalg.inv(np.linalg.cholesky(metric))
        forces = best_forces(needed, arms, cost, weight, normals, metric_root, grip)
        given = np.concatenate((forces.sum(0), np.cross(arms, forces).sum(0)))
        applied -= np.einsum("pi,pij->j", forces, J)
        applied -= yielding @ (by.T @ np.linalg.solve(metric, needed - given)) / weight
        applied[6:] = np.clip(applied[6:], -self.strength, self.strength)
        force, moment = np.linalg.norm(applied[:3]), np.linalg.norm(applied[3:6])
        return Effort(
            applied, float(force + moment / self.humanoid.skeleton.stature) / weight
        )  # fmt: skip


def _rest(touch: Touch) -> Float[np.ndarray, "steps points"]:
    """How far the points of the reference rest on what they touch, 0 to 1."""
    close, along, up = _RESTS
    leaves, speed = _speeds(touch)
    off = (np.maximum(touch.gaps, 0) / close) ** 2 + (speed / along) ** 2
    rest: np.ndarray = np.exp(-off - (leaves / up) ** 2)
    return rest


def _glides(touch: Touch, bodies: Int[np.ndarray, " points"]) -> Float[np.ndarray, "steps bodies"]:
    """How far each body of the reference glides or swings, 0 to 1; a foot is one part."""
    low = np.exp(-((np.maximum(touch.gaps, 0) / _RESTS[0]) ** 2)) + 1e-9
    parts = np.array([name.replace("foot", "ankle") for name in ("world", *segments())])
    found, (slow, fast) = np.zeros((len(low), len(parts))), _GLIDES
    _, speed = _speeds(touch)
    for part in np.unique(parts[bodies]):
        on = parts[bodies] == part
        mean = (low * speed)[:, on].sum(1) / low[:, on].sum(1)
        found[:, parts == part] = np.clip((mean - slow) / (fast - slow), 0, 1)[:, None]
    return found


def _speeds(touch: Touch) -> tuple[np.ndarray, np.ndarray]:
    """How fast points leave what is near, and move along it, m/s."""
    leaves = (touch.velocities * touch.normals).sum(-1)
    return leaves, np.linalg.norm(touch.velocities - leaves[..., None] * touch.normals, axis=-1)
