"""Where people go in the world while cameras stand, turn, shake, zoom, follow and orbit."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
from scipy.ndimage import gaussian_filter1d

from vimoflow.data.shards import Shard
from vimoflow.diffusion.checkpoint import Checkpoint
from vimoflow.evaluation.benchmark.benchmark_file import Cameras, ClipSet, Manifest, benchmark_cases
from vimoflow.evaluation.benchmark.cases import Case
from vimoflow.evaluation.benchmark.prediction import predict
from vimoflow.evaluation.benchmark.scores import Score, mean_score, score
from vimoflow.inference.sampling import SamplingOptions
from vimoflow.motion.clip import Motion

KINDS = ("still", "panning", "hand-held", "zooming", "following", "orbiting")
_HALF_SECOND = 7.5  # frames; what sways to and fro is no way
_SHORTEST_M = 1.0  # of shorter ways the share that is wrong says nothing


@dataclass(frozen=True)
class Filmed:
    """All clips through cameras of one kind, and the motions that were made of them."""

    kind: str
    cases: Sequence[Case]
    motions: Sequence[Motion]


def filmed(
    checkpoint: Checkpoint,
    manifest: Manifest,
    shards: Sequence[Shard],
    options: SamplingOptions,
    kinds: Sequence[str] = KINDS,
    progress: Callable[[int, int | None], None] | None = None,
) -> list[Filmed]:
    """Every clip of a benchmark through cameras of every kind."""
    found = []
    for number, kind in enumerate(kinds):
        clips = [dataclasses.replace(c, cameras=cast("Cameras", kind)) for c in manifest.clips]
        same = dataclasses.replace(manifest, clips=_titled(clips))
        cases = [case for named in benchmark_cases(same, shards) for case in named.cases]
        found.append(Filmed(kind, cases, predict(checkpoint, cases, options)))
        if progress is not None:
            progress(number + 1, len(kinds))
    return found


def world_table(rows: Sequence[Filmed]) -> str:
    """A line a kind of camera: means over its clips."""
    columns = ("camera", "n", "W-MPJPE mm", "WA-MPJPE mm", "RTE %", "foot slide mm",
               "length off %", "MPJPE mm")  # fmt: skip
    lines = [f"| {' | '.join(columns)} |", "|" + "---|" * len(columns)]
    for row in rows:
        pairs = list(zip(row.motions, row.cases, strict=True))
        mean = mean_score([_scored(motion, case) for motion, case in pairs])
        off = np.nanmean([length_error(motion, case.truth) for motion, case in pairs])
        lines.append(
            f"| {row.kind} | {len(pairs)} | {mean.w_mpjpe:.0f} | {mean.wa_mpjpe:.0f} "
            f"| {mean.rte:.1f} | {mean.foot_slide:.1f} | {100 * off:.1f} | {mean.mpjpe:.0f} |"
        )
    return "\n".join(lines)


def _scored(motion: Motion, case: Case) -> Score:
    """Its metrics, but no share of a way where there is hardly any."""
    found = score(motion, case)
    return found if way_m(case.truth) > _SHORTEST_M else dataclasses.replace(found, rte=np.nan)


def length_error(motion: Motion, truth: Motion) -> float:
    """Share by which a way is too long or too short; NaN where there is hardly any."""
    there, ours = (way_m(one) for one in (truth, motion))
    return abs(ours / there - 1) if there > _SHORTEST_M else float("nan")


def way_m(motion: Motion) -> float:
    """Length of the path on the ground, smoothed over half a second."""
    path = gaussian_filter1d(motion.trans[:, ::2].astype(float), _HALF_SECOND, axis=0)
    return float(np.linalg.norm(np.diff(path, axis=0), axis=1).sum())


def _titled(clips: Sequence[ClipSet]) -> tuple[ClipSet, ...]:
    return tuple(dataclasses.replace(c, title=f"{c.corpus} {i}") for i, c in enumerate(clips))
