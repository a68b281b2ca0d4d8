"""Metrics of a clip: of its keypoints before it is animated, of its motions afterwards."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
import torch

from vimoflow.conventions import COCO_NAMES, STATURE_M
from vimoflow.factory.records import Figures
from vimoflow.inference.conditioning.encoding import MIN_CONFIDENCE, person_size_px
from vimoflow.inference.hypotheses import joint_spread_m
from vimoflow.keypoints.sequence import Keypoints2D
from vimoflow.motion.clip import Motion
from vimoflow.physics.plausibility import physics_report
from vimoflow.pipeline.quality import measure_quality
from vimoflow.pipeline.verdict import judge

_BODY = slice(COCO_NAMES.index("left_shoulder"), None)  # shoulders to ankles
_SEEN = 0.3  # confidence
_MM = 1000.0


def seen_figures(keypoints: Keypoints2D) -> Figures:
    """Metrics of the keypoints alone, before anything is animated."""
    body = keypoints.points[:, _BODY]
    size = float(person_size_px(torch.from_numpy(keypoints.points).float()[None]))
    known = body[..., 2] > MIN_CONFIDENCE
    both = known[1:] & known[:-1]
    step_m = np.linalg.norm(np.diff(body[..., :2], axis=0), axis=-1) / size
    moved = float(step_m[both].mean()) if both.any() else 0.0
    return Figures(
        person_px=_rounded(STATURE_M * size),
        visible=_rounded(float((body[..., 2] > _SEEN).mean())),
        confidence=_rounded(float(body[..., 2].mean())),
        movement_mps=_rounded(moved * keypoints.fps),
    )


def motion_figures(
    seen: Figures, samples: Sequence[Motion], keypoints: Keypoints2D, physics: bool = False
) -> Figures:
    """The figures of the first sample, what physics says of it if asked, and how far the samples
    lie apart."""
    quality = measure_quality(samples[0], keypoints)
    joints = samples[0].joint_positions
    speed = np.linalg.norm(np.diff(joints, axis=0), axis=-1).max(axis=1) * samples[0].fps
    spread = joint_spread_m(np.stack([motion.joint_positions for motion in samples]))
    return dataclasses.replace(
        seen,
        speed_mps=_rounded(float(np.quantile(speed, 0.99))),
        jerk=_optional(quality.jitter),
        foot_slide_mm=_optional(quality.foot_slide_mm),
        reprojection_percent=_optional(quality.reprojection_percent),
        spread_mm=_rounded(_MM * float(spread.mean())),
        risk=_rounded(judge(samples[0], keypoints, quality).risk),
        implausibility=_rounded(physics_report(samples[0]).implausibility()) if physics else None,
    )


def _optional(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else _rounded(value)


def _rounded(value: float) -> float:
    """To six significant digits: what is written and compared is one number."""
    return float(f"{value:.6g}")
