"""Search for the views of many items together, in blocks of bounded size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from hashmatch.index import Index
from hashmatch.matching.entry_matches import EntryMatches
from hashmatch.values import Fingerprint

DEFAULT_BLOCK_VIEWS = 4096


def search_views(
    index: Index,
    algorithm: str,
    fingerprints: Sequence[Fingerprint],
    radius: int,
    *,
    block_views: int = DEFAULT_BLOCK_VIEWS,
) -> Iterator[tuple[int, EntryMatches]]:
    """Yield, in order, the position of each fingerprint that has matches, and its matches.

    `block_views` views are searched for at a time, so a fingerprint of many views, such as that of
    a long video, may be yielded several times.
    """
    if not fingerprints:
        return
    codes = np.concatenate([fingerprint.codes for fingerprint in fingerprints])
    starts = np.cumsum([0, *(len(fingerprint.codes) for fingerprint in fingerprints)])
    for first in range(0, len(codes), block_views):
        found = index.search(algorithm, codes[first : first + block_views], radius)
        views = first + np.repeat(np.arange(len(found.offsets) - 1), np.diff(found.offsets))
        owners = np.searchsorted(starts, views, side="right") - 1
        bounds = [0, *(np.flatnonzero(np.diff(owners)) + 1).tolist(), len(views)]
        for start, stop in pairwise(bounds if len(views) else ()):
            position, own = int(owners[start]), slice(start, stop)
            numbers = views[own] - starts[position]
            rows, distances = found.ids[own], found.distances[own]
            yield position, EntryMatches(fingerprints[position], radius, rows, distances, numbers)
