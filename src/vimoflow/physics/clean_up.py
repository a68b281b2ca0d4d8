"""A motion cleaned by simulating it: nothing sinks, floats or slides."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from vimoflow.conventions import MODEL_FPS
from vimoflow.motion.clip import Motion
from vimoflow.motion.clip_resampling import at_even_times
from vimoflow.notes import note
from vimoflow.physics.balance_control import Balance
from vimoflow.physics.following import follow
from vimoflow.physics.giving_way import given_way
from vimoflow.physics.grounding import grounded
from vimoflow.physics.humanoid import TIMESTEP_S, make_humanoid
from vimoflow.physics.plausibility import FAULTS
from vimoflow.physics.scene import Scene
from vimoflow.physics.states import motion_of, require_physical, states_of

MOST_ASSIST = 0.5  # in a second: who needs more is carried
CARRIED = FAULTS["residual_force"][0]  # all along: the report says a hand from nowhere holds it
STEPS_PER_FRAME = round(1 / (MODEL_FPS * TIMESTEP_S))


@dataclass(frozen=True)
class CleanUp:
    """What came out of the simulation.

    Attributes:
        motion: the simulated one at 30 fps, or the given one where the body fell or was carried.
        succeeded: whether it came to the end within 0.3 m of the root as put on the floor, in no
            second held by half its weight and on average by less than a fifth.
        assist: what held the pelvis in each second, as far as it came: force by body weight and
            moment by body weight times stature, added.
        seconds: that it took.
    """

    motion: Motion
    succeeded: bool
    assist: tuple[float, ...]
    seconds: float

    def document(self) -> dict[str, Any]:
        """All but the motion, as values that JSON holds."""
        return {
            "succeeded": self.succeeded,
            "assist_by_second": self.assist,
            "seconds": round(self.seconds, 2),
        }


def clean_up(
    motion: Motion,
    mass_kg: float | None = None,
    scene: Scene | None = None,
    show: Callable[[int, int | None], None] = lambda done, total: None,
) -> CleanUp:
    """Track a motion in simulation, with as little help as will do.

    Args:
        motion: of a person whose feet are near y = 0.
        mass_kg: of the person; without it, that of a usual build.
        scene: what stands on the floor.
        show: told how many of the frames are done.

    Raises:
        InputError: the motion is too short, not finite, or faster than anybody moves.
        ConfigError: MuJoCo is missing, or no person has this size or mass.
    """
    started = time.perf_counter()
    require_physical(motion)
    humanoid = make_humanoid(motion.skeleton, mass_kg, scene)
    reference = states_of(
        given_way(grounded(at_even_times(motion), humanoid), humanoid), 1 / TIMESTEP_S
    )
    total = 1 + (len(reference.times) - 1) // STEPS_PER_FRAME
    followed = follow(
        Balance(humanoid, reference),
        lambda steps: show(1 + (steps - 1) // STEPS_PER_FRAME, total),
    )
    assist, frames = followed.assist, followed.qpos[::STEPS_PER_FRAME]
    parts = np.array_split(assist, max(round(len(assist) * TIMESTEP_S), 1))
    by_second = tuple(round(float(part.mean()), 4) for part in parts)
    held = max(by_second) < MOST_ASSIST and assist.mean() < CARRIED
    succeeded = bool(held) and len(assist) == len(reference.times)
    if succeeded:
        motion = motion_of(frames, float(MODEL_FPS), motion.skeleton)
    else:
        note("the simulated body fell or had to be carried; the motion is left as it was")
    return CleanUp(motion, succeeded, by_second, time.perf_counter() - started)
