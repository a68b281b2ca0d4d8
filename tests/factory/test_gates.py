"""Each gate rejects what is beyond its limit and says why."""

from __future__ import annotations

import dataclasses

import pytest

from vimoflow.factory.gates import (
    GATES,
    MotionLimits,
    SeenLimits,
    motion_rejections,
    rejections,
    seen_rejections,
)
from vimoflow.factory.records import (
    ClipRecord,
    Figures,
    VideoRecord,
    video_from_json,
    video_to_json,
)

SEEN, MOTION = SeenLimits(), MotionLimits()
GOOD = Figures(300.0, 0.95, 0.9, 0.5, 3.0, 100.0, 2.0, 1.5, 10.0)


def clip(figures):
    return ClipRecord("x", 0, 0, 0.0, 5.0, figures, figures is not None)


def test_a_good_clip_passes_all():
    assert rejections(clip(GOOD), 5.0, SEEN, MOTION) == ()


@pytest.mark.parametrize(
    ("gate", "field"),
    [
        ("not a person", "visible"), ("too small", "person_px"), ("low confidence", "confidence"),
        ("static", "movement_mps"),
    ],
)  # fmt: skip
def test_seen_gates_are_lower_limits(gate, field):
    limit = getattr(SEEN, field)
    for value, gates in ((limit, []), (0.99 * limit, [gate])):
        figures = dataclasses.replace(GOOD, **{field: value})
        assert [r.gate for r in seen_rejections(figures, SEEN)] == gates


@pytest.mark.parametrize(
    ("gate", "field"),
    [
        ("speed", "speed_mps"), ("jerk", "jerk"), ("foot slide", "foot_slide_mm"),
        ("reprojection", "reprojection_percent"), ("spread", "spread_mm"), ("verdict", "risk"),
        ("physics", "implausibility"),
    ],
)  # fmt: skip
def test_motion_gates_are_upper_limits(gate, field):
    limit = getattr(MOTION, field)
    for value, gates in ((limit, []), (1.01 * limit, [gate])):
        (*found,) = motion_rejections(dataclasses.replace(GOOD, **{field: value}), MOTION)
        assert [r.gate for r in found] == gates
        assert all(f"{limit:g}" in r.reason for r in found)
        assert {r.gate for r in found} <= set(GATES)


def test_what_was_not_measured_passes_the_motion_gates():
    assert motion_rejections(Figures(300.0, 1.0, 1.0, 1.0), MOTION) == ()


def test_short_shots():
    (found,) = rejections(dataclasses.replace(clip(None), duration_s=1.5), 5.0, SEEN, MOTION)
    assert found.gate == "too short" and "1.50" in found.reason


def test_records_survive_json():
    record = VideoRecord(
        "ab", "", 9, 29.97, 0.3, (64, 48), 2, ("w",), (clip(GOOD), clip(None))
    )  # fmt: skip
    assert video_from_json(video_to_json(record)) == record
