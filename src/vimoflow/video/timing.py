"""From a file's time stamps to times one can compute with."""

from __future__ import annotations

from collections import deque
from fractions import Fraction

# A step back further than this is another clock (joined files), not a frame out of order.
_CLOCK_STEP_BACK_S = 1.0
# No frame is shown this long; a longer gap is a fault in the clock.
_CLOCK_STEP_FORWARD_S = 60.0
TIME_TOLERANCE_S = 1e-6
_MOST_WAITING = 1000  # stamps; no decoder holds so many frames back


class ShownStamps:
    """The stamps of frames as they are shown, also where a container stamps them as decoded.

    AVI, and video tracks that came out of one, know one stamp a frame and no time of presentation:
    packet k bears the k-th stamp, while B-frames are decoded in another order than they are shown.
    Such a file betrays itself: all its packets lead their decoding by the same time, and yet the
    decoder passes over a stamp that it was given earlier. The frames come out of the decoder in
    the order in which they are shown, so that from there on the k-th of them gets the k-th stamp.

    Args:
        reorders: whether the codec shows frames in another order than it decodes them.
    """

    def __init__(self, reorders: bool) -> None:
        self._possible = reorders
        self._lead: int | None = None
        self._waiting: deque[int] = deque()
        self._begun = False
        self.as_decoded = False

    def packet(self, pts: int | None, dts: int | None) -> None:
        """Note a packet that goes into the decoder."""
        if not self._possible:
            return
        stamp = dts if pts is None else pts
        lead = None if stamp is None or dts is None else stamp - dts
        if self._lead is None:
            self._lead = lead
        steady = lead is not None and lead == self._lead and len(self._waiting) < _MOST_WAITING
        if stamp is not None and (self.as_decoded or steady):
            self._waiting.append(stamp)
        elif not self.as_decoded:
            self._possible = False  # a container with times of presentation, as most are

    def frame(self, pts: int | None) -> int | None:
        """The stamp of the next frame that comes out of the decoder; None where it has none."""
        if not self._possible:
            return pts
        if pts is None:
            self.as_decoded = bool(self._waiting)
        elif not self.as_decoded and pts in self._waiting:
            if self._begun and pts != self._waiting[0]:
                self.as_decoded = True
            else:  # what lies before the first frame was not decodable
                while self._waiting.popleft() != pts:
                    pass
        self._begun = True
        if not self.as_decoded:
            return pts
        return self._waiting.popleft() if self._waiting else None


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
        self._due: float | None = None

    def takes(self, time: float) -> bool:
        """Whether the frame at ``time`` (seconds, increasing) is taken; the ticks begin at 0."""
        if self._due is None:
            self._due = self._period and round(time / self._period) * self._period
        if time < self._due - 0.35 * self._period:
            return False
        self._due = max(self._due + self._period, time + 0.5 * self._period)
        return True
