"""Search for the views of many contents at a time, in blocks of bounded size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

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
    """Yield the position of each fingerprint that meets rows within a radius, and these, in order.

    `block_views` views are searched for at a time, so that a fingerprint of many, such as that of a
    long video, may come several times.
    """
    for block in _blocks([len(fingerprint.codes) for fingerprint in fingerprints], block_views):
        codes = [fingerprints[position].codes[views] for position, views in block]
        result = index.search(algorithm, np.concatenate(codes), radius)
        first = 0
        for (position, views), own in zip(block, codes, strict=True):
            offsets = result.offsets[first : first + len(own) + 1]
            first += len(own)
            if offsets[0] == offsets[-1]:
                continue
            met = slice(offsets[0], offsets[-1])
            numbers = views.start + np.repeat(np.arange(len(own)), np.diff(offsets))
            rows, distances = result.ids[met], result.distances[met]
            yield position, EntryMatches(fingerprints[position], radius, rows, distances, numbers)


def _blocks(n_views: Sequence[int], block_views: int) -> Iterator[list[tuple[int, slice]]]:
    """Divide the views of fingerprints into blocks of `block_views`, in order."""
    block: list[tuple[int, slice]] = []
    room = block_views
    for position, n_left in enumerate(n_views):
        first = 0
        while first < n_left:
            views = slice(first, min(n_left, first + room))
            block.append((position, views))
            room -= views.stop - first
            first = views.stop
            if not room:
                yield block
                block, room = [], block_views
    if block:
        yield block
