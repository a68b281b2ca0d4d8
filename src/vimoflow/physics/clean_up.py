"""A motion cleaned by simulating it: nothing sinks, floats or is held up by nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from vimoflow.conventions import MODEL_FPS
from vimoflow.motion.clip import Motion
from vimoflow.notes import note
from vimoflow.physics.clean_up_options import CleanUpOptions
from vimoflow.physics.humanoid import TIMESTEP_S, make_humanoid
from vimoflow.physics.predictive_control import Follower, Pass
from vimoflow.physics.states import motion_of, states_of


@dataclass(frozen=True)
class CleanUp:
    """What came out of the simulation.

    Attributes:
        motion: the simulated one at 30 fps, or the given one where every pass fell.
        succeeded: whether a pass came to the end within 0.3 m of the given root.
        limit: on the assist's force in the pass that counts, share of body weight.
        assist: what held the pelvis in each second: force by body weight and moment by body weight
            times stature, added.
        seconds: that it took.
    """

    motion: Motion
    succeeded: bool
    limit: float | None
    assist: tuple[float, ...]
    seconds: float

    def document(self) -> dict[str, Any]:
        """All but the motion, as values that JSON holds."""
        return {
            "succeeded": self.succeeded,
            "assist_limit": self.limit,
            "assist_by_second": self.assist,
            "seconds": round(self.seconds, 2),
        }


def clean_up(
    motion: Motion,
    options: CleanUpOptions | None = None,
    show: Callable[[int, int | None], None] = lambda done, total: None,
) -> CleanUp:
    """Track a motion in simulation, with as little help as will do.

    Raises:
        InputError: the motion is too short, not finite, or faster than anybody moves.
        ConfigError: MuJoCo is missing, or no person has this size or mass.
    """
    options, started = options or CleanUpOptions(), time.perf_counter()
    humanoid = make_humanoid(motion.skeleton, options.mass)
    reference = states_of(motion, 1 / TIMESTEP_S)
    follower = Follower(humanoid, reference, options.samples, options.seed, options.threads)
    plan, best, kept = follower.empty_plan(), None, None
    for done, limit in enumerate(options.assist, start=1):
        found: Pass = follower.follow(limit, plan)
        show(done, len(options.assist))
        if not found.succeeded:
            break
        plan, best, kept = found.plan, found, limit
    spent = time.perf_counter() - started
    if best is None:
        note("the simulated body fell even with assist; the motion is left as it was")
        return CleanUp(motion, False, None, (), spent)
    seconds = np.array_split(best.assist, max(round(len(best.assist) / MODEL_FPS), 1))
    help_by_second = tuple(round(float(part.mean()), 4) for part in seconds)
    simulated = motion_of(best.qpos, float(MODEL_FPS), motion.skeleton)
    return CleanUp(simulated, True, kept, help_by_second, spent)
