"""A reference followed in simulation, a quarter of a second at a time, as does best.

Whether a foot catches or a step comes in time is not seen ahead: several manners of following
(``balance_control.Manner``) are tried from each of the best states so far, and those go on that
needed least help and are least off.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from jaxtyping import Float

from vimoflow.physics.balance_control import Balance, Manner
from vimoflow.physics.closed_loop import FELL_M
from vimoflow.physics.simulator import mujoco

_GLIDING = 0.1  # of the usual friction: of parts that glide in the reference
_MANNERS = (
    Manner(),
    Manner(friction=_GLIDING),
    Manner(yields=3.0, glides=0.005, sharp=4.0, friction=_GLIDING),
)
_STEPS, _KEPT = 60, 2  # of a stretch; states that go on
_OFF_M = 0.5  # mean over the parts: costs as much as an assist of body weight
_GOOD = 0.03  # a step, and as much ahead: then no other manner is tried
_AHEAD = 1.0  # stretches that being off at the end of one is expected to cost


@dataclass(frozen=True)
class Followed:
    """A run through a reference, as far as it came.

    Attributes:
        qpos: at every step.
        assist: what held the pelvis, at every step: force by body weight and moment by body weight
            times stature, added.
    """

    qpos: Float[np.ndarray, "steps nq"]
    assist: Float[np.ndarray, " steps"]


@dataclass(frozen=True)
class _Run:
    qpos: tuple[np.ndarray, ...]
    assist: tuple[float, ...]
    state: tuple[np.ndarray, np.ndarray, np.ndarray]
    cost: float
    expected: float


def follow(balance: Balance, show: Callable[[int], None] = lambda steps: None) -> Followed:
    """The run with least help and least off; it ends where every manner falls or diverges."""
    engine, reference = mujoco(), balance.reference
    model = engine.MjModel.from_xml_string(balance.humanoid.xml)
    model.opt.disableflags |= int(engine.mjtDisableBit.mjDSBL_ACTUATION)
    model.geom_priority[:] = model.geom_bodyid > 0  # their friction counts, not the floor's
    data: Any = engine.MjData(model)
    start = (reference.qpos[0], reference.qvel[0], np.zeros(model.nv))
    runs = [_Run((), (), start, 0.0, 0.0)]
    for first in range(0, len(reference.times), _STEPS):
        steps = range(first, min(first + _STEPS, len(reference.times)))
        tried: list[_Run] = []
        for run, manner in product(runs, _MANNERS):
            tried.append(_stretch(model, data, balance, run, steps, manner))
            if tried[-1].expected - run.cost < _GOOD * len(steps):
                break
        upright = sorted((r for r in tried if r.expected < np.inf), key=lambda r: r.expected)
        runs = upright[:_KEPT] or [max(tried, key=lambda r: len(r.assist))]
        show(len(runs[0].assist))
        if not upright:
            break
    return Followed(np.array(runs[0].qpos), np.array(runs[0].assist))


def _stretch(
    model: Any, data: Any, balance: Balance, run: _Run, steps: range, manner: Manner
) -> _Run:
    """A run, some steps longer; fewer where the body falls or diverges."""
    engine, reference = mujoco(), balance.reference
    engine.mj_resetData(model, data)
    data.qpos[:], data.qvel[:], data.qacc_warmstart[:] = run.state
    qpos, assist, off = [], [], []
    for step in steps:
        if not np.linalg.norm(data.qpos[:3] - reference.qpos[step, :3]) < FELL_M:  # NaN: fallen
            break
        effort = balance.effort(step, data.qpos, data.qvel, manner)
        qpos.append(data.qpos.copy())
        assist.append(effort.assist)
        off.append(balance.off(step))
        data.qfrc_applied[:] = effort.applied
        model.geom_friction[:, 0] = balance.grip(step, manner)[model.geom_bodyid]
        engine.mj_step(model, data)
        if data.warning.number.any():
            break
    cost = run.cost + float(np.sum(assist) + np.sum(off) / _OFF_M)
    return _Run(
        run.qpos + tuple(qpos),
        run.assist + tuple(assist),
        (data.qpos.copy(), data.qvel.copy(), data.qacc_warmstart.copy()),
        cost,
        cost + _AHEAD * len(steps) * off[-1] / _OFF_M if len(off) == len(steps) else np.inf,
    )
