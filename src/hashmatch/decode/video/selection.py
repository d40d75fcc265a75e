"""The choice of the frames that are looked at, by what is on display and for how long."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from hashmatch.decode.video.clock import Sampler

_T = TypeVar("_T")

HELD_S = Fraction(1, 2)
"""A frame that is on display for this long is always chosen."""

CUT_LEVELS = 16.0
"""Mean difference, in levels of 255, at which a coarse frame counts as another picture."""

FREE_CUTS, CUTS_PER_S = 600, 10


@dataclass(frozen=True, slots=True, eq=False)
class TimedFrame(Generic[_T]):
    """A frame, its number from 0, and its time in ticks since the first.

    `follows_jump` says that its stamp was earlier than that of the frame before it, so that nobody
    knows for how long that one is shown.
    """

    number: int
    ticks: int
    follows_jump: bool
    frame: _T


def select_displayed(
    frames: Iterable[TimedFrame[_T]],
    *,
    interval_s: Fraction,
    phase_s: Fraction,
    tick_s: Fraction,
    read_grid: Callable[[_T], NDArray[np.float32]],
    on_excess: Callable[[str], object],
) -> Iterator[TimedFrame[_T]]:
    """Yield, in order, the frames that stand for all others.

    A frame is on display until the next one comes, the last one for ever. These are chosen:

    - the first and the last;
    - for k = 0, 1, 2, ..., the first at or after k times `interval_s`, as lists are made, and the
      one on display at `phase_s` plus k times `interval_s`;
    - each that is on display for at least `HELD_S`;
    - each that differs from the last chosen one as after a cut, or that a jump back in time
      follows, but of these only 600 and 10 for each second before it.

    So a frame that is left out looks in coarse like a chosen one, unless `on_excess` was called,
    with the reason. `interval_s` is positive, `phase_s` at least 0, `tick_s` the length of a tick;
    `read_grid` returns a frame in coarse, in levels of 255. Holds one frame back.
    """
    sampler = Sampler(float(interval_s), tick_s)
    interval, due = interval_s / tick_s, phase_s / tick_s
    due_ticks = math.floor(due)
    long_ticks = math.ceil(HELD_S / tick_s)
    chosen_grid = np.zeros(0, np.float32)  # the first frame is always due
    n_cuts = 0
    held: TimedFrame[_T] | None = None
    for frame in frames:
        if held is not None:
            grid = read_grid(held.frame)
            is_chosen = sampler.is_due(held.ticks) or frame.ticks - held.ticks >= long_ticks
            if due_ticks < frame.ticks:
                is_chosen = True
                due += math.ceil((frame.ticks - due) / interval) * interval
                due_ticks = math.floor(due)
            if not is_chosen and (frame.follows_jump or _is_cut(chosen_grid, grid)):
                is_chosen = n_cuts < FREE_CUTS + CUTS_PER_S * held.ticks * tick_s
                n_cuts += is_chosen
                if not is_chosen:
                    on_excess(f"more than {FREE_CUTS} cuts and {CUTS_PER_S} a second")
            if is_chosen:
                chosen_grid = grid
                yield held
        held = frame
    if held is not None:
        yield held


def _is_cut(before: NDArray[np.float32], after: NDArray[np.float32]) -> bool:
    distance = np.abs(after - before)
    return bool(distance.sum() >= CUT_LEVELS * distance.size)
