"""Whether the verdict's risk tells results above 80 mm (PA-MPJPE) from those below.

Clips of all corpora without real 2D are seen by virtual cameras through three severities of a
detector's damage, or rendered ones by MediaPipe; they are mended, animated and judged as
``generate`` does it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float

from vimoflow.conventions import MODEL_FPS
from vimoflow.data.shards import Shard
from vimoflow.diffusion.checkpoint import Checkpoint
from vimoflow.evaluation.benchmark.cases import Case, picked_rows, virtual_case
from vimoflow.evaluation.benchmark.prediction import predict
from vimoflow.evaluation.benchmark.scores import score
from vimoflow.inference.conditioning.corruption import CorruptionSettings
from vimoflow.inference.sampling import SamplingOptions
from vimoflow.keypoints.mending import mended
from vimoflow.keypoints.sequence import Keypoints2D
from vimoflow.pipeline.quality import measure_quality
from vimoflow.pipeline.verdict import judge

_SEVERITIES = (1.0, 2.5, 4.0)
_LONGEST, _SHORTEST = 120, 30  # frames
_BAD_MM = 80.0
_LIMITS = (0.2, 0.3, 0.4, 0.5, 0.6)


def damaged_cases(shards: Sequence[Shard], seed: int, limit: int) -> list[Case]:
    """Clips of every severity; of those with real 2D none."""
    cases = []
    for severity in _SEVERITIES:
        noise = CorruptionSettings(
            severity=severity, long_swap_per_s=0.03 * severity, frame_gap_per_s=0.05 * severity,
            long_gap_share=0.08 * severity, group_gap_per_s=0.03 * severity,
        )  # fmt: skip
        for shard in (one for one in shards if not len(one.view_of)):
            for group in sorted(set(shard.groups)):
                rows = [i for i, g in enumerate(shard.groups) if g == group]
                for row in picked_rows(rows, limit):
                    own = seed * 7 + int(severity * 10)
                    cases.append(virtual_case(shard, row, own, _LONGEST, noise=noise))
    return [case for case in cases if len(case.points_px) > _SHORTEST]


def judged(
    checkpoint: Checkpoint, cases: Sequence[Case], progress: Callable[[int, int | None], None]
) -> tuple[Float[np.ndarray, " clips"], Float[np.ndarray, " clips"]]:
    """The risk and the PA-MPJPE, millimetres, of each case."""
    keypoints = [mended(_keypoints(case)).keypoints for case in cases]
    seen = [
        dataclasses.replace(case, points_px=one.points.astype(np.float32))
        for case, one in zip(cases, keypoints, strict=True)
    ]
    motions = predict(checkpoint, seen, SamplingOptions(), progress)
    risks = [
        judge(motion, one, measure_quality(motion, one)).risk
        for motion, one in zip(motions, keypoints, strict=True)
    ]
    errors = [score(m, case).pa_mpjpe for m, case in zip(motions, seen, strict=True)]
    return np.array(risks), np.array(errors)


def limits_table(risks: Float[np.ndarray, " clips"], errors: Float[np.ndarray, " clips"]) -> str:
    """Area under the ROC curve, and what each limit flags."""
    bad = errors > _BAD_MM
    gap = risks[bad][:, None] - risks[~bad][None]
    area = float(((gap > 0) + 0.5 * (gap == 0)).mean()) if gap.size else float("nan")
    lines = [f"{len(errors)} clips, {bad.mean():.0%} above {_BAD_MM:g} mm, AUC {area:.3f}"]
    for limit in _LIMITS:
        flagged = risks > limit
        right = float((flagged & bad).sum())
        lines.append(
            f"  risk above {limit}: {flagged.mean():.0%} flagged, precision "
            f"{right / max(flagged.sum(), 1):.2f}, recall {right / max(bad.sum(), 1):.2f}"
        )
    return "\n".join(lines)


def _keypoints(case: Case) -> Keypoints2D:
    points = case.points_px.astype(float)
    return Keypoints2D(points, np.arange(len(points)) / MODEL_FPS, (1000, 1000))
