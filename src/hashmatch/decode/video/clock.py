"""Times of the frames of a video, and the choice of one frame per interval."""

from __future__ import annotations

import math
from fractions import Fraction

_DEFAULT_RATE = Fraction(25)
_MOST_RATE = Fraction(1000)


class FrameClock:
    """Converts time stamps of decoded frames to ticks that never run backward.

    The first frame is at 0. A frame without a time stamp, or with an earlier one than the frame
    before it (as happens where recordings were joined), is timed one frame later at `rate_hz`, the
    average rate that the file states (25 if it states none); later stamps count from there. So an
    intact file gets the times that a player shows, and differences stay correct after a join.
    `time_base_s` is the length of a tick in seconds.
    """

    def __init__(self, time_base_s: Fraction, rate_hz: Fraction | None) -> None:
        if not rate_hz or not 0 < rate_hz <= _MOST_RATE:
            rate_hz = _DEFAULT_RATE
        self._step = max(1, round(1 / (rate_hz * time_base_s)))
        self._offset: int | None = None
        self._last = 0
        self.ran_backward = False
        """The last stamp was earlier than the one before it, so the time between is a guess."""

    def tick(self, stamp: int | None) -> int:
        """Return the time of the next frame, from its stamp, in ticks since the first frame."""
        self.ran_backward = False
        if self._offset is None:
            self._offset = -(stamp or 0)
            return 0
        if stamp is not None and stamp + self._offset >= self._last:
            self._last = stamp + self._offset
            return self._last
        self._last += self._step
        if stamp is not None:
            self.ran_backward = True
            self._offset = self._last - stamp
        return self._last


class Sampler:
    """Samples frames at an interval, 0 or positive.

    For each k = 0, 1, 2, ... the first frame at or after k times the interval is chosen; a frame
    that is first for several k, as after a gap, is chosen once. An interval of 0 chooses every
    frame. The interval is read as an exact decimal (0.1 is a tenth). `time_base_s` is the length of
    a tick in seconds.
    """

    def __init__(self, interval_s: float, time_base_s: Fraction) -> None:
        self._interval = Fraction(repr(float(interval_s))) / time_base_s
        self._due = 0

    def is_due(self, ticks: int) -> bool:
        """Return whether the frame at this time is chosen; call for every frame, in order."""
        if not self._interval:
            return True
        if ticks < self._due:
            return False
        self._due = math.ceil((ticks // self._interval + 1) * self._interval)
        return True
