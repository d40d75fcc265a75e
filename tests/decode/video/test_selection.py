"""The frames chosen are those that a naive loop chooses; nothing held, and no cut, is left out."""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashmatch.decode.video.selection import (
    CUT_LEVELS,
    CUTS_PER_S,
    FREE_CUTS,
    HELD_S,
    TimedFrame,
    select_displayed,
)
from tests.displayed_frames import choose

TICK_S = Fraction(1, 90)
INTERVALS_S = st.sampled_from([Fraction(1, 10), Fraction(1), Fraction(7, 3)])
PHASES = st.fractions(0, 1, max_denominator=64).filter(lambda share: share < 1)
SCHEDULES = st.lists(st.tuples(st.integers(0, 120), st.integers(0, 255)), min_size=1, max_size=60)
"""Ticks from the frame before, and the level of grey, of each frame."""


def select(
    schedule: Sequence[tuple[int, int]],
    interval_s: Fraction,
    phase: Fraction,
    jumps: Sequence[int] = (),
) -> tuple[list[int], list[str]]:
    """Return the numbers chosen and the reasons why some were left out."""
    excess: list[str] = []
    ticks = 0
    frames = []
    for number, (gap, level) in enumerate(schedule):
        ticks += gap if number else 0
        frames.append(TimedFrame(number, ticks, number in jumps, level))
    chosen = select_displayed(
        frames,
        interval_s=interval_s,
        phase_s=phase * interval_s,
        tick_s=TICK_S,
        read_grid=lambda level: np.full(256, level, np.float32),
        on_excess=excess.append,
    )
    return [each.number for each in chosen], excess


@given(SCHEDULES, INTERVALS_S, PHASES)
def test_the_choice_is_that_of_a_naive_loop(
    schedule: list[tuple[int, int]], interval_s: Fraction, phase: Fraction
) -> None:
    ticks = np.cumsum([0, *(gap for gap, _ in schedule[1:])]).tolist()
    times_s = [at * TICK_S for at in ticks]
    grids = [np.array([[level]]) for _, level in schedule]
    found, excess = select(schedule, interval_s, phase)
    assert found == choose(times_s, grids, interval_s, phase)
    assert excess == []


@given(
    SCHEDULES, st.integers(0, 10**6), st.integers(0, 200), INTERVALS_S, PHASES, st.integers(0, 255)
)
def test_a_picture_held_for_half_a_second_is_found_at_any_place(
    schedule: list[tuple[int, int]],
    place: int,
    beyond_ticks: int,
    interval_s: Fraction,
    phase: Fraction,
    level: int,
) -> None:
    at = place % (len(schedule) + 1)
    held = int(HELD_S / TICK_S) + beyond_ticks
    after = [(held, level), *schedule[at + 1 :]]
    found, _ = select([*schedule[:at], (3, level), *after], interval_s, phase)
    assert at in found


@given(SCHEDULES, INTERVALS_S, PHASES)
def test_what_is_left_out_looks_like_what_was_chosen_before(
    schedule: list[tuple[int, int]], interval_s: Fraction, phase: Fraction
) -> None:
    found, _ = select(schedule, interval_s, phase)
    for number, (_, level) in enumerate(schedule):
        last = max(each for each in found if each <= number)
        assert abs(level - schedule[last][1]) < CUT_LEVELS


def test_a_frame_before_a_jump_back_is_chosen() -> None:
    schedule = [(1, 9)] * 30
    assert select(schedule, Fraction(1), Fraction(1, 2), jumps=[20])[0] == [0, 19, 29]


@pytest.mark.parametrize("gap_ticks", [0, 3, 9])
def test_cuts_beyond_the_budget_are_left_out_and_reported(gap_ticks: int) -> None:
    """Up to 10 a second, a cut in every frame is within the budget."""
    n = FREE_CUTS + 400
    schedule = [(gap_ticks, 200 * (number % 2)) for number in range(n)]
    found, excess = select(schedule, Fraction(60), Fraction(1, 2))
    most = FREE_CUTS + float(CUTS_PER_S * gap_ticks * n * TICK_S) + 3
    assert len(found) <= most
    assert (len(found) == n) == (gap_ticks == 9)
    assert bool(excess) == (gap_ticks < 9)
