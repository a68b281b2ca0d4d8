"""A network that tracks motions in closed loop: what motors are to aim at, 30 times a second.

It sees how far the body is off the motion, in the wanted root's frame, the motion's next frames,
and what is known of the world, if anything. A gate that sees only the motion mixes linear
feedbacks, as the best feedback changes along a motion but is linear at each moment; a small network
adds what is not linear.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from vimoflow.geometry.rotations import quaternion_to_matrix
from vimoflow.physics.bodies import Bodies
from vimoflow.physics.closed_loop import Demonstration, InformedControl
from vimoflow.physics.humanoid import Humanoid
from vimoflow.physics.worlds import TOLD

AHEAD = (0, 1, 2, 4, 8)  # frames of the motion that are seen, the last one repeated at its end
MOST_OFF = 5.0  # of the usual: more is seen as so much


@dataclass(frozen=True)
class PolicySizes:
    """Of the network.

    Attributes:
        motion: numbers that say what the motion does next.
        off: numbers that say how far the body is off it, and what is known of its world.
        motors: numbers that come out.
        feedbacks: linear ones that are mixed.
        width: of hidden layers.
    """

    motion: int
    off: int
    motors: int
    feedbacks: int = 24
    width: int = 256


class Policy(nn.Module):
    """Targets of the motors, as radians beside the motion's next pose."""

    def __init__(self, sizes: PolicySizes) -> None:
        super().__init__()
        self.sizes = sizes
        self.motion_mean: Tensor
        self.motion_std: Tensor
        self.off_std: Tensor
        self.register_buffer("motion_mean", torch.zeros(sizes.motion))
        self.register_buffer("motion_std", torch.ones(sizes.motion))
        self.register_buffer("off_std", torch.ones(sizes.off))
        width = sizes.width
        self.gate = nn.Sequential(
            nn.Linear(sizes.motion, width), nn.ELU(),
            nn.Linear(width, width), nn.ELU(), nn.Linear(width, sizes.feedbacks),
        )  # fmt: skip
        self.feedforward = nn.Sequential(
            nn.Linear(sizes.motion, width), nn.ELU(), nn.Linear(width, sizes.motors)
        )
        self.feedbacks = nn.Linear(sizes.off, sizes.feedbacks * sizes.motors, bias=False)
        self.bend = nn.Sequential(
            nn.Linear(sizes.motion + sizes.off, width), nn.ELU(), nn.Linear(width, sizes.motors)
        )
        for last in (self.feedforward[-1], self.bend[-1]):
            for parameter in last.parameters():
                nn.init.zeros_(parameter)
        nn.init.normal_(self.feedbacks.weight, std=1e-2)

    def forward(self, motion: Tensor, off: Tensor) -> Tensor:
        """What to add to the motion's next pose, (batch, motors) radians.

        Args:
            motion: (batch, sizes.motion), by ``seen_motion``.
            off: (batch, sizes.off), by ``turned``, then by ``worlds.told_of``.
        """
        motion = (motion - self.motion_mean) / self.motion_std
        off = (off / self.off_std).clamp(-MOST_OFF, MOST_OFF)
        share = self.gate(motion).softmax(-1)
        linear = self.feedbacks(off).unflatten(-1, (self.sizes.feedbacks, self.sizes.motors))
        mixed = torch.einsum("be,bem->bm", share, linear)
        return self.feedforward(motion) + mixed + self.bend(torch.cat((motion, off), -1))


@dataclass(frozen=True)
class Trained:
    """A policy and what it can perform.

    Attributes:
        policy: the network.
        humanoid: whose body it moves.
        motions: by name.
        provenance: how it was trained: seed, minutes, versions.
    """

    policy: Policy
    humanoid: Humanoid
    motions: Mapping[str, Demonstration]
    provenance: dict[str, Any]


def by_policy_of(bodies: Bodies, policy: Policy, motion: Demonstration) -> InformedControl:
    """What a policy does; unless it is told of its world, it takes it for the usual one.

    Args:
        bodies: a world.
        policy: the network.
        motion: to perform.
    """
    seen = torch.from_numpy(seen_motion(bodies, motion)).float()
    plain = bodies.turns(motion.qpos[1:])

    def control(
        t: int, qpos: np.ndarray, qvel: np.ndarray, told: np.ndarray | None = None
    ) -> np.ndarray:
        off = np.nan_to_num(bodies.difference(motion.qpos[t], motion.qvel[t], qpos, qvel))
        known = np.zeros((len(off), len(TOLD))) if told is None else told
        seen_off = np.hstack((turned(bodies, motion.qpos[t], off), known))
        with torch.inference_mode():
            added = policy(seen[t].expand(len(off), -1), torch.from_numpy(seen_off).float())
        return plain[t] + added.double().numpy()

    return control


def seen_motion(bodies: Bodies, motion: Demonstration) -> Float[np.ndarray, "frames seen"]:
    """What a policy sees of a motion at each frame but the end: poses and speeds to come.

    The root's height, what is up for it, and its speeds in its own frame; the joints' turns.
    """
    R = _matrices(motion.qpos[:, 3:7])
    speed = np.einsum("tji,tj->ti", R, motion.qvel[:, :3])
    turns = bodies.turns(motion.qpos)
    frame = (motion.qpos[:, 2:3], R[:, 2], speed, motion.qvel[:, 3:6], turns)
    frames = np.minimum(np.arange(len(motion))[:, None] + AHEAD, len(motion))
    return np.concatenate(frame, axis=1)[frames].reshape(len(motion), -1)


def turned(
    bodies: Bodies, wanted: Float[np.ndarray, " nq"], off: Float[np.ndarray, "bodies states"]
) -> Float[np.ndarray, "bodies states"]:
    """``Bodies.difference`` with its directions in the world turned to the wanted root's frame."""
    off, R = off.copy(), _matrices(wanted[None, 3:7])[0]
    for part in (slice(0, 3), slice(bodies.nv, bodies.nv + 3)):
        off[:, part] = off[:, part] @ R
    return off


def _matrices(quaternions: Float[np.ndarray, "frames 4"]) -> Float[np.ndarray, "frames 3 3"]:
    found = quaternion_to_matrix(torch.from_numpy(quaternions[:, [1, 2, 3, 0]].copy()))
    return found.numpy()
