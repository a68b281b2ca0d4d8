"""How well a policy tracks its training clips from noisy starts, and in worlds it never saw."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import numpy as np

from vimoflow.conventions import MODEL_FPS
from vimoflow.data.shards import Shard
from vimoflow.errors import InputError
from vimoflow.motion.clip import Motion
from vimoflow.physics.bodies import bodies_of
from vimoflow.physics.closed_loop import (
    Control,
    Demonstration,
    Performance,
    by_gain,
    noisy_starts,
    perform,
)
from vimoflow.physics.identification import Adapting
from vimoflow.physics.policy import Trained, by_policy_of
from vimoflow.physics.states import motion_of
from vimoflow.physics.worlds import KINDS, bodies_in, drawn_world


@dataclass(frozen=True)
class ClipCut:
    """A clip of a recording, in frames of 30 a second."""

    name: str
    corpus: str
    recording: str
    first: int
    frames: int


@dataclass(frozen=True)
class PolicyBenchmark:
    """Clips and the training's seed."""

    seed: int
    clips: tuple[ClipCut, ...]


@dataclass(frozen=True)
class Tracked:
    """One clip, tracked by one control.

    Attributes:
        clip, control: their names.
        starts, reached: how many, and how many of them came to the end.
        seconds: mean of how far they came.
        error_mm: mean distance of the joints to the motion as demonstrated, of who came to the end.
    """

    clip: str
    control: str
    starts: int
    reached: int
    seconds: float
    error_mm: float


def read_benchmark(path: Path) -> PolicyBenchmark:
    """The clips of a TOML file; ``InputError`` where it is none."""
    try:
        return msgspec.toml.decode(path.read_bytes(), type=PolicyBenchmark)
    except (OSError, msgspec.MsgspecError) as error:
        raise InputError(f"{path}: no benchmark of clips ({error})") from error


def cut_clips(benchmark: PolicyBenchmark, shards: Sequence[Shard]) -> dict[str, Motion]:
    """The clips by name; ``InputError`` where a recording is missing."""
    by_name = {shard.entry.corpus: shard for shard in shards}
    found = {}
    for clip in benchmark.clips:
        shard = by_name.get(clip.corpus)
        if shard is None or clip.recording not in shard.names:
            raise InputError(f"the shards hold no {clip.corpus} {clip.recording}")
        first = int(shard.starts[shard.names.index(clip.recording)]) + clip.first
        span = slice(first, first + clip.frames)
        poses = shard.poses[span].reshape(-1, 24, 3)
        found[clip.name] = Motion(
            poses, shard.trans[span], float(MODEL_FPS), shard.contacts[span]
        )  # fmt: skip
    return found


def track_study(trained: Trained, starts: int, seed: int) -> Iterator[Tracked]:
    """Every clip from the same noisy starts: by targets alone, linear feedback, and the policy."""
    bodies = bodies_of(trained.humanoid)
    for name, motion in trained.motions.items():
        begun = noisy_starts(bodies, motion, starts, np.random.default_rng(seed))
        controls: Mapping[str, Control] = {
            "targets alone": by_gain(bodies, replace(motion, gain=0 * motion.gain)),
            "linear feedback": by_gain(bodies, motion),
            "policy": by_policy_of(bodies, trained.policy, motion),
        }
        for kind, control in controls.items():
            found = perform(bodies, control, motion, begun)
            yield Tracked(
                name, kind, starts, int(found.reached_end.sum()),
                float(found.frames.mean()) / MODEL_FPS, _error(trained, motion, found),
            )  # fmt: skip


def _error(trained: Trained, motion: Demonstration, found: Performance) -> float:
    skeleton, fps = trained.humanoid.skeleton, float(MODEL_FPS)
    wanted = motion_of(motion.qpos, fps, skeleton).joint_positions
    errors = [
        np.linalg.norm(motion_of(one, fps, skeleton).joint_positions - wanted, axis=-1).mean()
        for one in found.qpos[:, found.reached_end].swapaxes(0, 1)
    ]
    return 1000 * float(np.mean(errors)) if errors else float("nan")


@dataclass(frozen=True)
class Adapted:
    """Worlds of one kind of change.

    Attributes:
        kind: of change.
        worlds: how many, over all clips.
        without, with_it: share of noisy starts that came to the end in each world.
    """

    kind: str
    worlds: int
    without: tuple[float, ...]
    with_it: tuple[float, ...]


def world_study(
    trained: Trained,
    clips: Sequence[str],
    each: int,
    starts: int,
    seed: int,
    show: Callable[[int, int | None], None],
    kinds: Sequence[str] = (),
) -> list[Adapted]:
    """The policy that knows nothing of its world, and adapting, from the same starts."""
    every = [*KINDS, "mixed"]
    kinds = kinds or every
    found = []
    for number, kind in enumerate(kinds):
        pairs = []
        for at in range(each):
            rng = np.random.default_rng((seed, every.index(kind), at))
            world, name = drawn_world(kind, rng), clips[at % len(clips)]
            bodies, motion = bodies_in(trained.humanoid, world), trained.motions[name]
            begun = noisy_starts(bodies, motion, starts, rng)
            shares = []
            plain = by_policy_of(bodies, trained.policy, motion)
            for control in (plain, Adapting(trained.humanoid, motion, plain)):
                done = perform(bodies, control, motion, begun, world, np.random.default_rng(seed))
                shares.append(float(done.reached_end.mean()))
            pairs.append(shares)
            show(number * each + at + 1, len(kinds) * each)
        without, with_it = zip(*pairs, strict=True)
        found.append(Adapted(kind, each, without, with_it))
    return found


def together(rows: Sequence[Adapted]) -> Adapted:
    """All kinds of change as one."""
    without = sum((row.without for row in rows), ())
    return Adapted("all", len(without), without, sum((row.with_it for row in rows), ()))


def shares_text(shares: Sequence[float], seed: int = 0) -> str:
    """The mean, and where 95 % of the means of redrawn worlds lie."""
    means = np.random.default_rng(seed).choice(shares, (2000, len(shares))).mean(1)
    low, high = np.percentile(means, (2.5, 97.5))
    return f"{np.mean(shares):.0%} ({low:.0%} to {high:.0%})"
