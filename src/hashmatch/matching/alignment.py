"""Aligned intervals: stretches of a query that follow a stretch of an entry, frame by frame.

A *hit* is a frame of the query and a frame of the entry within the radius, at times q and e. Hits
of one stretch lie on a diagonal: their offsets e - q are similar. So offsets vote: the axis of
offsets is cut into cells as wide as the tolerance, and each pair of neighbouring cells is a
*window*. Every hit lies in two windows, and hits whose offsets differ by no more than the tolerance
share one. In a window, hits in the order of q are a *run* as long as no two neighbours are further
apart than the longest gap.

Runs are taken greedily, the one with the most query frames first, then the nearest. Each query
frame belongs to at most one interval: the frames of an interval are cut out of the remaining runs,
and the pieces left count as runs of their own. An entry's frames may be in several intervals, since
the query may repeat them.

Laws, checked by tests: a stretch of hits whose offsets differ by at most the tolerance, without a
longer gap, is covered by one interval unless its query frames belong to longer ones; the offsets in
an interval differ by less than twice the tolerance; nothing depends on the order of hits.

Cost: sorting, for h hits and s intervals O(h (log h + s)) at worst, usually O(h log h).
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Alignment:
    """Bounds on what counts as an aligned interval.

    `tolerance_s`, positive, is the most by which the offsets of one stretch differ: the longest
    time between two hashed frames of either video, or more if frames are dropped. `max_gap_s`, 0 or
    more, is the longest time between two neighbouring matched frames of the query. `min_frames` is
    the fewest matched frames of the query, at least 1. ValueError for other values.
    """

    tolerance_s: float = 1.0
    max_gap_s: float = 5.0
    min_frames: int = 3

    def __post_init__(self) -> None:
        if not (np.isfinite(self.tolerance_s) and self.tolerance_s > 0):
            raise ValueError(f"tolerance_s must be positive, not {self.tolerance_s!r}")
        if not (np.isfinite(self.max_gap_s) and self.max_gap_s >= 0):
            raise ValueError(f"max_gap_s must not be negative, not {self.max_gap_s!r}")
        if self.min_frames < 1:
            raise ValueError(f"min_frames must be at least 1, not {self.min_frames!r}")


@dataclass(frozen=True, slots=True)
class AlignedInterval:
    """A stretch of the query that follows a stretch of the entry.

    Times are those of the first and last matched frame, in seconds; each frame stands for the time
    until the next one, so a stretch may be longer by one sampling interval. `n_frames` counts the
    matched frames of the query; `mean_distance`, in bits, is their mean distance to the nearest
    frame of the entry there.
    """

    query_start_s: float
    query_end_s: float
    entry_start_s: float
    entry_end_s: float
    n_frames: int
    mean_distance: float


@dataclass(frozen=True, slots=True, eq=False)
class Hits:
    """Pairs of frames within the radius: a row number in each video, and the distance in bits."""

    query: NDArray[np.int64]
    entry: NDArray[np.int64]
    distances: NDArray[np.int32]

    def at(self, positions: NDArray[np.int64]) -> Hits:
        """Return only the hits at these positions."""
        return Hits(self.query[positions], self.entry[positions], self.distances[positions])


def align(
    hits: Hits,
    query_times_s: NDArray[np.float64],
    entry_times_s: NDArray[np.float64],
    alignment: Alignment,
) -> tuple[AlignedInterval, ...]:
    """Return the aligned intervals of one query and one entry in the order of the query.

    `hits` are in any order, without duplicates; the times, float64, are those of their rows.
    """
    heap = [
        (run.rank, number, run)
        for number, run in enumerate(_runs(hits, query_times_s, entry_times_s, alignment))
    ]
    heapq.heapify(heap)
    n_runs = len(heap)
    is_taken = np.zeros(len(query_times_s), dtype=bool)
    intervals = []
    while heap:
        run = heapq.heappop(heap)[2]
        if is_taken[run.first : run.last + 1].any():
            for piece in run.without(is_taken, alignment.min_frames):
                heapq.heappush(heap, (piece.rank, n_runs, piece))
                n_runs += 1
            continue
        is_taken[run.first : run.last + 1] = True
        intervals.append(run.interval(query_times_s, entry_times_s))
    return tuple(sorted(intervals, key=lambda found: (found.query_start_s, found.entry_start_s)))


class _Run:
    """Hits along one diagonal, one for each matched frame of the query, in its order."""

    def __init__(self, hits: Hits) -> None:
        self._hits = hits
        self.first, self.last = int(hits.query[0]), int(hits.query[-1])
        self.rank = (-len(hits.query), int(hits.distances.sum()))

    def without(self, is_taken: NDArray[np.bool_], min_frames: int) -> Iterator[_Run]:
        """Yield the pieces between frames already taken, if they have `min_frames` or more."""
        n_taken = np.cumsum(is_taken[self.first : self.last + 1])[self._hits.query - self.first]
        for piece in np.split(np.arange(n_taken.size), np.flatnonzero(np.diff(n_taken)) + 1):
            # A piece may begin with the last taken frame before it.
            left = piece[~is_taken[self._hits.query[piece]]]
            if left.size >= min_frames:
                yield _Run(self._hits.at(left))

    def interval(
        self, query_times_s: NDArray[np.float64], entry_times_s: NDArray[np.float64]
    ) -> AlignedInterval:
        entry_s = entry_times_s[self._hits.entry]
        return AlignedInterval(
            query_start_s=float(query_times_s[self.first]),
            query_end_s=float(query_times_s[self.last]),
            entry_start_s=float(entry_s.min()),
            entry_end_s=float(entry_s.max()),
            n_frames=len(entry_s),
            mean_distance=float(self._hits.distances.mean()),
        )


def _runs(
    hits: Hits,
    query_times_s: NDArray[np.float64],
    entry_times_s: NDArray[np.float64],
    alignment: Alignment,
) -> Iterator[_Run]:
    """Yield the runs of every window that have at least `min_frames` frames."""
    offsets = entry_times_s[hits.entry] - query_times_s[hits.query]
    cells = np.floor(offsets / alignment.tolerance_s).astype(np.int64)
    windows = np.concatenate([cells - 1, cells])
    number = np.tile(np.arange(cells.size), 2)
    # In a window, the nearest frame of the entry represents the others.
    from_middle = np.abs(offsets[number] - (windows + 1) * alignment.tolerance_s)
    keys = (hits.entry[number], from_middle, hits.distances[number], hits.query[number], windows)
    order = np.lexsort(keys)
    windows, number = windows[order], number[order]
    query = hits.query[number]
    is_first = np.ones(number.size, dtype=bool)
    is_first[1:] = (windows[1:] != windows[:-1]) | (query[1:] != query[:-1])
    windows, number, query = windows[is_first], number[is_first], query[is_first]
    gaps_s = np.diff(query_times_s[query])
    ends = np.flatnonzero((windows[1:] != windows[:-1]) | (gaps_s > alignment.max_gap_s)) + 1
    for start, end in pairwise([0, *ends.tolist(), number.size]):
        if end - start >= alignment.min_frames:
            yield _Run(hits.at(number[start:end]))
