"""What moves the body from outside: the wrench it needs, and how much the ground can give of it.

Six numbers at the root are left when the joints have done their part (inverse dynamics). The ground
acts on points of the body's surface, within the cone of friction. The forces are those that explain
most of the wrench, by non-negative least squares a frame, where a force costs the more the further
its point is from the floor and the faster it slides: what only a force through the air explains is
residual.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from scipy.optimize import lsq_linear, nnls

from vimoflow.physics.humanoid import Humanoid
from vimoflow.physics.scene import Scene
from vimoflow.physics.simulator import mujoco
from vimoflow.physics.states import States

FRICTION = 0.9
CLOSE_M, SLOW_M_S = 0.03, 1.0  # where a force begins to cost as much as what it explains
_NEAR_M = 0.12  # points above are not asked
_ENTRY = 0.02  # what a force costs on a point that rests on the floor
_EDGES = np.array([[FRICTION, 0, 1], [-FRICTION, 0, 1], [0, FRICTION, 1], [0, -FRICTION, 1]])


@dataclass(frozen=True)
class Dynamics:
    """What a motion asks of body and ground, per frame.

    Attributes:
        needed: force and moment about the root that all outside but gravity must give, newtons and
            newton metres, the simulator's world.
        residual: what of it the ground cannot give.
        torques: at the joints, the ground's forces taken into account, N m.
        points, velocities: of the surface, metres and m/s; points never near the floor left out.
        gaps: from the points to the nearest thing, metres; negative inside of it.
        normals: away from it, unit vectors.
        forces: of the ground on the points, newtons.
        inertia: of the body as it is, about the root.
        centres: of mass, from the root, metres.
    """

    needed: Float[np.ndarray, "frames 6"]
    residual: Float[np.ndarray, "frames 6"]
    torques: Float[np.ndarray, "frames actuated"]
    points: Float[np.ndarray, "frames points 3"]
    velocities: Float[np.ndarray, "frames points 3"]
    gaps: Float[np.ndarray, "frames points"]
    normals: Float[np.ndarray, "frames points 3"]
    forces: Float[np.ndarray, "frames points 3"]
    inertia: Float[np.ndarray, "frames 6 6"]
    centres: Float[np.ndarray, "frames 3"]


@dataclass(frozen=True)
class Surface:
    """Where the body may touch: corners of the soles, and round ends.

    Attributes:
        bodies: whose point it is, by its number in the model.
        local: the corner or the centre of the round end, in that body's frame, metres.
        radii: 0 at corners.
    """

    bodies: Int[np.ndarray, " points"]
    local: Float[np.ndarray, "points 3"]
    radii: Float[np.ndarray, " points"]


@dataclass(frozen=True)
class Touch:
    """The surface's points where they come nearest to the floor or a thing.

    Attributes:
        points, velocities: metres and m/s, the world.
        gaps: to the nearest thing, metres; negative inside of it.
        normals: away from it, unit vectors.
    """

    points: Float[np.ndarray, "*batch points 3"]
    velocities: Float[np.ndarray, "*batch points 3"]
    gaps: Float[np.ndarray, "*batch points"]
    normals: Float[np.ndarray, "*batch points 3"]


def inverse_dynamics(humanoid: Humanoid, states: States) -> Dynamics:
    """The torques and outer forces that a motion needs."""
    engine, model = mujoco(), humanoid.model
    data, surface = engine.MjData(model), surface_of(model)
    rows = [_frame(engine, humanoid, data, surface, states, t) for t in range(len(states.times))]
    return Dynamics(*(np.stack(column) for column in zip(*rows, strict=True)))


def _frame(
    engine: Any, humanoid: Humanoid, data: Any, surface: Surface, states: States, t: int
) -> tuple[np.ndarray, ...]:
    model = humanoid.model
    data.qpos[:], data.qvel[:], data.qacc[:] = states.qpos[t], states.qvel[t], states.qacc[t]
    off = model.opt.disableflags
    model.opt.disableflags = off | int(engine.mjtDisableBit.mjDSBL_CONSTRAINT)
    engine.mj_inverse(model, data)
    model.opt.disableflags = off
    effort, root = data.qfrc_inverse, data.xpos[1]
    needed = np.concatenate((effort[:3], data.xmat[1].reshape(3, 3) @ effort[3:6]))
    touch = surface_at(data, surface, humanoid.scene)
    points, speeds = touch.points, np.linalg.norm(touch.velocities, axis=1)
    cost = _ENTRY + (np.maximum(touch.gaps, 0) / CLOSE_M) ** 4 + (speeds / SLOW_M_S) ** 4
    forces, near = np.zeros_like(points), touch.gaps < _NEAR_M
    forces[near] = best_forces(
        needed, (points - root)[near], cost[near], humanoid.weight_n, touch.normals[near]
    )
    pushed = np.zeros(model.nv)
    for at in np.flatnonzero(forces.any(1)):
        body = int(surface.bodies[at])
        engine.mj_applyFT(model, data, forces[at], np.zeros(3), points[at], body, pushed)
    moment = np.cross(points - root, forces).sum(0)
    residual = needed - np.concatenate((forces.sum(0), moment))
    effort = effort - pushed - model.dof_armature * data.qacc  # armature is no part of a body
    inertia, centre = _rigid(engine, model, data), data.subtree_com[1] - root
    return (
        needed, residual, effort[6:], points, touch.velocities, touch.gaps, touch.normals, forces,
        inertia, centre,
    )  # fmt: skip


def _rigid(engine: Any, model: Any, data: Any) -> np.ndarray:
    """The inertia of all parts as one, about the root, in the world's axes."""
    whole = np.zeros((model.nv, model.nv))
    engine.mj_fullM(model, whole, data.qM)
    turned = np.eye(6)
    turned[3:, 3:] = data.xmat[1].reshape(3, 3)
    rigid: np.ndarray = turned @ whole[:6, :6] @ turned.T
    return rigid


