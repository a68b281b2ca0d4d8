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
from jaxtyping import Int
from torch import Tensor

from vimoflow.errors import InputError
from vimoflow.motion.clip import Motion
from vimoflow.notes import note
from vimoflow.physics.bodies import Bodies
from vimoflow.physics.closed_loop import (
    MOST_CHANGE,
    Control,
    Demonstration,
    Performance,
    by_gain,
    noisy_starts,
    perform,
)
from vimoflow.physics.demonstration import demonstrate, reference_of
from vimoflow.physics.humanoid import Humanoid
from vimoflow.physics.linear_feedback import USUAL, Worlds
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
from vimoflow.physics.stepping import StepByStep, Stepping
from vimoflow.physics.worlds import TOLD

_STARTS, _STEPPING = 24, 80  # bodies a motion and round; where steps are learnt
_BATCH, _STEPS, _RATE = 256, 600, 1e-3
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
    school = _School(humanoid, bodies, found, _stepping(motions, humanoid, found))
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


def _stepping(
    motions: Mapping[str, Motion], humanoid: Humanoid, found: Mapping[str, Demonstration]
) -> dict[str, Stepping]:
    """Who teaches what linear feedback does not hold."""
    return {
        name: Stepping(humanoid, reference_of(motions[name], humanoid))
        for name, motion in found.items() if not motion.gain.any()
    }  # fmt: skip


class _Lesson:
    """A control that asks the teacher everywhere, and obeys it up to some frame of each body."""

    def __init__(self, teacher: Control, pupil: Control, led: Int[np.ndarray, " bodies"]) -> None:
        self._teacher, self._pupil, self._led = teacher, pupil, led
        self.labels: list[np.ndarray] = []

    def __call__(self, t: int, qpos: np.ndarray, qvel: np.ndarray) -> np.ndarray:
        self.labels.append(self._teacher(t, qpos, qvel))
        led = (self._led > t)[:, None]
        return np.where(led, self.labels[-1], self._pupil(t, qpos, qvel))


class _School:
    """Demonstrations, the states gathered so far, and the policy that learns."""

    def __init__(
        self,
        humanoid: Humanoid,
        bodies: Bodies,
        motions: Mapping[str, Demonstration],
        stepping: Mapping[str, Stepping],
    ) -> None:
        self.humanoid, self.motions, self.stepping = humanoid, motions, stepping
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
        self.linear: list[Tensor] = []
        self.answers: list[tuple[Tensor, ...]] = []

    def gather(self, rng: np.random.Generator, by_policy: bool) -> dict[str, float]:
        """Perform every motion in many worlds; the share that came to the end, by motion.

        Steps are learnt along the whole motion: the teacher leads half of the bodies up to some
        frame, as a policy that cannot walk yet never sees the second step.
        """
        reached = {}
        for name, motion in self.motions.items():
            steps = name in self.stepping
            count = _STEPPING if steps else _STARTS
            worlds = Worlds(self.humanoid, rng, count, 1.0 if steps else USUAL)
            teacher = self._teacher(name, worlds)
            pupil = partial(by_policy_of(worlds.bodies, self.policy, motion), told=worlds.told)
            led = np.full(count, 0 if by_policy else len(motion))
            if by_policy and steps:
                led[: count // 2] = rng.integers(0, len(motion), count // 2)
            lesson = _Lesson(teacher, pupil, led)
            starts = noisy_starts(worlds.bodies, motion, count, rng)
            done = perform(worlds.bodies, lesson, motion, starts, which=np.arange(count))
            self._keep(name, worlds, done, lesson.labels)
            reached[name] = float(done.reached_end[led == led.min()].mean())
        return reached

    def _teacher(self, name: str, worlds: Worlds) -> Control:
        if name not in self.stepping:
            return by_gain(worlds.bodies, self.motions[name], worlds.told)
        control = StepByStep(self.stepping[name], worlds.bodies)
        return partial(control, which=np.arange(len(worlds.told)))

    def _keep(self, name: str, worlds: Worlds, done: Performance, labels: list[np.ndarray]) -> None:
        """What the teacher would have done wherever bodies got, up to a fall."""
        motion, bodies = self.motions[name], worlds.bodies
        for t, label in enumerate(labels):
            well = done.frames >= t
            wanted = motion.qpos[t], motion.qvel[t]
            off = bodies.difference(*wanted, done.qpos[t, well], done.qvel[t, well])
            seen_off = np.hstack((turned(bodies, wanted[0], off), worlds.told[well]))
            both = label[well] - motion.targets[t], seen_off
            self.answers.append(tuple(torch.from_numpy(part).float() for part in both))
            self.frames.append(torch.full((len(off),), int(self.first[name]) + t))
            self.linear.append(torch.full((len(off), 1), name not in self.stepping))

    def learn(self) -> float:
        """Some steps of training; the last steps' mean error in radians."""
        frames, linear = torch.cat(self.frames), torch.cat(self.linear)
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
            far = torch.where(linear[rows], torch.empty(_BATCH, 1).uniform_(*_NEARER_FARTHER), 1.0)
            at = frames[rows]
            label = self.plain[at] + (far * change[rows]).clamp(-MOST_CHANGE, MOST_CHANGE)
            loss = (policy(self.seen[at], far * seen_off[rows]) - label).abs().mean()
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            errors.append(float(loss.detach()))
        return float(np.mean(errors[-_STEPS // 10 :]))
