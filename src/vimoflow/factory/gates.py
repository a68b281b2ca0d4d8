"""Quality gates: which clips others should not be made to learn from, and why.

All thresholds are in :class:`SeenLimits` and :class:`MotionLimits`. The first are asked before a
clip is animated, which saves the time; the second afterwards. Share seen, confidence, jerk,
reprojection and spread were chosen on half of the rendered clips with exact truth and of spoilt
copies of them (small, blurred, cut off, compressed, hidden, dark), the loosest that sort them best,
and measured on the other half; docs/datasets.md has the figures.
"""

from __future__ import annotations

from dataclasses import dataclass

from vimoflow.factory.records import ClipRecord, Figures, Rejection

GATES = (
    "too short", "not a person", "too small", "low confidence", "static", "speed", "jerk",
    "foot slide", "reprojection", "spread", "near-duplicate",
)  # fmt: skip


@dataclass(frozen=True)
class SeenLimits:
    """What the keypoints must show.

    Attributes:
        visible: below this share of the body's points there is no person, or too little of one.
        person_px: below this height the limbs are a few pixels thick.
        confidence: below this mean confidence a detector guesses.
        movement_mps: below it nobody moves; of a person who stood and waited it was
            0.034.
    """

    visible: float = 0.6
    person_px: float = 80.0
    confidence: float = 0.4
    movement_mps: float = 0.05


@dataclass(frozen=True)
class MotionLimits:
    """What a motion may show.

    Attributes:
        speed_mps: of the fastest joint; the fastest honest hands and feet reach 14 m/s
            (``data.quality_gates``).
        jerk: m/s^3; above it the motion trembles.
        foot_slide_mm: a frame; above it feet skate.
        reprojection_percent: of the height; above it the motion is not what the video shows.
        spread_mm: above it the samples do not agree on what happened.
    """

    speed_mps: float = 15.0
    jerk: float = 800.0
    foot_slide_mm: float = 15.0
    reprojection_percent: float = 6.0
    spread_mm: float = 40.0


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
    )
    return tuple(
        Rejection(gate, f"{value:.3g} {what}, at most {limit:g}")
        for gate, value, limit, what in rows
        if value is not None and value > limit
    )
