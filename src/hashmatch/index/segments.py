"""Open segments, and the search of all segments of an algorithm as one.

Rows are numbered through all segments, in order. Removed and disabled rows keep their numbers and
never match.
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
        sizes = [len(segment.index) for segment in self.all]
        self._starts = np.cumsum([0, *sizes], dtype=np.int64)

    def __len__(self) -> int:
        return int(self._starts[-1])

    @property
    def bits(self) -> int:
        """Width of the codes."""
        return self.all[0].index.bits

    def search(self, queries: ArrayLike, radius: int | None, threads: int) -> SearchResult:
        """Find every row within the radius that is neither removed nor disabled.

        One segment without tombstones needs no copy; else the matches are filtered, in time that
        grows with their number, and sorted if several segments have some.
        """
        found = [
            _drop_hidden(segment.index.search(queries, radius, threads), segment.hidden)
            for segment in self.all
        ]
        return found[0] if len(found) == 1 else self._merge(found)

    def codes(self) -> NDArray[np.uint8]:
        """Return the codes of rows that may match, uint8 (m, bits / 8); a copy if any is hidden."""
        if len(self.all) == 1 and not self.all[0].hidden.size:
            return self.all[0].codes
        shown = [np.delete(segment.codes, segment.hidden, 0) for segment in self.all]
        return np.concatenate(shown)

    def by_segment(self, rows: Rows) -> Iterator[tuple[OpenSegment, NDArray[np.intp], Rows]]:
        """Yield each segment with some of the rows: their positions here, and their rows there."""
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

    def _merge(self, found: list[SearchResult]) -> SearchResult:
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


def _drop_hidden(found: SearchResult, hidden: Rows) -> SearchResult:
    """Return the matches whose row is not hidden."""
    if not hidden.size or not found.ids.size:
        return found
    is_shown = ~contains(hidden, found.ids)
    n_shown = np.concatenate([[0], np.cumsum(is_shown)])
    return SearchResult(n_shown[found.offsets], found.ids[is_shown], found.distances[is_shown])
