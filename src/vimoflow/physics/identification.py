"""What a world is like, found out from what bodies did there in the last second.

At every other frame the one before it is simulated again, in the usual world and in some that
differ in one thing each. By linear least squares, what really happened says how much of each
difference there is. Frames disagree, as contacts are rough, a push is no property of a world, and
sensors are noisy; so the median counts, and the less, the more they disagree.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from vimoflow.conventions import MODEL_FPS
from vimoflow.physics.bodies import Bodies
from vimoflow.physics.closed_loop import Demonstration, InformedControl
from vimoflow.physics.humanoid import Humanoid
from vimoflow.physics.worlds import TOLD, Noise, World, model_in, told_of

_TRIED = [
    World(slope=(2.5, 0.0)), World(slope=(0.0, 2.5)), World(mass=1.15), World(payload=6.0),
    World(strength=0.75),
]  # fmt: skip
_EVERY = 2  # frames
_RIDGE = 1e-3  # of speeds by the noise that sensors usually have
_MOST_A_FRAME, _MOST = 3.0, 1.2  # of what is told
_USUAL = 0.5  # standard deviation of what is told


class Adapting:
    """A control that finds out what its world is like as it goes; it serves one performance.

    Args:
        humanoid: the body, as it is in the usual world.
        motion: that is performed.
        control: what moves it once the world is known.
    """

    def __init__(self, humanoid: Humanoid, motion: Demonstration, control: InformedControl) -> None:
        self._control, self._first = control, motion.targets[:1]
        self._bodies = Bodies([model_in(humanoid, world) for world in (World(), *_TRIED)])
        self._steps = np.diag([told_of(world) for world in _TRIED])
        noise, free = Noise(), self._bodies.nv - 6
        self._weight = 1 / np.repeat((noise.speed, noise.spin, noise.joint_speed), (3, 3, free))
        self._found: list[np.ndarray] = []
        self._before: tuple[np.ndarray, ...] | None = None
        self.told = np.zeros((0, len(TOLD)))

    def __call__(
        self, t: int, qpos: Float[np.ndarray, "bodies nq"], qvel: Float[np.ndarray, "bodies nv"]
    ) -> Float[np.ndarray, "bodies nu"]:
        """The motors' targets; ``told`` is what they were chosen by."""
        held = np.repeat(self._first, len(qpos), axis=0)
        if self._before is not None:
            held = self._before[2]
            if t % _EVERY:
                self._found.append(self._explained(qvel))
        self.told = self._agreed(len(qpos))
        targets = self._control(t, qpos, qvel, self.told)
        self._before = (qpos, qvel, targets, held)
        return targets

    def _explained(self, qvel: np.ndarray) -> Float[np.ndarray, "bodies told"]:
        """What explains best how the last frame ended."""
        worlds, bodies = 1 + len(_TRIED), len(qvel)
        before = (np.repeat(part, worlds, axis=0) for part in self._before or ())
        q, v, targets, held = before
        which = np.tile(np.arange(worlds), bodies)
        ends = self._bodies.step(q, v, targets, None, held, which)[1].reshape(bodies, worlds, -1)
        missed = np.nan_to_num((qvel - ends[:, 0]) * self._weight)
        rows = np.nan_to_num((ends[:, 1:] - ends[:, :1]) * self._weight)
        rows = rows / self._steps[:, None]
        normal = rows @ rows.swapaxes(1, 2) + _RIDGE * np.eye(len(TOLD))
        found = np.linalg.solve(normal, rows @ missed[..., None])[..., 0]
        return np.clip(found, -_MOST_A_FRAME, _MOST_A_FRAME)

    def _agreed(self, bodies: int) -> Float[np.ndarray, "bodies told"]:
        """What the frames of the last second agree on."""
        if not self._found:
            return np.zeros((bodies, len(TOLD)))
        frames = np.array(self._found[-round(MODEL_FPS / _EVERY) :])
        middle = np.median(frames, axis=0)
        # Of the median's own error; one frame or two cannot say how far they are off.
        spread = 1.5 * np.median(np.abs(frames - middle), axis=0)
        variance = (1.6 * spread**2 + 0.1 * (len(frames) < 3)) / len(frames)
        return np.clip(middle, -_MOST, _MOST) / (1 + variance / _USUAL**2)
