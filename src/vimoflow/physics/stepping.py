"""A body that performs a motion without help, and steps where it must not to fall.

``Balance`` without its assist: what the ground cannot give, root, trunk and arms give way to. A
centre of mass that is off, or off in speed, cannot be brought back over a foot that stands; so the
foot that swings lands as far beside the motion's (capture point, Pratt et al. 2006), and from there
the ground brings it back.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from vimoflow.physics.balance_control import SOLES, Balance, Effort, Manner
from vimoflow.physics.bodies import STEPS_A_FRAME, Bodies
from vimoflow.physics.closed_loop import FELL_M, Demonstration, perform
from vimoflow.physics.ground_forces import Touch, centres_of_mass
from vimoflow.physics.humanoid import Humanoid
from vimoflow.physics.simulator import mujoco
from vimoflow.physics.states import States
from vimoflow.physics.worlds import TOLD

_MANNER = Manner(yields=10.0)
_PLACE, _SPEED_S = 1.5, 0.45  # of a step for how far the centre of mass is off, and its speed
_MOST_M = 0.25
_EVERY = 2  # steps of a frame: so often it is thought anew, which is as good and half the work


class Stepping(Balance):
    """Says at every step what a body should do to follow a reference without help."""

    def __init__(self, humanoid: Humanoid, reference: States) -> None:
        super().__init__(humanoid, reference)
        self.centres = centres_of_mass(self.model, reference)
        self.drifts = np.gradient(self.centres, reference.times, axis=0)

    def effort(
        self, step: int, qpos: np.ndarray, qvel: np.ndarray, manner: Manner | None = None
    ) -> Effort:
        """What the joints should do at a step of the reference, in any state; no assist."""
        effort = super().effort(step, qpos, qvel, manner or _MANNER)
        effort.applied[:6] = 0
        return effort

    def _wanted(
        self, step: int, touch: Touch, asked: np.ndarray, rest: np.ndarray
    ) -> Float[np.ndarray, "points 3"]:
        wanted = super()._wanted(step, touch, asked, rest)
        return wanted + (1 - rest[:, None]) * SOLES[0] * self._beside(step)

    def _beside(self, step: int) -> Float[np.ndarray, "3"]:
        """How far beside the reference's a swinging foot is to land, metres."""
        mujoco().mj_subtreeVel(self.model, self.data)
        off = self.data.subtree_com[1] - self.centres[step]
        beside = _PLACE * off + _SPEED_S * (self.data.subtree_linvel[1] - self.drifts[step])
        beside[2] = 0
        shorter: np.ndarray = beside * min(1, _MOST_M / max(float(np.linalg.norm(beside)), 1e-9))
        return shorter


class StepByStep:
    """A control that steps: targets with which motors do on average what ``Stepping`` would.

    Args:
        balance: along the motion.
        worlds: that bodies are in, of which it knows everything.
    """

    def __init__(self, balance: Stepping, worlds: Bodies) -> None:
        off, engine = mujoco().mjtDisableBit, mujoco()
        self._balance, self._worlds = balance, worlds
        self._felt = [_without(model, off.mjDSBL_CONSTRAINT) for model in worlds.models]
        self._moved = [_without(model, off.mjDSBL_ACTUATION) for model in worlds.models]
        self._data = engine.MjData(worlds.model)

    def __call__(
        self,
        t: int,
        qpos: Float[np.ndarray, "bodies nq"],
        qvel: Float[np.ndarray, "bodies nv"],
        which: Int[np.ndarray, " bodies"] | None = None,
    ) -> Float[np.ndarray, "bodies nu"]:
        """The motors' targets; of bodies that have fallen, their own turns."""
        which = np.zeros(len(qpos), int) if which is None else which
        targets = self._worlds.turns(np.nan_to_num(qpos))
        wanted = self._balance.reference.qpos[t * STEPS_A_FRAME, :3]
        upright = np.linalg.norm(qpos[:, :3] - wanted, axis=1) < FELL_M  # NaN is not
        for at in np.flatnonzero(upright):
            targets[at] = self._targets(t, qpos[at], qvel[at], int(which[at]))
        return targets

    def _targets(self, t: int, qpos: np.ndarray, qvel: np.ndarray, which: int) -> np.ndarray:
        engine, balance, data = mujoco(), self._balance, self._data
        balance.model, model = self._felt[which], self._moved[which]
        stiffness, damping = model.actuator_gainprm[:, 0], -model.actuator_biasprm[:, 2]
        balance.strength = model.actuator_forcerange[:, 1]
        engine.mj_resetData(model, data)
        data.qpos[:], data.qvel[:] = qpos, qvel
        asked = []
        for step in range(t * STEPS_A_FRAME, (t + 1) * STEPS_A_FRAME):
            if not step % _EVERY:
                data.qfrc_applied[:] = balance.effort(step, data.qpos, data.qvel).applied
            # The engine damps by speeds at the step's end.
            speeds = data.qvel[6:] + model.opt.timestep * balance.data.qacc[6:]
            torques = data.qfrc_applied[6:] + damping * speeds
            asked.append(self._worlds.turns(data.qpos[None].copy())[0] + torques / stiffness)
            engine.mj_step(model, data)
        targets: np.ndarray = np.mean(asked, axis=0)
        return targets


def stepped(humanoid: Humanoid, reference: States, bodies: Bodies) -> Demonstration | None:
    """The motion as it is performed by stepping from its exact start; None if the body falls.

    Args:
        humanoid: the body.
        reference: the motion, a state a step of the simulation.
        bodies: the usual world.
    """
    frames = (len(reference.times) - 1) // STEPS_A_FRAME
    every = slice(0, frames * STEPS_A_FRAME + 1, STEPS_A_FRAME)
    none = np.zeros((frames, bodies.nu, 2 * bodies.nv + len(TOLD)))
    wanted = Demonstration(reference.qpos[every], reference.qvel[every], none[..., 0], none)
    control, targets = StepByStep(Stepping(humanoid, reference), bodies), []

    def noted(t: int, qpos: np.ndarray, qvel: np.ndarray) -> np.ndarray:
        targets.append(control(t, qpos, qvel))
        return targets[-1]

    done = perform(bodies, noted, wanted, (wanted.qpos[:1], wanted.qvel[:1]))
    if not done.reached_end[0]:
        return None
    return Demonstration(done.qpos[:, 0], done.qvel[:, 0], np.concatenate(targets), none)


def _without(model: Any, what: Any) -> Any:
    """The model with a part of the simulation left out."""
    changed = copy.deepcopy(model)
    changed.opt.disableflags |= int(what)
    return changed
