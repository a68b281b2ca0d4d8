"""The verdict falls with what is wrong, and names the seconds."""

from __future__ import annotations

import dataclasses

import numpy as np

from tests.keypoints.test_people_choice import somebody
from vimoflow.motion.clip import Motion
from vimoflow.pipeline.quality import Quality
from vimoflow.pipeline.verdict import identity_jumps, judge

FINE = Quality(4.0, 2.0, 2.0, 100.0, 100.0, 100.0, ())
STILL = Motion(
    np.zeros((60, 24, 3), np.float32), np.zeros((60, 3), np.float32), 30.0, np.zeros((60, 4))
)


def test_risk_grows_with_the_error_and_with_what_is_unseen() -> None:
    seen = somebody(200, 2)
    risks = [
        judge(STILL, seen, dataclasses.replace(FINE, reprojection_percent=p)).risk
        for p in (1.0, 3.0, 9.0)
    ]
    assert risks == sorted(risks) and risks[0] < 0.3 < 0.6 < risks[-1]
    assert judge(STILL, somebody(200, 2, until=30), FINE).risk > judge(STILL, seen, FINE).risk


def test_what_was_invented_is_bad_and_says_when() -> None:
    verdict = judge(STILL, somebody(200, 2), dataclasses.replace(FINE, filled=((0.0, 1.4),)))
    assert verdict.grade == "bad" and "0.0-1.4 s" in str(verdict)


def test_a_jump_to_somebody_else_is_found_but_not_at_a_cut() -> None:
    kept = somebody(100, 2)
    points = kept.points.copy()
    points[30:, :, 0] += 300
    jumped = dataclasses.replace(kept, points=points)
    assert len(identity_jumps(jumped)) == 1 and identity_jumps(kept) == ()
    assert identity_jumps(jumped, cuts=(30,)) == ()


def test_other_clothes_are_said() -> None:
    verdict = judge(STILL, somebody(100, 2), FINE, changes_s=((0.5, 0.6),))
    assert verdict.grade == "bad" and "0.5-0.6 s: the person may be another" in str(verdict)
