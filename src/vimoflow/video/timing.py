"""From a file's time stamps to times one can compute with."""

from __future__ import annotations

from fractions import Fraction

# A step back further than this is another clock (joined files), not a frame out of order.
_CLOCK_STEP_BACK_S = 1.0
# No frame is shown this long; a longer gap is a fault in the clock.
_CLOCK_STEP_FORWARD_S = 60.0
TIME_TOLERANCE_S = 1e-6


class FrameClock:
    """Turns presentation stamps into strictly increasing seconds from the file's first frame.

    Args:
        origin: stamp of the file's first frame, or None if it carries none.
        time_base: seconds a tick.
        period: mean time between frames in seconds.
    """

    def __init__(self, origin: int | None, time_base: Fraction, period: float) -> None:
        self._origin = origin
        self._time_base = time_base
        self._period = period
        self._shift = 0.0
        self._last: float | None = None
        self.jumps = 0

    def seconds(self, pts: int | None) -> float:
        """The next frame's time; a missing, repeated or absurd stamp is replaced."""
        expected = 0.0 if self._last is None else self._last + self._period
        if pts is None:
            time = expected
        elif self._origin is None:
            self._origin, self._shift = pts, expected
            time = expected
        else:
            time = float((pts - self._origin) * self._time_base) + self._shift
            time = time if self._last is None else self._repair(time, self._last, expected)
        self._last = time
        return time

    def _repair(self, time: float, last: float, expected: float) -> float:
        step = time - last
        if step < -_CLOCK_STEP_BACK_S or step > _CLOCK_STEP_FORWARD_S:
            self._shift += expected - time
            self.jumps += 1
            return expected
        if step < TIME_TOLERANCE_S:
            # A repeated or late stamp: half a period leaves room before the next good one.
            return last + self._period / 2
        return time


class Pace:
    """Which frames to take for a given rate: those nearest to its ticks, and none twice as often.

    Frames that come slower than the rate, or with a jitter of up to a third of a tick, are all
    taken.

    Args:
        rate: wanted, Hz; None takes every frame.
    """

    def __init__(self, rate: float | None) -> None:
        self._period = 0.0 if rate is None else 1.0 / rate
        self._due = 0.0

    def takes(self, time: float) -> bool:
        """Whether the frame at ``time`` (seconds from the first, increasing) is taken."""
        if time < self._due - 0.35 * self._period:
            return False
        self._due = max(self._due + self._period, time + 0.5 * self._period)
        return True
