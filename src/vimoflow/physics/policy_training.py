"""A policy learnt from demonstrations by dataset aggregation (DAgger, Ross et al. 2011).

Bodies perform the motions from noisy starts in many worlds, of which they are told, moved by the
demonstrations' feedback at first, by the policy after that. Wherever they get, the feedback says
what it would have done, and the policy learns that; so it is told how to come back from its own
errors. The feedback can be asked without the simulator, so each state is also learnt nearer to the
motion and farther from it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from vimoflow.errors import InputError
from vimoflow.motion.clip import Motion
from vimoflow.notes import note
from vimoflow.physics.bodies import Bodies
from vimoflow.physics.closed_loop import (
    MOST_CHANGE,
    Demonstration,
    by_gain,
    noisy_starts,
    perform,
)
from vimoflow.physics.demonstration import demonstrate
from vimoflow.physics.humanoid import Humanoid
from vimoflow.physics.linear_feedback import Worlds
from vimoflow.physics.policy import (
    Policy,
    PolicySizes,
    Trained,
    by_policy_of,
    seen_motion,
    turned,
)
from vimoflow.physics.policy_files import kept_demonstration
from vimoflow.physics.policy_options import PolicyOptions
from vimoflow.physics.worlds import TOLD

_STARTS = 24  # bodies a motion and round
_BATCH, _STEPS, _RATE = 256, 400, 1e-3
_LEAST_STD = 0.02  # of what a policy sees, in its units
_NEARER_FARTHER = (0.0, 1.6)  # states are learnt so many times as far off
_FEWEST_SECONDS = 20.0  # a round is not begun with less
_FOR_DEMONSTRATIONS = 0.8  # of the time


def train_policy(
    motions: Mapping[str, Motion],
    humanoid: Humanoid,
    bodies: Bodies,
    options: PolicyOptions,
    show: Callable[[str], None] = lambda line: None,
    kept: Path | None = None,
) -> Trained:
    """Learn to perform motions.

    Args:
        motions: by name, all of people with this body; those for which no demonstration is found
            in time are left out, with a note.
        humanoid: the body.
        bodies: the world.
        options: of the training.
        show: told what has been done.
        kept: folder for the demonstrations, which a training begun again finds there.

    Raises:
        InputError: of no motion a demonstration was found.
    """
    started = time.perf_counter()
    found = _demonstrations(motions, humanoid, bodies, options, show, kept)
    torch.manual_seed(options.seed)
    school = _School(humanoid, bodies, found)
    rng = np.random.default_rng(options.seed)
    for done in range(options.rounds):
        left = options.minutes * 60 - (time.perf_counter() - started)
        if done and left < _FEWEST_SECONDS:
            note(f"the time was up after {done} of {options.rounds} rounds")
            break
        reached = school.gather(rng, by_policy=done > 0)
        loss = school.learn()
        shares = ", ".join(f"{name} {share:.0%}" for name, share in reached.items())
        show(f"round {done + 1}: error {loss:.4f} rad; to the end: {shares}")
    seconds = round(time.perf_counter() - started)
    provenance = {"seed": options.seed, "seconds": seconds, "to_the_end_in_training": reached}
    return Trained(school.policy.eval(), humanoid, found, provenance)


def _demonstrations(
    motions: Mapping[str, Motion],
    humanoid: Humanoid,
    bodies: Bodies,
    options: PolicyOptions,
    show: Callable[[str], None],
    kept: Path | None,
) -> dict[str, Demonstration]:
    """As ``train_policy`` says; a fifth of the time at least is left for the policy."""
    started = time.perf_counter()
    found: dict[str, Demonstration] = {}
    for at, (name, motion) in enumerate(motions.items()):
        used = time.perf_counter() - started
        if found and used / at * (at + 1) > options.minutes * 60 * _FOR_DEMONSTRATIONS:
            note(f"no time was left for {name} and what follows it; give more --minutes")
            break

        def find(motion: Motion = motion) -> Demonstration:
            return demonstrate(motion, humanoid, bodies, options.seed)

        try:
            found[name] = kept_demonstration(kept, name, motion, options.seed, find)
        except InputError as error:
            if len(motions) == 1:
                raise
            note(f"{name} is left out: {error}")
        else:
            show(f"{name}: performed without help")
    if not found:
        raise InputError("of none of the motions a performance without help was found")
    return found


class _School:
    """Demonstrations, the states gathered so far, and the policy that learns."""

    def __init__(
        self, humanoid: Humanoid, bodies: Bodies, motions: Mapping[str, Demonstration]
    ) -> None:
        self.humanoid, self.motions = humanoid, motions
        seen = [seen_motion(bodies, motion) for motion in motions.values()]
        plain = [motion.targets - bodies.turns(motion.qpos[1:]) for motion in motions.values()]
        self.seen, self.plain = (
            torch.from_numpy(np.concatenate(part)).float() for part in (seen, plain)
        )
        self.first = dict(zip(motions, np.cumsum([0, *map(len, seen)]), strict=False))
        sizes = PolicySizes(self.seen.shape[1], 2 * bodies.nv + len(TOLD), bodies.nu)
        self.policy = Policy(sizes)
        self.optimizer = torch.optim.Adam(self.policy.parameters(), _RATE)
        self.frames: list[Tensor] = []
        self.answers: list[tuple[Tensor, ...]] = []

    def gather(self, rng: np.random.Generator, by_policy: bool) -> dict[str, float]:
        """Perform every motion in many worlds; the share that came to the end, by motion."""
        reached = {}
        for name, motion in self.motions.items():
            worlds = Worlds(self.humanoid, rng, _STARTS)
            bodies, told = worlds.bodies, worlds.told
            control = by_gain(bodies, motion, told)
            if by_policy:
                control = partial(by_policy_of(bodies, self.policy, motion), told=told)
            starts = noisy_starts(bodies, motion, _STARTS, rng)
            done = perform(bodies, control, motion, starts, which=np.arange(_STARTS))
            for t, states in enumerate(zip(done.qpos[:-1], done.qvel[:-1], strict=True)):
                well = done.frames >= t
                wanted = motion.qpos[t], motion.qvel[t]
                off = bodies.difference(*wanted, *(part[well] for part in states))
                self.frames.append(torch.full((len(off),), int(self.first[name]) + t))
                known = np.hstack((off, told[well])), turned(bodies, wanted[0], off)
                both = known[0] @ motion.gain[t].T, np.hstack((known[1], told[well]))
                self.answers.append(tuple(torch.from_numpy(part).float() for part in both))
            reached[name] = float(done.reached_end.mean())
        return reached

    def learn(self) -> float:
        """Some steps of training; the last steps' mean error in radians."""
        frames = torch.cat(self.frames)
        change, seen_off = (torch.cat(part) for part in zip(*self.answers, strict=True))
        policy = self.policy.train()
        policy.motion_mean.copy_(self.seen.mean(0))
        policy.motion_std.copy_(self.seen.std(0) + _LEAST_STD)
        policy.off_std.copy_(seen_off.std(0) + _LEAST_STD)
        errors = []
        for step in range(_STEPS):
            for group in self.optimizer.param_groups:
                group["lr"] = _RATE * (1 - 0.9 * step / _STEPS)
            rows = torch.randint(len(frames), (_BATCH,))
            far = torch.empty(_BATCH, 1).uniform_(*_NEARER_FARTHER)
            at = frames[rows]
            label = self.plain[at] + (far * change[rows]).clamp(-MOST_CHANGE, MOST_CHANGE)
            loss = (policy(self.seen[at], far * seen_off[rows]) - label).abs().mean()
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            errors.append(float(loss.detach()))
        return float(np.mean(errors[-_STEPS // 10 :]))
