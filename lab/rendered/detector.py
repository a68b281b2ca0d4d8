"""Error statistics of the keypoint detector on rendered clips, for tables and the noise model.

Errors are in pixels and in millimetres at the person's distance. Two truths are used: the COCO
points of our skeleton, and those that annotators would place on the body that was filmed; where the
bias differs between them, definitions differ, not detections.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from scipy.stats import spearmanr

from lab.rendered.clips import RenderedClip, detections
from vimoflow.conventions import COCO_NAMES
from vimoflow.files import output_errors, write_text
from vimoflow.geometry.cameras import project
from vimoflow.motion.skeleton import MIRROR_COCO, coco

_MM = 1000.0
_NEAR_M = 0.03  # no direction outward from a pair of joints nearer in the image


@dataclass(frozen=True)
class JointErrors:
    """Statistics of one COCO point; NaN where there was nothing to measure.

    Attributes:
        name: of the point.
        n: frames in which it was found inside the image.
        missing: share of frames in which it was not.
        median_px, median_mm, p90_mm, p99_mm: size of the error, points that are not hidden.
        hidden_median_mm, hidden_p90_mm: the same for points behind something.
        hidden_share: of the frames.
        bias_down_mm: mean error towards the image's lower edge, points that are not hidden.
        bias_outward_mm: mean error away from its partner on the other side (hip from hip).
        annotated_bias_down_mm, annotated_bias_outward_mm: against annotators' points instead.
        clip_bias_mm: spread (standard deviation of an axis) of the mean error between clips.
        confidence: median.
        confidence_error: rank correlation of confidence and size of the error.
        next_frame: correlation of an axis' error with that of the next frame, clips' means removed.
    """

    name: str
    n: int
    missing: float
    median_px: float
    median_mm: float
    p90_mm: float
    p99_mm: float
    hidden_share: float
    hidden_median_mm: float
    hidden_p90_mm: float
    bias_down_mm: float
    bias_outward_mm: float
    annotated_bias_down_mm: float
    annotated_bias_outward_mm: float
    clip_bias_mm: float
    confidence: float
    confidence_error: float
    next_frame: float


@dataclass(frozen=True)
class DetectorErrors:
    """Statistics of all points over some clips."""

    detector: str
    clips: int
    frames: int
    frames_without_person: int
    joints: tuple[JointErrors, ...]


@dataclass(frozen=True)
class _Sample:
    """One clip: errors (pixels), pixels per metre, outward directions, and what was seen."""

    error_px: Float[np.ndarray, "frames 17 2"]
    annotated_px: Float[np.ndarray, "frames 17 2"]
    scale_px: Float[np.ndarray, " frames"]
    outward: Float[np.ndarray, "frames 17 2"]
    confidence: Float[np.ndarray, "frames 17"]
    hidden: np.ndarray
    outside: np.ndarray


def detector_errors(
    clips: Sequence[RenderedClip], progress: Callable[[int, int | None], None] | None = None
) -> DetectorErrors:
    """Run MediaPipe on the clips (kept beside them) and compare with the exact 2D."""
    samples = []
    for i, clip in enumerate(clips):
        samples.append(_sample(clip))
        if progress is not None:
            progress(i + 1, len(clips))
    confidence = np.concatenate([s.confidence for s in samples])
    return DetectorErrors(
        "mediapipe-full-0.10.21",
        len(clips),
        len(confidence),
        int((confidence == 0).all(axis=1).sum()),
        tuple(_joint(samples, k) for k in range(len(COCO_NAMES))),
    )


def write_detector_errors(errors: DetectorErrors, folder: Path) -> str:
    """Write detector.json and detector.md; returns the Markdown table.

    Raises:
        OutputError: the folder cannot be written to.
    """
    table = detector_table(errors)
    fields = {
        "detector": errors.detector, "clips": errors.clips, "frames": errors.frames,
        "frames_without_person": errors.frames_without_person,
        "joints": {
            j.name: {k: _rounded(float(v)) for k, v in vars(j).items() if k != "name"}
            for j in errors.joints
        },
    }  # fmt: skip
    texts = {"detector.json": json.dumps(fields, indent=1, allow_nan=False), "detector.md": table}
    with output_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            write_text(folder / name, text + "\n")
    return table


def detector_table(errors: DetectorErrors) -> str:
    """The main statistics as Markdown."""
    lines = [
        "| point | n | missing | median px | median mm | 90 % mm | hidden: share | median mm "
        "| bias down mm | bias outward mm | same, annotators' points | confidence | and error |",
        "|---" * 13 + "|",
    ]
    for j in errors.joints:
        cells = (
            j.name.replace("_", " "), f"{j.n}", f"{100 * j.missing:.0f} %", f"{j.median_px:.1f}",
            f"{j.median_mm:.0f}", f"{j.p90_mm:.0f}", f"{100 * j.hidden_share:.0f} %",
            f"{j.hidden_median_mm:.0f}", f"{j.bias_down_mm:+.0f}", f"{j.bias_outward_mm:+.0f}",
            f"{j.annotated_bias_down_mm:+.0f} / {j.annotated_bias_outward_mm:+.0f}",
            f"{j.confidence:.2f}", f"{j.confidence_error:+.2f}",
        )  # fmt: skip
        lines.append("| " + " | ".join(cells) + " |")
    return re.sub(r"[+-]?\bnan\b", "–", "\n".join(lines))


def _sample(clip: RenderedClip) -> _Sample:
    points = detections(clip).points_px
    hips = project(clip.camera, torch.from_numpy(clip.coco_world).float())[1].numpy()
    scale = clip.camera.focal_px.numpy() / hips[:, [coco("left_hip"), coco("right_hip")]].mean(1)
    apart = clip.coco_px - clip.coco_px[:, list(MIRROR_COCO)]
    length = np.linalg.norm(apart, axis=-1, keepdims=True)
    known = length > _NEAR_M * scale[:, None, None]
    outward = np.where(known, apart / np.where(known, length, 1.0), np.nan)
    return _Sample(
        points[..., :2] - clip.coco_px, points[..., :2] - clip.annotation_px, scale, outward,
        points[..., 2], clip.hidden, clip.outside,
    )  # fmt: skip


def _joint(samples: Sequence[_Sample], k: int) -> JointErrors:
    rows = [(s, (s.confidence[:, k] > 0) & ~s.outside[:, k]) for s in samples]
    found = np.concatenate([keep for _, keep in rows])
    inside = np.concatenate([~s.outside[:, k] for s in samples])
    error = np.concatenate([s.error_px[keep, k] for s, keep in rows])
    scale = np.concatenate([s.scale_px[keep] for s, keep in rows])
    hidden = np.concatenate([s.hidden[keep, k] for s, keep in rows])
    confidence = np.concatenate([s.confidence[keep, k] for s, keep in rows])
    outward = np.concatenate([s.outward[keep, k] for s, keep in rows])
    annotated = np.concatenate([s.annotated_px[keep, k] for s, keep in rows])
    mm = _MM * error / scale[:, None]
    annotated_mm = _MM * annotated / scale[:, None]
    size = np.linalg.norm(mm, axis=1)
    clear = ~hidden
    means = [
        _MM * (s.error_px[keep, k] / s.scale_px[keep, None]).mean(axis=0)
        for s, keep in rows if keep.sum() >= 10
    ]  # fmt: skip
    return JointErrors(
        name=COCO_NAMES[k],
        n=int(found.sum()),
        missing=1 - float(found.sum() / max(1, inside.sum())),
        median_px=_quantile(np.linalg.norm(error, axis=1)[clear], 0.5),
        median_mm=_quantile(size[clear], 0.5),
        p90_mm=_quantile(size[clear], 0.9),
        p99_mm=_quantile(size[clear], 0.99),
        hidden_share=float(hidden.mean()) if len(hidden) else np.nan,
        hidden_median_mm=_quantile(size[hidden], 0.5),
        hidden_p90_mm=_quantile(size[hidden], 0.9),
        bias_down_mm=_mean(mm[clear, 1]),
        bias_outward_mm=_mean((mm * outward).sum(axis=1)[clear]),
        annotated_bias_down_mm=_mean(annotated_mm[clear, 1]),
        annotated_bias_outward_mm=_mean((annotated_mm * outward).sum(axis=1)[clear]),
        clip_bias_mm=float(np.std(means)) if len(means) > 1 else np.nan,
        confidence=_quantile(confidence, 0.5),
        confidence_error=_rank_correlation(confidence, size),
        next_frame=_next_frame(rows, k),
    )


def _next_frame(rows: Sequence[tuple[_Sample, np.ndarray]], k: int) -> float:
    pairs = []
    for s, keep in rows:
        if keep.sum() < 10:
            continue
        error = s.error_px[:, k] / s.scale_px[:, None]
        error = error - error[keep].mean(axis=0)
        both = keep[1:] & keep[:-1]
        pairs.append(np.stack((error[:-1][both], error[1:][both])).reshape(2, -1))
    together = np.concatenate(pairs, axis=1) if pairs else np.zeros((2, 0))
    if together.shape[1] <= 10 or np.ptp(together) == 0:
        return np.nan
    return float(np.corrcoef(together)[0, 1])


def _rank_correlation(a: np.ndarray, b: np.ndarray) -> float:
    if len(a) < 10 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return np.nan
    return float(spearmanr(a, b).statistic)


def _quantile(values: np.ndarray, share: float) -> float:
    return float(np.quantile(values, share)) if len(values) else np.nan


def _mean(values: np.ndarray) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else np.nan


def _rounded(value: float) -> float | None:
    return round(float(value), 4) if np.isfinite(value) else None
