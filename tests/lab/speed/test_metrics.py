"""The speed benchmark goes through everything a report holds."""

from __future__ import annotations

from lab.speed.metrics import measure_evaluation


def test_all_parts_are_timed():
    found = measure_evaluation(3, 12)
    assert (found.clips, found.frames) == (3, 12)
    assert min(found.scores_s, found.truth_s, found.report_s) > 0
    assert found.total_s == found.scores_s + found.truth_s + found.report_s
