"""Segments that are open, and the codes of one algorithm over all of its segments.

Rows are numbered through: those of the second segment go on where the first ends. Removed and
disabled rows keep their numbers and never match.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hashmatch.errors import IndexFormatError
from hashmatch.hamming import HammingIndex, SearchResult
from hashmatch.index.deletion_vector import Rows, contains
from hashmatch.index.entry_table import EntryTable
from hashmatch.index.manifest import Segment


@dataclass(frozen=True, slots=True, eq=False)
class OpenSegment:
    """A segment whose files are mapped, and its tombstones; `hidden` is both kinds together."""

    stored: Segment
    index: HammingIndex
    entries: EntryTable
    removed: Rows
    disabled: Rows
    hidden: Rows

    @property
    def codes(self) -> NDArray[np.uint8]:
        """The codes by row, uint8 (n, bits / 8)."""
        return self.index.codes


class Segments:
    """All segments of one algorithm, searched as one."""

    def __init__(self, segments: Sequence[OpenSegment]) -> None:
        self.all = tuple(segments)
        sizes = [len(one.index) for one in self.all]
        self._starts = np.cumsum([0, *sizes], dtype=np.int64)

    def __len__(self) -> int:
        return int(self._starts[-1])

    @property
    def bits(self) -> int:
        """Width of the codes."""
        return self.all[0].index.bits

    def search(self, queries: ArrayLike, radius: int | None, threads: int) -> SearchResult:
        """Find every row within the radius that is neither removed nor disabled.

        One segment without tombstones answers without a copy; else the matches are filtered in
        time that grows with their number, and sorted where more than one segment has some.
        """
        found = [_shown(one.index.search(queries, radius, threads), one.hidden) for one in self.all]
        return found[0] if len(found) == 1 else self._merged(found)

    def codes(self) -> NDArray[np.uint8]:
        """Codes of all rows that may match, uint8 (m, bits / 8); a copy where rows are hidden."""
        if len(self.all) == 1 and not self.all[0].hidden.size:
            return self.all[0].index.codes
        return np.concatenate([np.delete(one.codes, one.hidden, 0) for one in self.all])

    def by_segment(self, rows: Rows) -> Iterator[tuple[OpenSegment, NDArray[np.intp], Rows]]:
        """Yield each segment that holds some of the rows, which of them, and where in it."""
        if len(self.all) == 1:
            yield self.all[0], np.arange(rows.size), rows
            return
        if rows.size and not (rows.min() >= 0 and rows.max() < len(self)):
            path = self.all[-1].entries.path
            raise IndexFormatError(f"{path}: it has no such row; build the index again")
        numbers = np.searchsorted(self._starts, rows, side="right") - 1
        for number in np.unique(numbers).tolist():
            places = np.flatnonzero(numbers == number)
            yield self.all[number], places, rows[places] - self._starts[number]

    def _merged(self, found: list[SearchResult]) -> SearchResult:
        offsets = np.sum([one.offsets for one in found], axis=0)
        with_matches = [number for number, one in enumerate(found) if one.ids.size]
        if len(with_matches) <= 1:
            number = with_matches[0] if with_matches else 0
            only = found[number]
            return SearchResult(offsets, only.ids + self._starts[number], only.distances)
        some = [found[number] for number in with_matches]
        starts = self._starts[with_matches]
        rows = np.concatenate([one.ids + start for one, start in zip(some, starts, strict=True)])
        distances = np.concatenate([one.distances for one in some])
        numbers = np.arange(len(offsets) - 1)
        queries = np.concatenate([np.repeat(numbers, np.diff(one.offsets)) for one in some])
        order = np.lexsort((rows, distances, queries))
        return SearchResult(offsets, rows[order], distances[order])


def _shown(found: SearchResult, hidden: Rows) -> SearchResult:
    """Return the matches whose row is not hidden."""
    if not hidden.size or not found.ids.size:
        return found
    is_shown = ~contains(hidden, found.ids)
    n_shown = np.concatenate([[0], np.cumsum(is_shown)])
    return SearchResult(n_shown[found.offsets], found.ids[is_shown], found.distances[is_shown])