def surface_at(data: Any, surface: Surface, scene: Scene) -> Touch:
    """The points of a body in one state."""
    R = data.xmat[surface.bodies].reshape(-1, 3, 3)
    points = data.xpos[surface.bodies] + np.einsum("pij,pj->pi", R, surface.local)
    gaps, normals = scene.gaps(points, surface.radii)
    points = points - surface.radii[:, None] * normals
    turn, drift = data.cvel[surface.bodies, :3], data.cvel[surface.bodies, 3:]
    return Touch(points, drift + np.cross(turn, points - data.subtree_com[1]), gaps, normals)


def best_forces(
    needed: Float[np.ndarray, "6"],
    arms: Float[np.ndarray, "points 3"],
    cost: Float[np.ndarray, " points"],
    weight_n: float,
    normals: Float[np.ndarray, "points 3"],
    metric: Float[np.ndarray, "6 6"] | None = None,
    grip: Float[np.ndarray, " points"] | float = 1.0,
) -> Float[np.ndarray, "points 3"]:
    """Forces of the ground, newtons: shares of the edges of each point's cone of friction.

    Args:
        needed: force and moment to be explained, N and N m.
        arms: from where the moment is taken to the points, metres.
        cost: of a force of body weight at each point; 1 costs what such a force explains.
        weight_n: of the body.
        normals: of what the points touch.
        metric: what is left is measured after this map; 1 unless given.
        grip: how much of the usual friction each point has.
    """
    if not len(arms):
        return np.zeros_like(arms)
    edges = _cones(normals, np.broadcast_to(grip, len(arms))).reshape(-1, 3)
    moments = np.cross(np.repeat(arms, len(_EDGES), axis=0), edges)
    explains, metric = np.concatenate((edges.T, moments.T)), np.eye(6) if metric is None else metric
    A = np.concatenate((metric @ explains, np.diag(np.repeat(cost, len(_EDGES)))))
    b = np.concatenate((metric @ needed / weight_n, np.zeros(len(edges))))
    try:
        shares = nnls(A, b, maxiter=30 * len(edges))[0]
    except RuntimeError:  # it went in circles
        shares = lsq_linear(A, b, bounds=(0, np.inf)).x
    forces: np.ndarray = weight_n * (shares[:, None] * edges).reshape(len(arms), -1, 3).sum(1)
    return forces


def _cones(
    normals: Float[np.ndarray, "points 3"], grip: Float[np.ndarray, " points"]
) -> Float[np.ndarray, "points edges 3"]:
    """Edges of the cones of friction about the normals."""
    x = np.cross([0.0, 1, 0], normals)
    flat = np.linalg.norm(x, axis=1) < 1e-6  # the thing's side faces along y
    x[flat] = (1.0, 0, 0)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    along = grip[:, None] * np.stack((x, np.cross(normals, x)))
    cones: np.ndarray = _EDGES @ np.stack((*along, normals), axis=1)
    return cones


def surface_places(humanoid: Humanoid, states: States) -> Touch:
    """The surface's points in every frame, (frames, points)."""
    engine, model, found = mujoco(), humanoid.model, []
    data, surface = engine.MjData(model), surface_of(model)
    for data.qpos[:], data.qvel[:] in zip(states.qpos, states.qvel, strict=True):
        engine.mj_fwdPosition(model, data)
        engine.mj_comVel(model, data)
        found.append(surface_at(data, surface, humanoid.scene))
    columns = [dataclasses.astuple(touch) for touch in found]
    return Touch(*(np.stack(column) for column in zip(*columns, strict=True)))


def centres_of_mass(model: Any, states: States) -> Float[np.ndarray, "frames 3"]:
    """Of the whole body in every frame, metres, the simulator's world."""
    engine, found = mujoco(), np.zeros((len(states.times), 3))
    data = engine.MjData(model)
    for row, data.qpos[:] in zip(found, states.qpos, strict=True):
        engine.mj_kinematics(model, data)
        engine.mj_comPos(model, data)
        row[:] = data.subtree_com[1]
    return found


def surface_of(model: Any) -> Surface:
    """The points of a body's surface that may be its lowest."""
    engine = mujoco()
    found = []
    for geom in np.flatnonzero(model.geom_bodyid):  # what is the world's is no part of the body
        size, at, turn = model.geom_size[geom], model.geom_pos[geom], np.zeros(9)
        engine.mju_quat2Mat(turn, model.geom_quat[geom])
        R, body = turn.reshape(3, 3), int(model.geom_bodyid[geom])
        if model.geom_type[geom] == engine.mjtGeom.mjGEOM_BOX:
            corners = np.array([[x, -1, z] for x in (-1, 1) for z in (-1, 1)]) * size
            found += [(body, spot, 0.0) for spot in at + corners @ R.T]
        else:
            ends = (at - R[:, 2] * size[1], at + R[:, 2] * size[1])
            found += [(body, spot, size[0]) for spot in ends[: 2 if size[1] else 1]]
    bodies, local, radii = zip(*found, strict=True)
    return Surface(np.array(bodies), np.array(local), np.array(radii))
