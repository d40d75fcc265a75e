"""Search for the views of many contents at a time, in blocks of bounded size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hashmatch.index import Index
from hashmatch.values import Fingerprint

DEFAULT_BLOCK_VIEWS = 4096


class ViewHits(NamedTuple):
    """Rows of an index that views of one content met; at least one.

    `position` is that of its fingerprint among those searched for; `views`, int64 (m,), are
    positions in the fingerprint; `rows`, int64 (m,), and `distances`, int32 (m,), are as the index
    gives them.
    """

    position: int
    views: NDArray[np.int64]
    rows: NDArray[np.int64]
    distances: NDArray[np.int32]


def search_views(
    index: Index,
    algorithm: str,
    fingerprints: Sequence[Fingerprint],
    radius: int,
    *,
    block_views: int = DEFAULT_BLOCK_VIEWS,
) -> Iterator[ViewHits]:
    """Yield what the views of each fingerprint meet within a radius, in order.

    `block_views` of them are searched for at a time, so a fingerprint of many views, such as that
    of a long video, may give several hits.
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
            hits = slice(offsets[0], offsets[-1])
            numbers = views.start + np.repeat(np.arange(len(own)), np.diff(offsets))
            yield ViewHits(position, numbers, result.ids[hits], result.distances[hits])


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
