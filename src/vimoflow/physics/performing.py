"""A trained policy at work, in this world or a changed one."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from vimoflow.conventions import MODEL_FPS
from vimoflow.motion.clip import Motion
from vimoflow.notes import note
from vimoflow.physics.closed_loop import noisy_starts, perform
from vimoflow.physics.identification import Adapting
from vimoflow.physics.policy import Trained, by_policy_of
from vimoflow.physics.states import MIN_FRAMES, motion_of
from vimoflow.physics.worlds import World, bodies_in


@dataclass(frozen=True)
class Performed:
    """What a policy did.

    Attributes:
        motion: of the first body, as far as it came.
        seconds: that each body came, of so many.
        reached: how many came to the end.
        error_mm: mean distance of the joints to the motion, of those who did; NaN if none.
        world: that they were in.
    """

    motion: Motion
    seconds: tuple[float, ...]
    reached: int
    error_mm: float
    world: World

    def document(self) -> dict[str, Any]:
        """All but the motion, as values that JSON holds."""
        error = round(self.error_mm, 1) if np.isfinite(self.error_mm) else None
        return {
            "reached_end": self.reached, "seconds": self.seconds, "error_mm": error,
            "world": asdict(self.world),
        }  # fmt: skip


def perform_trained(
    trained: Trained,
    name: str,
    world: World,
    starts: int,
    adapt: bool,
    rng: np.random.Generator,
) -> Performed:
    """Let a policy perform a motion that it knows from noisy starts.

    Args:
        trained: the policy.
        name: of the motion.
        world: in which.
        starts: how many.
        adapt: whether it finds out what its world is like as it goes.
        rng: of the starts.
    """
    bodies, motion = bodies_in(trained.humanoid, world), trained.motions[name]
    plain = by_policy_of(bodies, trained.policy, motion)
    control = Adapting(trained.humanoid, motion, plain) if adapt else plain
    found = perform(bodies, control, motion, noisy_starts(bodies, motion, starts, rng), world, rng)
    skeleton, fps = trained.humanoid.skeleton, float(MODEL_FPS)
    came = found.qpos[: int(found.frames[0]) + 1, 0]
    if len(came) < MIN_FRAMES:
        note("the body fell at once; the motion is its start")
        came = np.repeat(came[:1], MIN_FRAMES, axis=0)
    own = motion_of(came, fps, skeleton)
    wanted = motion_of(motion.qpos, fps, skeleton).joint_positions
    errors = [
        np.linalg.norm(motion_of(one, fps, skeleton).joint_positions - wanted, axis=-1).mean()
        for one in found.qpos[:, found.reached_end].swapaxes(0, 1)
    ]
    error = 1000 * float(np.mean(errors)) if errors else float("nan")
    seconds = tuple(round(float(x) / fps, 2) for x in found.frames)
    return Performed(own, seconds, int(found.reached_end.sum()), error, world)
