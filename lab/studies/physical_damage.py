"""Whether the physics report tells captured motion from the same motion damaged."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.ndimage import uniform_filter1d

from vimoflow.conventions import MODEL_FPS
from vimoflow.data.shards import Shard
from vimoflow.geometry.signals import runs_of_true
from vimoflow.motion.clip import Motion
from vimoflow.motion.clip_resampling import resample_motion
from vimoflow.motion.floor import sole_heights
from vimoflow.physics.plausibility import PhysicsReport, physics_report

FRAMES = 120
RAISED_M, SLID_M_S, SLOWED = 0.05, 0.1, 0.5
FALLING = -6.5  # m/s^2 of the pelvis: nothing holds it
_LEFT_OUT = ("climb", "unihsi")  # people sit on and climb things that a flat floor knows nothing of


@dataclass(frozen=True)
class Damage:
    """One kind of damage, and how well it shows.

    Attributes:
        name: what was done.
        clips: how many.
        measure: of the report.
        area: under its ROC curve, captured against damaged.
        captured, damaged: its medians.
    """

    name: str
    clips: int
    measure: str
    area: float
    captured: float
    damaged: float


def raised(motion: Motion) -> Motion:
    """5 cm above the floor."""
    return dataclasses.replace(motion, trans=motion.trans + np.array([0, RAISED_M, 0], np.float32))


def slid(motion: Motion) -> Motion:
    """Carried off at 10 cm/s."""
    way = SLID_M_S * motion.timestamps[:, None] * [1.0, 0.0, 0.0]
    return dataclasses.replace(motion, trans=(motion.trans + way).astype(np.float32))


def slowed(motion: Motion) -> Motion:
    """At half the speed, so that nothing falls as it must."""
    slow = dataclasses.replace(
        motion, fps=motion.fps * SLOWED, timestamps=motion.timestamps / SLOWED
    )
    return resample_motion(slow, motion.fps)


def falls(motion: Motion) -> Iterator[Motion]:
    """The two seconds around free falls (jumps and runs' flights, mostly) that do not overlap."""
    height = torch.from_numpy(motion.trans[:, 1]).double().numpy()
    fall = np.gradient(np.gradient(uniform_filter1d(height, 3))) * MODEL_FPS**2 < FALLING
    if fall.sum() < 5:
        return
    lowest = sole_heights(torch.from_numpy(motion.joint_positions)).min(-1).values.numpy()
    last = 0
    for first, end in runs_of_true(fall):
        middle = (first + end) // 2
        span = slice(middle - round(MODEL_FPS), middle + round(MODEL_FPS))
        inside = span.start >= last and span.stop <= len(motion)
        if end - first >= 5 and inside and (lowest[span] > 0.05).sum() >= 4:
            last = span.stop
            yield _cut(motion, span)


def recordings(shards: Sequence[Shard], limit: int | None) -> Iterator[Motion]:
    """At most so many recordings of each corpus on a flat floor, evenly chosen; or all of them."""
    for shard in shards:
        if shard.entry.corpus in _LEFT_OUT:
            continue
        count = len(shard.names)
        chosen = np.unique(np.linspace(0, count - 1, limit or count).round().astype(int))
        for row in chosen:
            span = slice(int(shard.starts[row]), int(shard.starts[row + 1]))
            if span.stop - span.start >= MODEL_FPS and "obstacle" not in shard.names[row]:
                poses = shard.poses[span].reshape(-1, 24, 3)
                yield Motion(poses, shard.trans[span], float(MODEL_FPS), shard.contacts[span])


def roc_area(small: Sequence[float], large: Sequence[float]) -> float:
    """Probability that one of ``large`` exceeds one of ``small``; ties count half."""
    a, b = np.array(small)[:, None], np.array(large)[None]
    return float(((b > a) + 0.5 * (b == a)).mean())


def damage_study(
    shards: Sequence[Shard], limit: int, show: Callable[[int, int | None], None]
) -> tuple[Damage, ...]:
    """Every kind of damage: the middle four seconds of some recordings, and the falls of all."""
    pairs: dict[str, list[tuple[PhysicsReport, PhysicsReport]]] = {name: [] for name in _KINDS}
    clips = list(recordings(shards, limit))
    for done, motion in enumerate(clips, start=1):
        middle = len(motion) // 2
        part = _cut(motion, slice(max(middle - FRAMES // 2, 0), middle + FRAMES // 2))
        captured = physics_report(part)
        pairs["raised 5 cm"].append((captured, physics_report(raised(part))))
        pairs["slid at 10 cm/s"].append((captured, physics_report(slid(part))))
        show(done, len(clips))
    for motion in recordings(shards, None):
        for fall in falls(motion):
            pair = (physics_report(fall), physics_report(slowed(fall)))
            pairs["falls at half speed"].append(pair)
    return tuple(
        _damage(name, measure, pairs[name])
        for name, own in _KINDS.items()
        for measure in (own, "implausibility")
        if pairs[name]
    )


def _damage(
    name: str, measure: str, pairs: Sequence[tuple[PhysicsReport, PhysicsReport]]
) -> Damage:
    of: Callable[[PhysicsReport], float] = _MEASURES[measure]
    captured, damaged = ([of(report) for report in side] for side in zip(*pairs, strict=True))
    return Damage(
        name, len(pairs), measure, roc_area(captured, damaged),
        float(np.median(captured)), float(np.median(damaged)),
    )  # fmt: skip


def _cut(motion: Motion, span: slice) -> Motion:
    return Motion(motion.poses[span], motion.trans[span], motion.fps, motion.contacts[span])


_MEASURES: dict[str, Callable[[PhysicsReport], float]] = {
    "float, median mm": lambda report: float(np.median(report.frames.float_mm)),
    "drift, median mm/s": lambda report: float(np.median(report.frames.drift_mm_s)),
    "held in flight, of body weight": lambda report: report.frames.held_in_flight(),
    "implausibility": PhysicsReport.implausibility,
}
_KINDS = {
    "raised 5 cm": "float, median mm",
    "slid at 10 cm/s": "drift, median mm/s",
    "falls at half speed": "held in flight, of body weight",
}
