"""What carries out searches, and the form of what they find."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray


class SearchResult(NamedTuple):
    """Matches of a batch of queries.

    Those of query ``i`` are ``ids[offsets[i]:offsets[i + 1]]`` at ``distances[...]``, ordered by
    (distance, id).

    Attributes
    ----------
    offsets : ndarray of int64, shape (n_queries + 1,)
    ids : ndarray of int64, shape (n_matches,)
    distances : ndarray of int32, shape (n_matches,)
        In bits.
    """

    offsets: NDArray[np.int64]
    ids: NDArray[np.int64]
    distances: NDArray[np.int32]


class Engine(Protocol):
    """What carries out a search once its arguments are checked.

    All of these return offsets int64 (n_queries + 1,), ids int64 and distances int32, in the order
    of `SearchResult`.
    """

    def search(
        self, queries: NDArray[np.uint8], radius: int, threads: int, /
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int32]]:
        """Find all codes within the radius, inclusive."""

    def nearest(
        self, queries: NDArray[np.uint8], k: int, threads: int, /
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int32]]:
        """Find the min(k, n) nearest codes."""

    def join(
        self, radius: int, threads: int, /
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int32]]:
        """Find for every row the higher rows within the radius: rows, not ids, in any order."""
