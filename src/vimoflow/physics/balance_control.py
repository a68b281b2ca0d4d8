"""A body that follows a reference in simulation: inverse dynamics against the ground.

At every step each joint and the root are to accelerate as the reference does, corrected by what
they are off. Soles that the reference rests on stay where they are: the legs' accelerations give
way. The ground's forces that explain most of what the root then needs (``ground_forces``) make
the joints' torques, within their strength; what the ground cannot give, an assist gives at the
pelvis. On a motion that obeys physics nothing is left for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

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
_TOUCHES_M = 0.006
_RESTS = (0.015, 0.8, 0.4)  # m, m/s along the floor and up: a point of the reference so far rests
_GLIDES = 0.02  # of 1: a foot that glides carries, too
_ENTRY = 0.01  # what a force costs at a point that rests
_HOLD = 20.0  # 1/s: how fast a sole that should rest comes to rest
_GIVE_WAY = 0.03  # of a leg's joints: keeps nearly straight knees calm
_GIVING = ("hip", "knee", "ankle")


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
        self.rest = _rest(surface_places(humanoid, reference))
        self.strength = model.actuator_forcerange[:, 1]
        names = np.repeat([n.partition("_")[2] or n for n in segments()], 3)
        names = np.concatenate((names[:3], names))  # the root has six
        toes = names == "foot"
        self.stiffness = np.where(toes, _TOES[0], _STIFFNESS)
        self.damping = np.where(toes, _TOES[1], _DAMPING)
        self.stiffness[:3], self.damping[:3] = _PLACE
        self.legs = np.flatnonzero(np.isin(names, _GIVING))

    def effort(self, step: int, qpos: np.ndarray, qvel: np.ndarray) -> Effort:
        """What to do at a step of the reference, in any state."""
        engine, model, data, reference = mujoco(), self.model, self.data, self.reference
        off = np.zeros(model.nv)
        engine.mj_differentiatePos(model, off, 1.0, qpos, reference.qpos[step])
        data.qpos[:], data.qvel[:] = qpos, qvel
        data.qacc[:] = reference.qacc[step] + self.stiffness * off
        data.qacc[:] += self.damping * (reference.qvel[step] - qvel)
        engine.mj_inverse(model, data)
        touch = surface_at(data, self.surface, self.humanoid.scene)
        rest = self.rest[step]
        near = np.flatnonzero(touch.gaps < _TOUCHES_M)
        J, drift = self._jacobians(touch.points, near)
        if len(near):
            self._give_way(J, drift + _HOLD * touch.velocities[near], rest[near])
            engine.mj_inverse(model, data)
        cost = _ENTRY / np.maximum(rest[near], _GLIDES)
        needed = data.qfrc_inverse.copy()
        return self._effort(needed, touch.points[near], touch.normals[near], J, cost)

    def _jacobians(self, points: np.ndarray, near: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """How points move with the joints (points, 3, nv), and accelerate when no joint does."""
        engine, model, data = mujoco(), self.model, self.data
        J, slope = np.zeros((len(near), 3, model.nv)), np.zeros((3, model.nv))
        drift = np.zeros((len(near), 3))
        for row, at in enumerate(near):
            body = int(self.surface.bodies[at])
            engine.mj_jac(model, data, J[row], None, points[at], body)
            engine.mj_jacDot(model, data, slope, None, points[at], body)
            drift[row] = slope @ data.qvel
        return J, drift

    def _give_way(self, J: np.ndarray, drift: np.ndarray, rest: np.ndarray) -> None:
        """Change the legs' accelerations so that resting points rest."""
        A = J[..., self.legs].reshape(-1, len(self.legs))
        wanted = -(J @ self.data.qacc + drift).ravel()
        weight = np.repeat(rest, 3)
        normal = (A.T * weight) @ A + _GIVE_WAY * np.eye(len(self.legs))
        self.data.qacc[self.legs] += np.linalg.solve(normal, A.T @ (weight * wanted))

    def _effort(
        self,
        applied: np.ndarray,
        points: np.ndarray,
        normals: np.ndarray,
        J: np.ndarray,
        cost: np.ndarray,
    ) -> Effort:
        weight, R = self.humanoid.weight_n, self.data.xmat[1].reshape(3, 3)
        needed = np.concatenate((applied[:3], R @ applied[3:6]))
        forces = best_forces(needed, points - self.data.xpos[1], cost, weight, normals)
        applied = applied - np.einsum("pi,pij->j", forces, J)
        applied[6:] = np.clip(applied[6:], -self.strength, self.strength)
        force, moment = np.linalg.norm(applied[:3]), np.linalg.norm(applied[3:6])
        return Effort(
            applied, float(force + moment / self.humanoid.skeleton.stature) / weight
        )  # fmt: skip


def follow(balance: Balance) -> Iterator[tuple[np.ndarray, float]]:
    """Positions and assist at every step of a run through the reference, until it diverges."""
    engine, humanoid, reference = mujoco(), balance.humanoid, balance.reference
    model = engine.MjModel.from_xml_string(humanoid.xml)
    model.opt.disableflags |= int(engine.mjtDisableBit.mjDSBL_ACTUATION)
    data: Any = engine.MjData(model)
    data.qpos[:], data.qvel[:] = reference.qpos[0], reference.qvel[0]
    for step in range(len(reference.times)):
        effort = balance.effort(step, data.qpos, data.qvel)
        yield data.qpos.copy(), effort.assist
        data.qfrc_applied[:] = effort.applied
        engine.mj_step(model, data)
        if data.warning.number.any():
            return


def _rest(touch: Touch) -> Float[np.ndarray, "steps points"]:
    """How far the points of the reference rest on what they touch, 0 to 1."""
    close, along, up = _RESTS
    leaves = (touch.velocities * touch.normals).sum(-1)
    speed = np.linalg.norm(touch.velocities - leaves[..., None] * touch.normals, axis=-1)
    off = (np.maximum(touch.gaps, 0) / close) ** 2 + (speed / along) ** 2
    rest: np.ndarray = np.exp(-off - (leaves / up) ** 2)
    return rest
