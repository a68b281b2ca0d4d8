"""Pictures of what a checkpoint gets most wrong: for the model card."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8

from lab.figures.strips import StripRow, draw_strip
from vimoflow.diffusion.checkpoint import Checkpoint
from vimoflow.evaluation.benchmark.cases import Case
from vimoflow.evaluation.benchmark.prediction import predict
from vimoflow.evaluation.benchmark.scores import score
from vimoflow.inference.sampling import SamplingOptions
from vimoflow.motion.clip import Motion


@dataclass(frozen=True)
class Failure:
    """The worst clip of a corpus.

    Attributes:
        case: what was asked.
        motion: what came out.
        pa_mpjpe_mm: its error, COCO points 5 to 16, similarity per frame.
    """

    case: Case
    motion: Motion
    pa_mpjpe_mm: float

    @property
    def corpus(self) -> str:
        """Corpus and group."""
        return f"{self.case.corpus} {self.case.group}".strip()


def worst(
    checkpoint: Checkpoint, cases: Sequence[Case], options: SamplingOptions | None = None
) -> tuple[Failure, ...]:
    """The clip with the largest error of every corpus and group, the worst of all first."""
    motions = predict(checkpoint, cases, options or SamplingOptions())
    found: dict[str, Failure] = {}
    for case, motion in zip(cases, motions, strict=True):
        failure = Failure(case, motion, score(motion, case).pa_mpjpe)
        known = found.get(failure.corpus)
        if known is None or known.pa_mpjpe_mm < failure.pa_mpjpe_mm:
            found[failure.corpus] = failure
    return tuple(sorted(found.values(), key=lambda f: -f.pa_mpjpe_mm))


def draw_failure(failure: Failure, columns: int = 8) -> UInt8[np.ndarray, "height width 3"]:
    """The truth above, the estimate below it, at evenly spread moments."""
    rows = [
        StripRow(label, np.asarray(motion.joint_positions))
        for label, motion in (("truth", failure.case.truth), ("estimate", failure.motion))
    ]
    return draw_strip(rows, columns)
