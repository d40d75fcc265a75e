"""Search for the views of many items together, in blocks of bounded size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from hashmatch.index import Index
from hashmatch.matching.entry_matches import EntryMatches
from hashmatch.values import Fingerprint

DEFAULT_BLOCK_VIEWS = 64
"""More would not make a search quicker, but a crowd of equal entries is met by each of them."""

_FIRST_VIEWS = 8
_MANY_HITS = 1 << 20


def search_views(
    index: Index,
    algorithm: str,
    fingerprints: Sequence[Fingerprint],
    radius: int,
    *,
    block_views: int = DEFAULT_BLOCK_VIEWS,
) -> Iterator[tuple[int, EntryMatches]]:
    """Yield, in order, the position of each fingerprint that has matches, and its matches.

    At most `block_views` views are searched for at a time, a few at first and fewer after a block
    with very many matches, so a fingerprint may be yielded several times.
    """
    if not fingerprints:
        return
    codes = np.concatenate([fingerprint.codes for fingerprint in fingerprints])
    starts = np.cumsum([0, *(len(fingerprint.codes) for fingerprint in fingerprints)])
    first, size = 0, min(_FIRST_VIEWS, block_views)
    while first < len(codes):
        found = index.search(algorithm, codes[first : first + size], radius)
        for position, views, hits in _split_by_owner(starts, first, found.offsets):
            yield (
                position,
                EntryMatches(
                    fingerprints[position], radius, found.ids[hits], found.distances[hits], views
                ),
            )
        first += size
        size = max(1, size // 4) if found.ids.size > _MANY_HITS else min(4 * size, block_views)


def _split_by_owner(
    starts: NDArray[np.int64], first: int, offsets: NDArray[np.int64]
) -> Iterator[tuple[int, NDArray[np.int64], slice]]:
    """Yield each fingerprint with hits in a block of views, the view of each hit, and the hits.

    `starts` are the numbers of the fingerprints' first views, `first` that of the block's.
    """
    last = first + len(offsets) - 1
    begin, end = np.searchsorted(starts, [first, last], side="right") - [1, 0]
    edges = np.clip(starts[begin : end + 1], first, last) - first
    for at in np.flatnonzero(np.diff(offsets[edges])).tolist():
        position, block = int(begin) + at, slice(edges[at], edges[at + 1] + 1)
        views = np.arange(edges[at], edges[at + 1]) + first - starts[position]
        hits = slice(offsets[edges[at]], offsets[edges[at + 1]])
        yield position, np.repeat(views, np.diff(offsets[block])), hits
