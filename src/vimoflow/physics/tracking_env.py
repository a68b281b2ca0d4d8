"""Tracking as a Gymnasium environment, for reinforcement learning with any library."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from vimoflow.errors import ConfigError
from vimoflow.installation import install_command
from vimoflow.motion.skeleton import load_skeleton
from vimoflow.physics.closed_loop import FELL_M, Demonstration, noisy_starts
from vimoflow.physics.humanoid import Humanoid, make_humanoid
from vimoflow.physics.policy import seen_motion, turned
from vimoflow.physics.worlds import TOLD, World, bodies_in, told_of

try:
    import gymnasium
except ImportError as error:
    raise ConfigError(
        f"the environment needs Gymnasium ({error}); run: {install_command('physics')}"
    ) from error

_MOST_ADDED = 1.0  # radians
_SHARES = {"joints": 0.5, "root": 0.3, "turn": 0.2}  # of the reward


class TrackingEnv(gymnasium.Env):
    """One body that is to track motions; an action is radians to add to the motion's next pose.

    An episode is a motion, drawn at random, from a noisy start; it is over when the root is 0.3 m
    off, and truncated at the motion's end. The observation is what a ``Policy`` sees: the motion's
    next frames, then how far the body is off, and what there is to know of the world. The reward is
    in 0 to 1 a frame.

    Args:
        motions: to track (``Demonstration``), all with this body.
        humanoid: the body; the mean person's unless given.
        world: what is changed; nothing unless given. Its delay, push and noise are not simulated.
    """

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012 (as Gymnasium declares it)

    def __init__(
        self,
        motions: Sequence[Demonstration],
        humanoid: Humanoid | None = None,
        world: World | None = None,
    ) -> None:
        world = world or World()
        self.bodies = bodies_in(humanoid or make_humanoid(load_skeleton()), world)
        self._told = told_of(world)
        self.motions = list(motions)
        self._seen = [seen_motion(self.bodies, motion) for motion in self.motions]
        length = self._seen[0].shape[1] + 2 * self.bodies.nv + len(TOLD)
        box = gymnasium.spaces.Box
        self.observation_space = box(-np.inf, np.inf, (length,), np.float32)
        self.action_space = box(-_MOST_ADDED, _MOST_ADDED, (self.bodies.nu,), np.float32)
        self._at, self._t = 0, 0
        self._state = self.motions[0].qpos[:1], self.motions[0].qvel[:1]

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Begin a motion, drawn at random unless ``options`` names its number as ``motion``."""
        super().reset(seed=seed)
        self._at = int((options or {}).get("motion", self.np_random.integers(len(self.motions))))
        self._t = 0
        self._state = noisy_starts(self.bodies, self.motions[self._at], 1, self.np_random)
        return self._observed(), {"motion": self._at}

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """A thirtieth of a second."""
        motion = self.motions[self._at]
        targets = self.bodies.turns(motion.qpos[self._t + 1][None]) + np.asarray(action, float)
        self._state = self.bodies.step(*self._state, targets)
        self._t += 1
        off = self._off()
        fell = not np.linalg.norm(off[:3]) < FELL_M  # NaN counts as fallen
        reward = 0.0 if fell else self._reward(off)
        return self._observed(), reward, fell, self._t == len(motion), {"motion": self._at}

    def _off(self) -> np.ndarray:
        motion = self.motions[self._at]
        wanted = motion.qpos[self._t], motion.qvel[self._t]
        off: np.ndarray = self.bodies.difference(*wanted, *self._state)[0]
        return off

    def _reward(self, off: np.ndarray) -> float:
        joints = np.exp(-2 * np.square(off[6 : self.bodies.nv]).sum())
        root, turn = np.exp(-20 * np.square(off[:3]).sum()), np.exp(-5 * np.square(off[3:6]).sum())
        return float(np.dot(list(_SHARES.values()), (joints, root, turn)))

    def _observed(self) -> np.ndarray:
        motion = self.motions[self._at]
        off = np.nan_to_num(turned(self.bodies, motion.qpos[self._t], self._off()[None]))[0]
        seen = self._seen[self._at][min(self._t, len(motion) - 1)]
        return np.concatenate((seen, off, self._told)).astype(np.float32)
