"""Indexes of faiss (flat, multihash and hnsw) with the search methods of `HammingIndex`.

Threads: OpenMP keeps a thread count for each calling thread. Each call sets this count and then
restores it, so that other code on the same thread is not affected. A forked child always uses one
thread, because GNU OpenMP hangs in the child of a process that has used its threads.
"""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import faiss
import numpy as np
from numpy.typing import ArrayLike, NDArray

from hashmatch.hamming import (
    SearchResult,
    check_algorithm,
    check_codes,
    check_ids,
    check_k,
    check_queries,
    check_radius,
    check_threads,
    order_pairs,
)

_Codes = NDArray[np.uint8]
_Ids = NDArray[np.int64]
_Distances = NDArray[np.int32]
_Nearest = tuple[NDArray[Any], NDArray[Any]]  # ids and distances, (n_queries, k)

# Most lookups in hash tables for one query of multihash, about 10 ms. They grow exponentially with
# the radius; long before this many it is quicker to compare every code.
MAX_KEYS = 1 << 16

_is_forked = False


class FaissIndex:
    """Codes of one width in an index of faiss, to compare with `HammingIndex` or to verify it.

    Every method may be called from many threads at once and after a fork. `exact` is False if the
    index may miss codes. `ids` are int64 (n,) by row; None if each id is its row number.
    """

    kind = "flat"
    exact = True

    def __init__(
        self, codes: _Codes, ids: _Ids | None, algorithm: str | None, max_keys: int
    ) -> None:
        self.ids, self.algorithm = ids, algorithm
        self.bits: int = 8 * codes.shape[1]
        self._index = self._create(len(codes))
        self._index.add(codes)

    def _create(self, n: int) -> Any:
        """Return an empty index of faiss for n codes."""
        return faiss.IndexBinaryFlat(self.bits)

    @classmethod
    def build(
        cls,
        codes: ArrayLike,
        ids: ArrayLike | None = None,
        *,
        kind: str = "flat",
        algorithm: str | None = None,
        threads: int = 1,
        max_keys: int = MAX_KEYS,
    ) -> FaissIndex:
        """Build an index in memory; ValueError as in `HammingIndex.build`, or for an unknown kind.

        Parameters
        ----------
        codes, ids, algorithm, threads
            As for `HammingIndex.build`.
        kind : str
            "flat" compares every code. "multihash" looks up substrings of the query and refuses
            searches that it could not answer exactly. "hnsw" offers only `nearest` and may miss
            codes: only this kind is not `exact`.
        max_keys : int
            The most lookups that "multihash" may make for one query.
        """
        codes, algorithm = check_codes(codes), check_algorithm(algorithm)
        own_ids = None if ids is None else check_ids(ids, len(codes))
        kinds = {known.kind: known for known in (FaissIndex, _MultiHash, _Hnsw)}
        if kind not in kinds:
            raise ValueError(f"kind must be one of {', '.join(kinds)}, not {kind!r}")
        with _omp_threads(check_threads(threads)):
            return kinds[kind](codes, own_ids, algorithm, max_keys)

    def __len__(self) -> int:
        return int(self._index.ntotal)

    @property
    def codes(self) -> _Codes:
        """A copy of the codes, by row, uint8 (n, bits / 8)."""
        return copy_codes(self._index)

    @property
    def size_bytes(self) -> int | None:
        """Bytes of codes and ids; None if faiss keeps more and does not say how much."""
        n_id_bytes = 0 if self.ids is None else self.ids.nbytes
        return len(self) * self.bits // 8 + n_id_bytes if self.kind == "flat" else None

    def search(
        self, queries: ArrayLike, radius: int | None = None, threads: int = 1
    ) -> SearchResult:
        """Search like `HammingIndex.search`, or raise ValueError if this kind cannot be exact."""
        queries, radius = check_queries(queries, self.bits), check_radius(radius, self.bits)
        with _omp_threads(check_threads(threads)):
            return self._search(queries, radius)

    def nearest(self, queries: ArrayLike, k: int, threads: int = 1) -> tuple[_Ids, _Distances]:
        """Search as `HammingIndex.nearest` does; "hnsw" may miss codes.

        Also raises ValueError if "multihash" cannot be certain that it found the nearest codes.
        """
        queries, k = check_queries(queries, self.bits), check_k(k)
        n_found = min(k, len(self))
        ids = np.full((len(queries), k), -1, np.int64)
        distances = np.full((len(queries), k), -1, np.int32)
        with _omp_threads(check_threads(threads)):
            for rows in _batches(len(queries)) if n_found else ():
                nearest = self._find_nearest(queries[rows], n_found)
                ids[rows, :n_found], distances[rows, :n_found] = nearest
        return ids, distances

    def join(self, radius: int | None = None, threads: int = 1) -> tuple[_Ids, _Ids, _Distances]:
        """Search like `HammingIndex.join`, or raise ValueError if this kind cannot be exact."""
        radius, threads = check_radius(radius, self.bits), check_threads(threads)
        nothing = np.empty(0, np.int64)
        pairs = [(nothing, nothing, nothing.astype(np.int32))]
        codes = self.codes
        for batch in _batches(len(codes)):
            with _omp_threads(threads):
                found = self._find_rows(codes[batch], radius)
            rows = np.repeat(batch, np.diff(found.offsets))
            is_higher = found.ids > rows
            pairs.append((rows[is_higher], found.ids[is_higher], found.distances[is_higher]))
        a, b, distances = map(np.concatenate, zip(*pairs, strict=True))
        return order_pairs(a, b, distances, self.ids)

    def _search(self, queries: _Codes, radius: int) -> SearchResult:
        offsets, rows, distances = self._find_rows(queries, radius)
        ids = rows if self.ids is None else self.ids[rows]
        if len(ids) < 2:  # as for most single queries
            return SearchResult(offsets, ids, distances)
        number = np.repeat(np.arange(len(queries)), np.diff(offsets))
        order = np.lexsort((ids, distances, number))
        return SearchResult(offsets, ids[order], distances[order])

    def _find_nearest(self, queries: _Codes, k: int) -> _Nearest:
        """Search again within the k-th distance, because faiss breaks ties arbitrarily."""
        ids, distances = np.empty((2, len(queries), k), np.int64)
        farthest = self._index.search(queries, k)[0][:, -1]
        for radius in np.unique(farthest):
            rows = farthest == radius
            ids[rows], distances[rows] = _first(self._search(queries[rows], int(radius)), k)
        return ids, distances

    def _find_rows(self, queries: _Codes, radius: int) -> SearchResult:
        """Find the rows within the radius of each query, in any order."""
        # faiss takes what is nearer than its radius; ours is inclusive.
        offsets, distances, rows = self._index.range_search(queries, radius + 1)
        return SearchResult(offsets.astype(np.int64), rows, distances.astype(np.int32))


