"""Aligned intervals against a naive loop in plain Python, and against stretches planted on purpose.

Times are multiples of 1/8 s, which floats hold exactly.
"""

from collections.abc import Iterator
from itertools import groupby
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from hashmatch.matching import AlignedInterval, Alignment
from hashmatch.matching.alignment import Hits, align

EIGHTHS = 8
Hit = tuple[int, int, int]
"""Row of the query, row of the entry, distance."""
Step = tuple[int, int, float]
"""Row of the query, distance, time of the entry."""
Times = NDArray[np.float64]
Problem = tuple[list[Hit], Times, Times, Alignment]


def naive_runs(
    hits: list[Hit], query_s: list[float], entry_s: list[float], rule: Alignment
) -> Iterator[list[Step]]:
    """All runs as lists of (query row, distance, entry time), by the words of the module."""
    windows: dict[int, dict[int, tuple[int, float, int]]] = {}
    for q, e, distance in hits:
        offset = entry_s[e] - query_s[q]
        cell = int(offset // rule.tolerance_s)
        for window in (cell - 1, cell):
            middle = (window + 1) * rule.tolerance_s
            at = windows.setdefault(window, {})
            rank = (distance, abs(offset - middle), e)
            at[q] = min(at.get(q, rank), rank)
    for window in sorted(windows):
        run: list[Step] = []
        for q in sorted(windows[window]):
            if run and query_s[q] - query_s[run[-1][0]] > rule.max_gap_s:
                yield run
                run = []
            distance, _, e = windows[window][q]
            run.append((q, distance, entry_s[e]))
        yield run


def naive_align(
    hits: list[Hit], query_s: list[float], entry_s: list[float], rule: Alignment
) -> list[AlignedInterval]:
    runs = list(naive_runs(hits, query_s, entry_s, rule))
    taken: set[int] = set()
    intervals: list[AlignedInterval] = []
    while True:
        parts: list[list[Step]] = []
        for run in runs:
            # Frames that are taken, also those between the run's own, cut it.
            def part_of(
                step: Step, before: frozenset[int] = frozenset(taken), first: int = run[0][0]
            ) -> int:
                return len([q for q in before if first <= q <= step[0]])

            free = [step for step in run if step[0] not in taken]
            parts += [list(part) for _, part in groupby(free, key=part_of)]
        parts = [part for part in parts if len(part) >= rule.min_frames]
        if not parts:
            return sorted(intervals, key=lambda one: (one.query_start_s, one.entry_start_s))
        best = min(parts, key=lambda part: (-len(part), sum(step[1] for step in part)))
        times = [step[2] for step in best]
        intervals.append(
            AlignedInterval(
                query_s[best[0][0]],
                query_s[best[-1][0]],
                min(times),
                max(times),
                len(best),
                sum(step[1] for step in best) / len(best),
            )
        )
        taken |= set(range(best[0][0], best[-1][0] + 1))
        runs = parts


def as_hits(hits: list[Hit]) -> Hits:
    columns = np.array(hits, np.int64).reshape(-1, 3).T
    return Hits(columns[0], columns[1], columns[2].astype(np.int32))


def rules() -> st.SearchStrategy[Alignment]:
    return st.builds(
        Alignment,
        tolerance_s=st.sampled_from([0.125, 0.5, 1.0, 1.75]),
        max_gap_s=st.sampled_from([0.0, 0.5, 1.0, 5.0]),
        min_frames=st.integers(1, 4),
    )


def times(n: int) -> st.SearchStrategy[Times]:
    steps = st.lists(st.integers(0, 12), min_size=n, max_size=n)
    return steps.map(lambda found: np.cumsum([0, *found])[:-1] / EIGHTHS)


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    n_query, n_entry = draw(st.integers(1, 14)), draw(st.integers(1, 14))
    pairs = st.tuples(st.integers(0, n_query - 1), st.integers(0, n_entry - 1))
    chosen = draw(st.lists(pairs, unique=True, max_size=60))
    # Distances are distinct powers, so that no two runs tie and the choice is unique.
    order = draw(st.permutations(range(len(chosen))))
    hits = [(q, e, 1 << min(rank, 20)) for (q, e), rank in zip(chosen, order, strict=True)]
    return hits, draw(times(n_query)), draw(times(n_entry)), draw(rules())


@given(problems())
def test_as_the_naive_loop(problem: Problem) -> None:
    hits, query_s, entry_s, rule = problem
    found = align(as_hits(hits), query_s, entry_s, rule)
    expected = naive_align(hits, query_s.tolist(), entry_s.tolist(), rule)
    assert [one.n_frames for one in found] == [one.n_frames for one in expected]
    assert list(found) == expected


@given(problems(), st.randoms(use_true_random=False))
def test_the_order_of_hits_changes_nothing(problem: Problem, random: Random) -> None:
    hits, query_s, entry_s, rule = problem
    shuffled = random.sample(hits, len(hits))
    assert align(as_hits(hits), query_s, entry_s, rule) == align(
        as_hits(shuffled), query_s, entry_s, rule
    )


@given(problems())
def test_laws(problem: Problem) -> None:
    hits, query_s, entry_s, rule = problem
    end_s = -1.0
    for one in align(as_hits(hits), query_s, entry_s, rule):
        assert one.n_frames >= rule.min_frames
        assert one.query_start_s >= end_s or one.query_start_s == one.query_end_s
        end_s = one.query_end_s
        drift_s = (one.entry_end_s - one.entry_start_s) - (one.query_end_s - one.query_start_s)
        assert abs(drift_s) < 4 * rule.tolerance_s


@given(
    lead=st.integers(0, 40),
    lengths=st.lists(st.integers(6, 30), min_size=1, max_size=4),
    starts=st.lists(st.integers(0, 50), min_size=4, max_size=4, unique=True),
    entry_step=st.sampled_from([1, 2, 4, 8]),
    jitter=st.randoms(use_true_random=False),
)
def test_planted_stretches_are_found(
    lead: int, lengths: list[int], starts: list[int], entry_step: int, jitter: Random
) -> None:
    """A frame a second; stretches of the query play stretches of the entry, nothing in between."""
    rule = Alignment(tolerance_s=1.0, max_gap_s=3.0, min_frames=4)
    entry_s = np.arange(0, 110 * EIGHTHS, entry_step) / EIGHTHS
    hits: list[Hit] = []
    planted, at = [], lead
    for length, start in zip(lengths, starts, strict=False):
        for second in range(length):
            if second not in (0, length - 1) and jitter.random() < 0.2:
                continue  # a frame that is missed
            row = round((start + second) * EIGHTHS / entry_step)
            hits.append((at + second, row, jitter.randrange(32)))
        kept = [q for q, _, _ in hits if q >= at]
        assume(len(kept) >= rule.min_frames and np.diff(kept).max() <= rule.max_gap_s)
        planted.append((at, at + length - 1, start, start + length - 1))
        at += length + 10
    query_s = np.arange(at, dtype=float)
    found = align(as_hits(hits), query_s, entry_s, rule)
    assert len(found) == len(planted)
    for one, where in zip(found, planted, strict=True):
        expected = pytest.approx(where, abs=0.5)
        assert (one.query_start_s, one.query_end_s, one.entry_start_s, one.entry_end_s) == expected


def test_a_repeated_scene_is_two_intervals() -> None:
    hits = [(q, q % 10, 3) for q in range(20)]
    found = align(as_hits(hits), np.arange(20.0), np.arange(10.0), Alignment())
    assert [(one.query_start_s, one.query_end_s) for one in found] == [(0, 9), (10, 19)]
    assert [(one.entry_start_s, one.entry_end_s) for one in found] == [(0, 9), (0, 9)]


def test_still_pictures_align_from_end_to_end() -> None:
    hits = [(q, e, 0) for q in range(30) for e in range(50)]
    (found,) = align(as_hits(hits), np.arange(30.0), np.arange(50.0), Alignment())
    assert (found.query_start_s, found.query_end_s, found.n_frames) == (0, 29, 30)


def test_frames_in_no_common_order_are_no_interval() -> None:
    order = np.random.default_rng(5).permutation(40)
    hits = [(q, int(e), 0) for q, e in enumerate(order * 10)]
    rule = Alignment(max_gap_s=2.0)
    assert align(as_hits(hits), np.arange(40.0), np.arange(400.0), rule) == ()


@pytest.mark.parametrize(
    "wrong",
    [{"tolerance_s": 0}, {"tolerance_s": np.nan}, {"max_gap_s": -1}, {"min_frames": 0}],
)
def test_wrong_rules(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Alignment(**wrong)
