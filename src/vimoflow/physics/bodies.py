"""Many copies of one body simulated together, a frame of a controller at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from vimoflow.conventions import MODEL_FPS
from vimoflow.physics.humanoid import TIMESTEP_S, Humanoid
from vimoflow.physics.simulator import mujoco

STEPS_A_FRAME = round(1 / (MODEL_FPS * TIMESTEP_S))
_ITERATIONS, _TOLERANCE = 10, 1e-6  # of the contacts' solver: a sixth faster, and as good


class Bodies:
    """Worlds with any number of bodies in them that do not meet.

    Args:
        models: one body, compiled in one world or several. Motors are told of by the first.
        delay: steps of a frame that go by before its targets count.
    """

    def __init__(self, models: Sequence[Any], delay: int = 0) -> None:
        engine, model = mujoco(), models[0]
        self.models, self.model, self.delay = models, model, delay
        self.data = engine.MjData(model)
        for one in models:
            one.opt.iterations, one.opt.tolerance = _ITERATIONS, _TOLERANCE
        self.nq, self.nv, self.nu = model.nq, model.nv, model.nu
        self.stiffness = model.actuator_gainprm[:, 0].copy()
        self.damping = -model.actuator_biasprm[:, 2].copy()
        self._rollout = engine.rollout.Rollout(nthread=1)

    def step(
        self,
        qpos: Float[np.ndarray, "bodies nq"],
        qvel: Float[np.ndarray, "bodies nv"],
        targets: Float[np.ndarray, "bodies nu"],
        pushes: Float[np.ndarray, "bodies nv"] | None = None,
        before: Float[np.ndarray, "bodies nu"] | None = None,
        which: Int[np.ndarray, " bodies"] | None = None,
    ) -> tuple[Float[np.ndarray, "bodies nq"], Float[np.ndarray, "bodies nv"]]:
        """States after a frame in which the motors' targets are held; NaN where it diverged.

        Args:
            qpos, qvel: states.
            targets: of the motors, rotation vectors in radians.
            pushes: generalised forces from outside; none unless given.
            before: the frame before's targets, which count until the delay is over.
            which: of the worlds each is in; the first unless given.
        """
        engine, bodies = mujoco(), len(qpos)
        kind = engine.mjtState.mjSTATE_CTRL
        if pushes is not None:
            kind = kind | engine.mjtState.mjSTATE_QFRC_APPLIED
        held = np.repeat(targets[:, None], STEPS_A_FRAME, axis=1)
        if before is not None:
            held[:, : self.delay] = before[:, None]
        if pushes is not None:
            held = np.concatenate((held, np.repeat(pushes[:, None], STEPS_A_FRAME, 1)), axis=2)
        start = np.concatenate((np.zeros((bodies, 1)), qpos, qvel), axis=1)
        finite = np.isfinite(start).all(1) & np.isfinite(held).all((1, 2))
        start[~finite], held[~finite] = 0, 0
        models = self.model if which is None else [self.models[at] for at in which]
        states, _ = self._rollout.rollout(models, self.data, start, held, control_spec=int(kind))
        after = states[:, -1]
        # What diverges is frozen by the engine where it was: its clock stands.
        late = after[:, 0] < (STEPS_A_FRAME - 0.5) * self.model.opt.timestep
        after[late | ~finite] = np.nan
        return after[:, 1 : 1 + self.nq].copy(), after[:, 1 + self.nq :].copy()

    def difference(
        self, qpos: np.ndarray, qvel: np.ndarray, other_qpos: np.ndarray, other_qvel: np.ndarray
    ) -> Float[np.ndarray, "bodies states"]:
        """The others minus these, in the tangent space: places and turns, then velocities."""
        engine, found = mujoco(), np.zeros((len(other_qpos), 2 * self.nv))
        for row, one, other in zip(
            found, np.broadcast_to(qpos, other_qpos.shape), other_qpos, strict=True
        ):
            engine.mj_differentiatePos(self.model, row[: self.nv], 1.0, one, other)
        found[:, self.nv :] = other_qvel - qvel
        return found

    def moved(
        self, qpos: Float[np.ndarray, " nq"], by: Float[np.ndarray, "bodies nv"]
    ) -> Float[np.ndarray, "bodies nq"]:
        """A position, moved in the tangent space."""
        engine, found = mujoco(), np.repeat(qpos[None], len(by), axis=0)
        for row, step in zip(found, by, strict=True):
            engine.mj_integratePos(self.model, row, step, 1.0)
        return found

    def turns(self, qpos: Float[np.ndarray, "bodies nq"]) -> Float[np.ndarray, "bodies nu"]:
        """The joints' rotation vectors, which the motors' targets are compared with."""
        q = qpos[:, 7:].reshape(len(qpos), -1, 4)
        q = q * np.where(q[..., :1] < 0, -1, 1)
        length = np.linalg.norm(q[..., 1:], axis=-1, keepdims=True)
        angle = 2 * np.arctan2(length, q[..., :1])
        return (q[..., 1:] * angle / np.maximum(length, 1e-12)).reshape(len(qpos), -1)


def bodies_of(humanoid: Humanoid) -> Bodies:
    """Of a person, in a world of their own: flat, and nothing changed."""
    return Bodies([mujoco().MjModel.from_xml_string(humanoid.xml)])
