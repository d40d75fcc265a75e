"""Times of the frames of a video, and the choice of one frame per interval."""

from __future__ import annotations

import math
from fractions import Fraction

_DEFAULT_RATE = Fraction(25)
_MOST_RATE = Fraction(1000)


class FrameClock:
    """Converter of time stamps of decoded frames to ticks that never run backward.

    The first frame is at 0. A frame without a time stamp, or with one earlier than that of the
    frame before (as where recordings were joined), follows the frame before by one frame of the
    average rate that the file states (25 a second if it states none); later stamps count from
    there. So times are those of a player for an intact file, and differences stay right past a
    seam.

    `time_base_s` are the seconds in a tick, `rate_hz` the frames a second that the file states.
    """

    def __init__(self, time_base_s: Fraction, rate_hz: Fraction | None) -> None:
        if not rate_hz or not 0 < rate_hz <= _MOST_RATE:
            rate_hz = _DEFAULT_RATE
        self._step = max(1, round(1 / (rate_hz * time_base_s)))
        self._offset: int | None = None
        self._last = 0

    def tick(self, stamp: int | None) -> int:
        """Return the ticks from the first frame to the next one, which has this stamp."""
        if self._offset is None:
            self._offset = -stamp if stamp is not None else 0
            return 0
        ticks = self._last + self._step
        if stamp is not None:
            if stamp + self._offset >= self._last:
                ticks = stamp + self._offset
            else:
                self._offset = ticks - stamp
        self._last = ticks
        return ticks


def check_interval(interval_s: float) -> None:
    """Raise ValueError unless an interval is 0 or positive and finite."""
    if not (math.isfinite(interval_s) and interval_s >= 0):
        raise ValueError(f"interval_s must be 0 or a positive number, not {interval_s!r}")


class Sampler:
    """Sampler of frames at an interval.

    For each k = 0, 1, 2, ... the first frame at or after k times the interval is chosen; a frame
    that is first for several k, as after a gap, is chosen once. An interval of 0 chooses every
    frame. The interval is taken as the decimal number it is written as (0.1 is a tenth), without
    rounding.

    `check_interval` accepts `interval_s`; `time_base_s` are the seconds in a tick.
    """

    def __init__(self, interval_s: float, time_base_s: Fraction) -> None:
        self._interval = Fraction(repr(float(interval_s))) / time_base_s
        self._due = 0

    def is_due(self, ticks: int) -> bool:
        """Return whether the frame at these ticks is chosen; call for every frame, in order."""
        if not self._interval:
            return True
        if ticks < self._due:
            return False
        self._due = math.ceil((ticks // self._interval + 1) * self._interval)
        return True
