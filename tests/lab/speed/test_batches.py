"""Clips that go through the networks together come out as they do alone."""

from __future__ import annotations

from lab.speed.batches import batch_lines, measure_batches


def test_a_clip_is_the_same_in_any_batch_to_a_thousandth_of_a_millimetre() -> None:
    costs = list(measure_batches((1, 3), frames=40, rounds=1))
    assert [one.batch for one in costs] == [1, 3, 1, 3]
    assert all(one.farthest < 1e-5 and one.seconds > 0 for one in costs)
    assert len(batch_lines(costs).splitlines()) == 4
