"""Open segments, and the search of all segments of an algorithm as one.

Rows are numbered through all segments, in order. Removed and disabled rows keep their numbers and
never match.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hashmatch.errors import IndexFormatError
from hashmatch.hamming import HammingIndex, SearchResult
from hashmatch.index.deletion_vector import Rows, contains
from hashmatch.index.entry_table import EntryTable
from hashmatch.index.manifest import Segment
from hashmatch.index.row_ranges import Places, split_rows


class RowSlice(NamedTuple):
    """Some rows of codes and entries, in ascending order."""

    codes: NDArray[np.uint8]
    entries: EntryTable
    rows: Rows

    def select_codes(self) -> NDArray[np.uint8]:
        """Return the codes of the rows; no copy if the slice has all rows."""
        return self.codes if self.rows.size == len(self.codes) else self.codes[self.rows]

    def split(self, n_rows: int) -> Iterator[RowSlice]:
        """Yield the rows in slices of at most `n_rows`."""
        for start in range(0, self.rows.size, n_rows):
            yield self._replace(rows=self.rows[start : start + n_rows])


@dataclass(frozen=True, slots=True, eq=False)
class OpenSegment:
    """A segment whose files are mapped, and its tombstones; `hidden` is both kinds together.

    In a transaction, `removed` may contain rows that the manifest record `stored` lacks.
    """

    stored: Segment
    index: HammingIndex
    entries: EntryTable
    removed: Rows
    disabled: Rows
    hidden: Rows = field(init=False)

    def __post_init__(self) -> None:
        both = self.removed.size and self.disabled.size
        either = self.removed if self.removed.size else self.disabled
        hidden = np.union1d(self.removed, self.disabled) if both else either
        object.__setattr__(self, "hidden", hidden)

    @property
    def codes(self) -> NDArray[np.uint8]:
        """The codes by row, uint8 (n, bits / 8)."""
        return self.index.codes

    @property
    def n_kept(self) -> int:
        """Rows that are not removed."""
        return len(self.index) - self.removed.size

    def rows_except(self, left_out: Rows) -> RowSlice:
        """Return all rows except the given ones."""
        rows = np.delete(np.arange(len(self.index)), left_out)
        return RowSlice(self.codes, self.entries, rows)


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

        Tombstones are filtered out; matches are sorted if several segments have matches.
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

    def by_segment(self, rows: Rows) -> Iterator[tuple[OpenSegment, Places, Rows]]:
        """Yield each segment with some of `rows`, their positions in `rows`, and in the segment."""
        if len(self.all) == 1:
            yield self.all[0], slice(0, rows.size), rows
            return
        if rows.size and not (rows.min() >= 0 and rows.max() < len(self)):
            path = self.all[-1].entries.path
            raise IndexFormatError(f"{path}: it has no such row; build the index again")
        for number, places, local in split_rows(rows, self._starts):
            if isinstance(local, slice):
                yield self.all[number], places, np.arange(local.start, local.stop)
            else:
                yield self.all[number], places, local

    def _merge(self, found: list[SearchResult]) -> SearchResult:
        offsets = np.sum([part.offsets for part in found], axis=0)
        pairs = list(zip(found, self._starts[:-1], strict=True))
        pairs = [(part, start) for part, start in pairs if part.ids.size] or pairs[:1]
        rows = np.concatenate([part.ids + start for part, start in pairs])
        distances = np.concatenate([part.distances for part, _ in pairs])
        if len(pairs) == 1:
            return SearchResult(offsets, rows, distances)
        numbers = np.arange(len(offsets) - 1)
        queries = np.concatenate([np.repeat(numbers, np.diff(part.offsets)) for part, _ in pairs])
        order = np.lexsort((rows, distances, queries))
        return SearchResult(offsets, rows[order], distances[order])


def _drop_hidden(found: SearchResult, hidden: Rows) -> SearchResult:
    """Return the matches whose row is not hidden."""
    if not hidden.size or not found.ids.size:
        return found
    is_shown = ~contains(hidden, found.ids)
    n_shown = np.concatenate([[0], np.cumsum(is_shown)])
    return SearchResult(n_shown[found.offsets], found.ids[is_shown], found.distances[is_shown])
