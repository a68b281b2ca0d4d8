"""Tables of real and simulated detector statistics, as a Markdown page."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from scipy.stats import spearmanr

from lab.fitting.detector_observations import Observation
from vimoflow.inference.conditioning.corruption import CorruptionSettings, corrupt_keypoints
from vimoflow.inference.conditioning.detector_noise import DetectorNoise
from vimoflow.inference.conditioning.occlusion import HIDDEN, SEEN
from vimoflow.motion.skeleton import COCO_NAMES

PARTS = ("face", "shoulder", "elbow", "wrist", "hip", "knee", "ankle")
ROUNDS = 8  # simulations of every real view
# As the detector of AIST++ behaves: nothing missing, confidence as fitted.
LIKE_AIST = CorruptionSettings(
    joint_gap_per_s=0.0, group_gap_per_s=0.0, frame_gap_per_s=0.0, long_gap_share=0.0,
    long_swap_per_s=0.0, outside_missing_share=0.0, mediapipe_share=0.0, binary_share=0.0,
    exponent_spread=0.0,
)  # fmt: skip


@dataclass(frozen=True)
class _Sample:
    """Errors (rows frames 17 2) in metres, confidence and hidden share of many views."""

    error_m: np.ndarray
    confidence: np.ndarray
    hidden: np.ndarray

    def points(self, part: str) -> list[int]:
        face = ("nose", "eye", "ear")
        return [
            i
            for i, name in enumerate(COCO_NAMES)
            if name.endswith(part) or (part == "face" and name.endswith(face))
        ]


def write_report(observations: list[Observation], noise: DetectorNoise, path: Path) -> None:
    """Compares the real detections with simulated ones of the same projections."""
    length = min(o.error_m.shape[1] for o in observations)
    real = _join([_real(o, length) for o in observations])
    simulated = _join([_simulate(o, noise, length) for o in observations])
    kept = sum(int(o.trusted.sum()) for o in observations)
    lines = [
        "# The detector's noise: fitted, and checked against what it was fitted on",
        "",
        "Written by `lab/fitting/detector_noise.py ... --report`. Real: the 2D detections of the",
        "training sequences of AIST++ named below, at 30 fps",
        f"({kept} of {9 * len(observations)} views; the others do not match their calibration).",
        "Truth: `keypoints3d_optim` for the first, robust triangulation of the nine views for the",
        "others. Simulated: `corrupt_keypoints` on the exact projections of the same motions,",
        "gaps and the other styles of confidence switched off. Millimetres are at the person's",
        "distance, for a person of the canonical leg length. Validation sequences were not read.",
        "A triangulated truth shares a little of the detections' own error, so ch01-04 look",
        "slightly better than they are; d02 is the harder and the more honest one.",
        "",
        "The typical size of the error differs between views (log-normal, spread about 0.37),",
        "which the pooled tails below already hold in part; simulated clips vary by another",
        f"{LIKE_AIST.severity_spread:g}, so they are slightly worse than these, on purpose.",
        "",
        *_view_table(observations),
        *_error_table(real, simulated),
        *_confidence_table(real, simulated),
        *_time_table(real, simulated),
        *_calibration_table(real, simulated),
        *_swap_table(noise),
    ]
    path.write_text("\n".join(lines), "utf-8")


def _real(o: Observation, length: int) -> _Sample:
    keep = o.trusted
    # Sequences of one length weigh the same; the long one gives several pieces.
    pieces = range(0, o.error_m.shape[1] - length + 1, length)
    cut = [slice(start, start + length) for start in pieces]
    return _join(
        [_Sample(o.error_m[keep, c], o.confidence[keep, c], o.hidden[keep, c]) for c in cut]
    )


def _simulate(o: Observation, noise: DetectorNoise, length: int) -> _Sample:
    generator = torch.Generator().manual_seed(1)
    samples = []
    for _ in range(ROUNDS):
        points = corrupt_keypoints(o.view, generator, noise, LIKE_AIST).numpy()
        fake = Observation(o.name, o.view, points[..., :2], points[..., 2], o.hidden)
        pieces = range(0, o.error_m.shape[1] - length + 1, length)
        for start in pieces:
            c = slice(start, start + length)
            keep = o.trusted
            samples.append(
                _Sample(fake.error_m[keep, c], fake.confidence[keep, c], o.hidden[keep, c])
            )
    return _join(samples)


def _join(samples: list[_Sample]) -> _Sample:
    return _Sample(
        np.concatenate([s.error_m for s in samples]),
        np.concatenate([s.confidence for s in samples]),
        np.concatenate([s.hidden for s in samples]),
    )


def _view_table(observations: list[Observation]) -> list[str]:
    lines = [
        "## Median error of each view in pixels (images 1920x1080)", "",
        "| sequence | " + " | ".join(f"c{v + 1:02d}" for v in range(9)) + " | median mm |",
        "|---" * 11 + "|",
    ]  # fmt: skip
    for o in observations:
        px = np.linalg.norm(o.detected_px - o.view.points_px.numpy(), axis=-1)
        medians = np.median(px, axis=(1, 2))
        cells = [
            f"{value:.1f}" if ok else f"({value:.0f})"
            for value, ok in zip(medians, o.trusted, strict=True)
        ]
        size = np.median(np.linalg.norm(o.error_m[o.trusted], axis=-1)) * 1000
        lines.append(f"| {o.name} | " + " | ".join(cells) + f" | {size:.0f} |")
    return [*lines, "", "In brackets: left out of the fit.", ""]


def _error_table(real: _Sample, simulated: _Sample) -> list[str]:
    levels = (0.25, 0.5, 0.75, 0.9, 0.95, 0.99)
    lines = [
        "## Size of the error in mm: quantiles, real / simulated", "",
        "| part | seen or hidden | share | " + " | ".join(f"{q:.0%}" for q in levels) + " |",
        "|---" * (3 + len(levels)) + "|",
    ]  # fmt: skip
    for part in PARTS:
        for label, low, high in (("seen", -1, SEEN), ("hidden", HIDDEN, 2)):
            sides = []
            for s in (real, simulated):
                points = s.points(part)
                mask = (s.hidden[..., points] > low) & (s.hidden[..., points] < high)
                sizes = np.linalg.norm(s.error_m[..., points, :], axis=-1)[mask] * 1000
                sides.append((mask.mean(), np.quantile(sizes, levels)))
            cells = [f"{a:.0f} / {b:.0f}" for a, b in zip(sides[0][1], sides[1][1], strict=True)]
            lines.append(f"| {part} | {label} | {sides[0][0]:.0%} | " + " | ".join(cells) + " |")
    return [*lines, ""]


def _confidence_table(real: _Sample, simulated: _Sample) -> list[str]:
    levels = (0.05, 0.25, 0.5, 0.75, 0.95)
    lines = [
        "## Confidence: quantiles, real / simulated", "",
        "| part | " + " | ".join(f"{q:.0%}" for q in levels) + " |",
        "|---" * (1 + len(levels)) + "|",
    ]  # fmt: skip
    for part in PARTS:
        a, b = (np.quantile(s.confidence[..., s.points(part)], levels) for s in (real, simulated))
        cells = [f"{x:.2f} / {y:.2f}" for x, y in zip(a, b, strict=True)]
        lines.append(f"| {part} | " + " | ".join(cells) + " |")
    return [*lines, ""]


def _time_table(real: _Sample, simulated: _Sample) -> list[str]:
    lines = [
        "## In time, and together: real / simulated", "",
        "Rank correlations between frames 1, 5 and 15 apart; jitter is the median step of the",
        "error from frame to frame; the last column correlates confidence with the error's size.",
        "",
        "| part | error, 1 | error, 5 | error, 15 | confidence, 1 | confidence, 5 | jitter mm"
        " | confidence and error |",
        "|---|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    for part in PARTS:
        columns = []
        for s in (real, simulated):
            points = s.points(part)
            error, confidence = s.error_m[..., points, :], s.confidence[..., points]
            size = np.linalg.norm(error, axis=-1)
            step = np.linalg.norm(np.diff(error, axis=1), axis=-1)
            columns.append(
                [f"{_rank(error[:, :-lag], error[:, lag:]):.2f}" for lag in (1, 5, 15)]
                + [f"{_rank(confidence[:, :-lag], confidence[:, lag:]):.2f}" for lag in (1, 5)]
                + [f"{np.median(step) * 1000:.1f}", f"{_rank(confidence, size):.2f}"]
            )
        cells = [f"{a} / {b}" for a, b in zip(*columns, strict=True)]
        lines.append(f"| {part} | " + " | ".join(cells) + " |")
    return [*lines, ""]


def _calibration_table(real: _Sample, simulated: _Sample) -> list[str]:
    edges = (0, 0.05, 0.2, 0.4, 0.6, 0.8, 1.01)
    lines = [
        "## What a confidence means: error in mm (median, 90 %), shoulders to ankles", "",
        "| confidence | share, real / simulated | median | 90 % |", "|---|---|---|---|",
    ]  # fmt: skip
    for low, high in itertools.pairwise(edges):
        cells = []
        for s in (real, simulated):
            confidence = s.confidence[..., 5:]
            inside = (confidence >= low) & (confidence < high)
            sizes = np.linalg.norm(s.error_m[..., 5:, :], axis=-1)[inside] * 1000
            cells.append(
                (f"{inside.mean():.1%}", *(f"{q:.0f}" for q in np.quantile(sizes, (0.5, 0.9))))
            )
        pairs = [f"{a} / {b}" for a, b in zip(*cells, strict=True)]
        lines.append(f"| {low:.2f}-{min(high, 1):.2f} | " + " | ".join(pairs) + " |")
    return [*lines, ""]


def _swap_table(noise: DetectorNoise) -> list[str]:
    lines = [
        "## Left and right mistaken (fitted)", "",
        "| group | per minute | mean duration, frames at 30 fps |", "|---|---|---|",
    ]  # fmt: skip
    rows = zip(noise.swap_names, noise.swap_per_s, noise.swap_s, strict=True)
    lines += [f"| {name} | {rate * 60:.1f} | {length * 30:.1f} |" for name, rate, length in rows]
    return [*lines, ""]


def _rank(a: np.ndarray, b: np.ndarray) -> float:
    return float(spearmanr(a.ravel(), b.ravel()).statistic)
