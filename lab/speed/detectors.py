"""Detectors beside each other on rendered clips: errors of their 2D and of the motion, and time."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from lab.rendered.benchmark import as_generated, rendered_cases
from lab.rendered.clips import RenderedClip
from vimoflow.conventions import MODEL_FPS
from vimoflow.diffusion.checkpoint import Checkpoint
from vimoflow.evaluation.benchmark.cases import Case
from vimoflow.evaluation.benchmark.prediction import predict
from vimoflow.evaluation.benchmark.scores import score
from vimoflow.inference.sampling import SamplingOptions
from vimoflow.keypoints.clock import on_every_frame
from vimoflow.keypoints.doubt import trust
from vimoflow.keypoints.estimators import extract, find_estimator

ARMS = (
    ("mediapipe-lite", MODEL_FPS / 2),
    ("mediapipe-lite", MODEL_FPS),
    ("mediapipe", MODEL_FPS / 2),
    ("mediapipe", MODEL_FPS),
    ("mediapipe-heavy", MODEL_FPS),
    ("mediapipe-three", MODEL_FPS),
)
_BODY = slice(5, None)  # COCO points that are measured

Points = Float[np.ndarray, "frames 17 3"]


@dataclass(frozen=True)
class DetectorRow:
    """One way to look.

    Attributes:
        title: detector and looks a second.
        pixels, mean_pixels: median and mean error of the points that it saw.
        mm: PA-MPJPE of the motion made of them, mean over the clips.
        seconds: processor time a second of video, with decoding.
    """

    title: str
    pixels: float
    mean_pixels: float
    mm: float
    seconds: float


def compare_detectors(
    clips: Sequence[RenderedClip],
    checkpoint: Checkpoint,
    progress: Callable[[int, int | None], None] | None = None,
) -> Iterator[DetectorRow]:
    """Every detector at its rates; what it finds is mended and doubted as ``generate`` does it."""
    cases = rendered_cases(clips, "truth")
    length_s = sum(len(clip.motion) for clip in clips) / MODEL_FPS
    for number, (name, rate) in enumerate(ARMS):
        found = [_timed(clip, name, rate) for clip in clips]
        seconds = sum(spent for _, spent in found) / length_s
        title = f"{name}, {rate:g} looks a second"
        yield _row(title, clips, cases, [points for points, _ in found], checkpoint, seconds)
        if progress is not None:
            progress(number + 1, len(ARMS))


def detector_lines(rows: Sequence[DetectorRow]) -> str:
    """A Markdown table."""
    head = "| | 2D error, px: median | mean | PA-MPJPE, mm | s a second of video |"
    lines = [
        f"| {r.title} | {r.pixels:.1f} | {r.mean_pixels:.1f} | {r.mm:.1f} | {r.seconds:.2f} |"
        for r in rows
    ]
    return "\n".join([head, "|" + "---|" * 5, *lines])


def _timed(clip: RenderedClip, name: str, rate: float) -> tuple[Points, float]:
    detector = find_estimator(name)()
    begun = time.process_time()
    found = extract(clip.video, detector, rate=rate)
    spent = time.process_time() - begun
    return on_every_frame(found.keypoints, found.clock)[0].points, spent


def _row(
    title: str,
    clips: Sequence[RenderedClip],
    cases: Sequence[Case],
    points: Sequence[Points],
    checkpoint: Checkpoint,
    seconds: float,
) -> DetectorRow:
    errors = np.concatenate(
        [
            np.linalg.norm(p[:, _BODY, :2] - c.coco_px[:, _BODY], axis=-1)[p[:, _BODY, 2] > 0]
            for p, c in zip(points, clips, strict=True)
        ]
    )
    mended = [as_generated(p, clip.size_px) for p, clip in zip(points, clips, strict=True)]
    seen = [
        dataclasses.replace(c, points_px=p.astype(np.float32), trust=trust(p))
        for c, p in zip(cases, mended, strict=True)
    ]
    motions = predict(checkpoint, seen, SamplingOptions())
    mm = np.mean([score(m, c).pa_mpjpe for m, c in zip(motions, seen, strict=True)])
    return DetectorRow(title, float(np.median(errors)), float(errors.mean()), float(mm), seconds)
