from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vimoflow.video.timing import FrameClock, Pace

STAMPS = st.lists(st.one_of(st.none(), st.integers(-(2**40), 2**40)), min_size=1, max_size=50)


def times_of(stamps: list[int | None]) -> list[float]:
    clock = FrameClock(stamps[0], Fraction(1, 10), 0.1)
    return [clock.seconds(stamp) for stamp in stamps]


@given(STAMPS)
def test_whatever_the_stamps_times_start_at_zero_and_increase(stamps: list[int | None]) -> None:
    times = times_of(stamps)
    assert times[0] == 0.0
    assert all(later > earlier for earlier, later in pairwise(times))


@given(st.lists(st.integers(1, 599), max_size=30), st.integers(-(2**40), 2**40))
def test_good_stamps_are_kept_exactly(steps: list[int], origin: int) -> None:
    stamps = [origin]
    for step in steps:
        stamps.append(stamps[-1] + step)
    assert times_of(stamps) == [float(Fraction(stamp - origin, 10)) for stamp in stamps]


@pytest.mark.parametrize(
    ("stamps", "expected"),
    [
        ([0, 1, 1, 2, 3], [0, 0.1, 0.15, 0.2, 0.3]),  # a repeated stamp fits in between
        ([0, 1, None, 3], [0, 0.1, 0.2, 0.3]),  # a missing one is a period later
        ([None, None, None], [0, 0.1, 0.2]),
        ([100, 101, 0, 1, 2], [0, 0.1, 0.2, 0.3, 0.4]),  # another clock goes on
        ([0, 1, 10_001, 10_002], [0, 0.1, 0.2, 0.3]),  # a gap of a quarter of an hour is none
    ],
)
def test_repairs(stamps: list[int | None], expected: list[float]) -> None:
    assert times_of(stamps) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("fps", "taken"),
    [(10, 1), (24, 1), (29.97, 1), (30, 1), (50, 0.6), (59.94, 0.5), (60, 0.5), (120, 0.25)],
)
def test_a_pace_takes_what_its_rate_needs(fps: float, taken: float) -> None:
    pace = Pace(30.0)
    times = [index / fps for index in range(1200)]
    chosen = [time for time in times if pace.takes(time)]
    assert chosen[0] == 0 and len(chosen) == pytest.approx(1200 * taken, rel=0.01)
    assert max(b - a for a, b in pairwise(chosen)) <= max(1 / fps, 0.041) + 1e-9


@given(st.lists(st.floats(-0.008, 0.008), min_size=2, max_size=60))
def test_a_jittering_clock_of_the_same_rate_loses_no_frame(jitter: list[float]) -> None:
    pace = Pace(30.0)
    times = [0.0, *(index / 30 + off for index, off in enumerate(jitter, start=1))]
    assert all(pace.takes(time) for time in times)


def test_no_rate_takes_everything() -> None:
    pace = Pace(None)
    assert all(pace.takes(index / 1000) for index in range(50))
