"""Frame times never run backward; the sampler agrees with a naive loop over all frames."""

from collections.abc import Sequence
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashmatch.decode.video.clock import FrameClock, Sampler

TICK = Fraction(1, 90_000)


def ticks_of(stamps: Sequence[int | None], rate: Fraction | None = Fraction(25)) -> list[int]:
    clock = FrameClock(TICK, rate)
    return [clock.tick(stamp) for stamp in stamps]


@given(st.lists(st.integers(-(2**40), 2**40), min_size=1).map(sorted))
def test_increasing_stamps_are_kept(stamps: list[int]) -> None:
    assert ticks_of(stamps) == [stamp - stamps[0] for stamp in stamps]


@given(st.lists(st.none() | st.integers(-(2**40), 2**40), min_size=1))
def test_time_starts_at_0_and_never_runs_backward(stamps: list[int | None]) -> None:
    ticks = ticks_of(stamps)
    assert ticks[0] == 0
    assert ticks == sorted(ticks)


def test_missing_stamps_follow_at_the_rate() -> None:
    assert ticks_of([None] * 4, Fraction(30)) == [0, 3000, 6000, 9000]
    assert ticks_of([None, None], None) == [0, 3600]
    assert ticks_of([None, None], Fraction(90_000)) == [0, 3600]  # not a rate of a video
    assert ticks_of([500, None, 8000]) == [0, 3600, 7500]


def test_a_seam_is_closed_by_one_frame() -> None:
    assert ticks_of([0, 3600, 7200, 100, 3700]) == [0, 3600, 7200, 10_800, 14_400]


@pytest.mark.parametrize("tick", [TICK, Fraction(1, 10), Fraction(1001, 30_000), Fraction(3)])
@given(
    steps=st.lists(st.integers(0, 200_000), min_size=1, max_size=40),
    interval=st.sampled_from(["0.1", "0.3", "1", "1.001", "2.5", "7", "1000"]),
)
def test_chosen_is_the_first_at_or_after_each_multiple(
    tick: Fraction, steps: list[int], interval: str
) -> None:
    ticks, total = [0], 0
    for step in steps:
        total += step
        ticks.append(total)
    sampler = Sampler(float(interval), tick)
    chosen = [position for position, at in enumerate(ticks) if sampler.is_due(at)]
    before = [-1, *ticks]  # k = 0 is due at once; later ones, where a multiple lies in between
    intervals_until = [at * tick // Fraction(interval) for at in before]
    expected = [p for p in range(len(ticks)) if intervals_until[p] < intervals_until[p + 1]]
    assert chosen == expected


def test_every_frame() -> None:
    sampler = Sampler(0, TICK)
    assert all(sampler.is_due(ticks) for ticks in (0, 0, 1, 1))