def choose_substring_bits(n: int, bits: int) -> int:
    """Return the substring width at which multihash is fastest for radius bits / 8 - 1.

    Assumes 0.2 us per lookup in a hash table and 0.3 us per comparison with a code found there. At
    most log2(n), as faiss advises: wider substrings would need a table entry for nearly every code.
    """

    def cost_us(substring_bits: int) -> float:
        n_substrings = bits // substring_bits
        n_keys = n_substrings * keys_within(substring_bits, (bits // 8 - 1) // n_substrings)
        return n_keys * (0.2 + 0.3 * n / (1 << substring_bits))

    return min(range(8, min(20, max(8, n.bit_length() - 1)) + 1), key=cost_us)


def keys_within(substring_bits: int, n_flips: int) -> int:
    """Return how many keys differ from a given key in at most n_flips bits."""
    return sum(math.comb(substring_bits, flips) for flips in range(n_flips + 1))


def copy_codes(index: Any) -> _Codes:
    """Return a copy of the codes in a flat index, or in the flat storage of another index."""
    storage = faiss.downcast_IndexBinary(getattr(index, "storage", index))
    codes: _Codes = faiss.vector_to_array(storage.xb).reshape(storage.ntotal, storage.code_size)
    return codes


class _MultiHash(FaissIndex):
    """Looks up the substrings of a query, each with up to n_flips bits flipped.

    Misses no code if n_substrings * (n_flips + 1) > radius: a code within the radius then has a
    substring that differs in at most n_flips bits.
    """

    kind = "multihash"

    def __init__(
        self, codes: _Codes, ids: _Ids | None, algorithm: str | None, max_keys: int
    ) -> None:
        super().__init__(codes, ids, algorithm, max_keys)
        self._n_substrings, self._substring_bits = int(self._index.nhash), int(self._index.b)
        self._max_flips = max(
            n_flips
            for n_flips in range(self._substring_bits + 1)
            if self._n_substrings * keys_within(self._substring_bits, n_flips) <= max_keys
        )
        self._locks: dict[int, threading.Lock] = {}

    def _create(self, n: int) -> Any:
        substring_bits = choose_substring_bits(n, self.bits)
        return faiss.IndexBinaryMultiHash(self.bits, self.bits // substring_bits, substring_bits)

    def _find_nearest(self, queries: _Codes, k: int) -> _Nearest:
        """Search with more and more bit flips, each time within the radius that they make exact."""
        ids, distances = np.empty((2, len(queries), k), np.int64)
        rows = np.arange(len(queries))
        for n_flips in range(self._max_flips + 1):
            found = self._search(queries[rows], radius := self._exact_radius(n_flips))
            has_enough = np.diff(found.offsets) >= k
            ids[rows[has_enough]], distances[rows[has_enough]] = _first(found, k, has_enough)
            rows = rows[~has_enough]
            if not len(rows):
                return ids, distances
        raise ValueError(
            f"fewer than k={k} codes lie within {radius} bits of query {rows[0]}, and multihash "
            'cannot know for certain what lies beyond; use kind="flat"'
        )

    def _find_rows(self, queries: _Codes, radius: int) -> SearchResult:
        n_flips = min(radius // self._n_substrings, self._substring_bits)
        if n_flips > self._max_flips:
            raise ValueError(
                f"multihash with {self._n_substrings} substrings of {self._substring_bits} bits is "
                f"exact up to radius {self._exact_radius(self._max_flips)}, not at {radius}; use "
                'kind="flat"'
            )
        # The index holds the number of flips, so only one search may run at a time. A forked child
        # may find the lock of its parent held forever.
        with self._locks.setdefault(os.getpid(), threading.Lock()):
            self._index.nflip = n_flips
            return super()._find_rows(queries, radius)

    def _exact_radius(self, n_flips: int) -> int:
        if n_flips == self._substring_bits:  # every key is looked up
            return self.bits
        return min(self._n_substrings * (n_flips + 1) - 1, self.bits)


class _Hnsw(FaissIndex):
    """Searches by walking a graph of neighbours; may miss some codes."""

    kind = "hnsw"
    exact = False

    def _create(self, n: int) -> Any:
        index = faiss.IndexBinaryHNSW(self.bits, 16)  # links of a code
        index.hnsw.efSearch = 64  # candidates kept during a walk
        return index

    def _find_rows(self, queries: _Codes, radius: int) -> SearchResult:
        raise ValueError(
            "hnsw of faiss has no search or join within a radius; use nearest() or another kind"
        )

    def _find_nearest(self, queries: _Codes, k: int) -> _Nearest:
        distances, found = self._index.search(queries, k)
        is_missing = found < 0
        ids = found if self.ids is None else self.ids[np.where(is_missing, 0, found)]
        ids, distances = np.where(is_missing, -1, ids), np.where(is_missing, -1, distances)
        order = np.lexsort((ids, distances, is_missing))
        return np.take_along_axis(ids, order, 1), np.take_along_axis(distances, order, 1)


def _first(found: SearchResult, k: int, which: Any = slice(None)) -> _Nearest:
    """Return the ids and distances of the first k matches of each selected query."""
    places = found.offsets[:-1][which, None] + np.arange(k)
    return found.ids[places], found.distances[places]


def _batches(n: int) -> Iterator[_Ids]:
    """Yield 0..n-1 in batches, to limit the memory that the results of each batch take."""
    for start in range(0, n, 256):
        yield np.arange(start, min(start + 256, n))


@contextmanager
def _omp_threads(threads: int) -> Iterator[None]:
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1 if _is_forked else threads)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)


def _note_fork() -> None:
    global _is_forked  # noqa: PLW0603  (a process has one answer)
    _is_forked = True


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_note_fork)
