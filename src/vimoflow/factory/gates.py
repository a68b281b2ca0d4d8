"""Quality gates: which clips others should not be made to learn from, and why.

All thresholds are in ``settings.SeenLimits`` and ``settings.MotionLimits``. The first are asked
before a clip is animated, which saves the time; the second afterwards. Share seen, confidence,
jerk, reprojection and spread were chosen on half of the rendered clips with exact truth and of
spoilt copies of them (small, blurred, cut off, compressed, hidden, dark), the loosest that sort
them best, and measured on the other half; docs/datasets.md has the figures.
"""

from __future__ import annotations

from vimoflow.factory.records import ClipRecord, Figures, Rejection
from vimoflow.factory.settings import MotionLimits, SeenLimits

GATES = (
    "too short", "not a person", "too small", "low confidence", "static", "speed", "jerk",
    "foot slide", "reprojection", "spread", "verdict", "physics", "near-duplicate",
)  # fmt: skip


def rejections(
    clip: ClipRecord, seconds: float, seen: SeenLimits, motion: MotionLimits
) -> tuple[Rejection, ...]:
    """All gates that a clip does not pass, by its record alone; near-duplicates come later.

    Args:
        clip: the record.
        seconds: length of a clip.
        seen, motion: the limits.
    """
    if clip.figures is None:
        reason = f"the shot lasts {clip.duration_s:.2f} s, a clip {seconds:g} s"
        return (Rejection("too short", reason),)
    return (*seen_rejections(clip.figures, seen), *motion_rejections(clip.figures, motion))


def seen_rejections(figures: Figures, limits: SeenLimits) -> tuple[Rejection, ...]:
    """The gates on keypoints that a clip does not pass."""
    rows = (
        ("not a person", figures.visible, limits.visible, "of the body seen"),
        ("too small", figures.person_px, limits.person_px, "px tall"),
        ("low confidence", figures.confidence, limits.confidence, "mean confidence"),
        ("static", figures.movement_mps, limits.movement_mps, "m/s mean movement"),
    )
    return tuple(
        Rejection(gate, f"{value:.3g} {what}, at least {limit:g}")
        for gate, value, limit, what in rows
        if value < limit
    )


def motion_rejections(figures: Figures, limits: MotionLimits) -> tuple[Rejection, ...]:
    """The gates on motions that a clip does not pass; what was not measured passes."""
    rows = (
        ("speed", figures.speed_mps, limits.speed_mps, "m/s"),
        ("jerk", figures.jerk, limits.jerk, "m/s³"),
        ("foot slide", figures.foot_slide_mm, limits.foot_slide_mm, "mm a frame"),
        ("reprojection", figures.reprojection_percent, limits.reprojection_percent, "% of height"),
        ("spread", figures.spread_mm, limits.spread_mm, "mm between samples"),
        ("verdict", figures.risk, limits.risk, "risk of an error above 80 mm"),
        ("physics", figures.implausibility, limits.implausibility, "implausibility"),
    )
    return tuple(
        Rejection(gate, f"{value:.3g} {what}, at most {limit:g}")
        for gate, value, limit, what in rows
        if value is not None and value > limit
    )
