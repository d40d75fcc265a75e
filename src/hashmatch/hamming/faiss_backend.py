"""Indexes of faiss behind the interface of ours: flat, multihash and hnsw.

faiss numbers codes by row; ids are kept beside and given to results here. Importing this module
loads faiss, which takes half a second: nothing else does that on import.

Threads: faiss takes its number of threads from OpenMP, which holds it for each calling thread. Each
call sets it and puts the former number back, so that nothing leaks to other code of the same
thread. In a forked child one thread is used whatever is asked for, because GNU OpenMP hangs in the
child of a process whose threads it has used.
"""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from hashmatch.hamming.engine import Engine, SearchResult

MAX_KEYS = 1 << 16
"""Most lookups in hash tables that a query of multihash may take, 10 ms or so. They grow with the
power of the radius; long before this it is quicker to compare every code."""

HNSW_LINKS = 16
HNSW_SEARCH_WIDTH = 64

_BATCH = 256
_is_forked = False


@dataclass(frozen=True, slots=True)
class FaissParts:
    """What an index of faiss consists of.

    Attributes
    ----------
    algorithm : str or None
    codes : ndarray of uint8, shape (n, bits / 8)
        A view of the storage of faiss, kept alive by it.
    ids : ndarray of int64, shape (n,), or None
        None where the id is the row.
    backend : str
        "faiss-flat", "faiss-multihash" or "faiss-hnsw".
    engine : Engine
    """

    algorithm: str | None
    codes: NDArray[np.uint8]
    ids: NDArray[np.int64] | None
    backend: str
    engine: Engine


def build(
    backend: str,
    codes: NDArray[np.uint8],
    ids: NDArray[np.int64] | None,
    algorithm: str | None,
    threads: int,
) -> FaissParts:
    """Build an index of faiss over checked codes, which are copied, and ids, which are not."""
    n, n_code_bytes = codes.shape
    bits = 8 * n_code_bytes
    if backend == "faiss-flat":
        index = storage = faiss.IndexBinaryFlat(bits)
    elif backend == "faiss-multihash":
        part_bits = choose_part_bits(n, bits)
        index = faiss.IndexBinaryMultiHash(bits, bits // part_bits, part_bits)
        storage = index.storage
    else:
        index = faiss.IndexBinaryHNSW(bits, HNSW_LINKS)
        index.hnsw.efSearch = HNSW_SEARCH_WIDTH
        storage = index.storage
    with _omp_threads(threads):
        index.add(codes)
    kinds = {"faiss-flat": _Flat, "faiss-multihash": _MultiHash, "faiss-hnsw": _Hnsw}
    kept = stored_codes(index, storage)
    return FaissParts(algorithm, kept, ids, backend, kinds[backend](index, kept, ids))


def choose_part_bits(n: int, bits: int) -> int:
    """Return how wide the parts of multihash should be for n codes at the customary radius.

    Weighs a lookup in a hash table against a comparison with what it finds, at 0.2 and 0.3 us.
    Parts wider than log2(n), as faiss too advises against, would cost a table entry a code each.
    """

    def cost_us(part_bits: int) -> float:
        n_parts = bits // part_bits
        n_keys = n_parts * keys_within(part_bits, (bits // 8 - 1) // n_parts)
        return n_keys * (0.2 + 0.3 * n / (1 << part_bits))

    return min(range(8, min(20, max(8, n.bit_length() - 1)) + 1), key=cost_us)


def keys_within(part_bits: int, n_flips: int) -> int:
    """Return how many keys differ from one in at most n_flips bits."""
    return sum(math.comb(part_bits, flips) for flips in range(n_flips + 1))


def stored_codes(index: Any, storage: Any) -> NDArray[np.uint8]:
    """Return the codes in a flat storage as a view that keeps `index`, which owns it, alive."""
    storage = faiss.downcast_IndexBinary(storage)
    if storage.ntotal == 0:
        return np.empty((0, storage.code_size), np.uint8)
    lent = faiss.rev_swig_ptr(storage.xb.data(), storage.ntotal * storage.code_size)
    return np.asarray(_Lent(index, lent)).reshape(storage.ntotal, storage.code_size)


class _Lent:
    """Memory of an object of faiss: an array made of this refers to it, and it to its owner."""

    def __init__(self, owner: Any, memory: NDArray[np.uint8]) -> None:
        self.owner = owner
        self.__array_interface__ = memory.__array_interface__


class _Flat:
    """Compares every code."""

    def __init__(self, index: Any, codes: NDArray[np.uint8], ids: NDArray[np.int64] | None) -> None:
        self._index = index
        self._codes = codes
        self._ids = ids

    def search(self, queries: NDArray[np.uint8], radius: int, threads: int, /) -> SearchResult:
        with _omp_threads(threads):
            return self._found(queries, radius)

    def nearest(self, queries: NDArray[np.uint8], k: int, threads: int, /) -> SearchResult:
        k = min(k, len(self._codes))
        nearest = _Nearest(len(queries), k)
        with _omp_threads(threads):
            for rows in _batches(len(queries)) if k else ():
                self._find_nearest(queries, rows, nearest)
        return nearest.result()

    def join(self, radius: int, threads: int, /) -> SearchResult:
        counts, rows, distances = [np.zeros(1, np.int64)], [], []
        with _omp_threads(threads):
            for batch in _batches(len(self._codes)):
                found = self._rows_found(self._codes[batch], radius)
                a = np.repeat(batch, np.diff(found.offsets))
                is_higher = found.ids > a
                counts.append(np.bincount(a[is_higher] - batch[0], minlength=len(batch)))
                rows.append(found.ids[is_higher])
                distances.append(found.distances[is_higher])
        none = np.empty(0, np.int64)
        return SearchResult(
            np.cumsum(np.concatenate(counts)),
            np.concatenate([none, *rows]),
            np.concatenate([none.astype(np.int32), *distances]),
        )

    def _find_nearest(
        self, queries: NDArray[np.uint8], rows: NDArray[np.int64], nearest: _Nearest
    ) -> None:
        """Settle some queries: faiss breaks ties as they come, but knows how far the last lies."""
        farthest = self._index.search(queries[rows], nearest.k)[0][:, -1]
        for radius in np.unique(farthest):
            alike = rows[farthest == radius]
            nearest.settle(alike, self._found(queries[alike], int(radius)))

    def _found(self, queries: NDArray[np.uint8], radius: int) -> SearchResult:
        offsets, rows, distances = self._rows_found(queries, radius)
        ids = rows if self._ids is None else self._ids[rows]
        if len(ids) < 2:  # as of most single queries
            return SearchResult(offsets, ids, distances)
        number = np.repeat(np.arange(len(queries)), np.diff(offsets))
        order = np.lexsort((ids, distances, number))
        return SearchResult(offsets, ids[order], distances[order])

    def _rows_found(self, queries: NDArray[np.uint8], radius: int) -> SearchResult:
        """Find rows in any order."""
        # faiss takes what is nearer than its radius, we take what is within ours.
        offsets, distances, rows = self._index.range_search(queries, radius + 1)
        return SearchResult(offsets.astype(np.int64), rows, distances.astype(np.int32))


class _MultiHash(_Flat):
    """Looks up the parts of a query, each with up to so many bits flipped.

    Where n_parts * (n_flips + 1) > radius, a code within the radius has some part that differs in
    n_flips bits at most, and none is missed.
    """

    def __init__(self, index: Any, codes: NDArray[np.uint8], ids: NDArray[np.int64] | None) -> None:
        super().__init__(index, codes, ids)
        self._n_parts, self._part_bits = int(index.nhash), int(index.b)
        self._max_flips = max(
            n_flips
            for n_flips in range(self._part_bits + 1)
            if self._n_parts * keys_within(self._part_bits, n_flips) <= MAX_KEYS
        )
        self._locks: dict[int, threading.Lock] = {}

    def _find_nearest(
        self, queries: NDArray[np.uint8], rows: NDArray[np.int64], nearest: _Nearest
    ) -> None:
        """Settle some queries within growing radii, each as wide as its number of flips allows."""
        for n_flips in range(self._max_flips + 1):
            radius = self._exact_radius(n_flips)
            found = self._found(queries[rows], radius)
            has_enough = np.diff(found.offsets) >= nearest.k
            nearest.settle(rows[has_enough], found, has_enough)
            rows = rows[~has_enough]
            if not len(rows):
                return
        raise ValueError(
            f"fewer than k={nearest.k} codes lie within {radius} bits of query {rows[0]}, and "
            "faiss-multihash cannot tell for certain what lies beyond; use native or faiss-flat"
        )

    def _rows_found(self, queries: NDArray[np.uint8], radius: int) -> SearchResult:
        n_flips = min(radius // self._n_parts, self._part_bits)
        if n_flips > self._max_flips:
            raise ValueError(
                f"faiss-multihash with {self._n_parts} parts of {self._part_bits} bits is exact up "
                f"to radius {self._exact_radius(self._max_flips)}, not at {radius}; use native or "
                "faiss-flat"
            )
        # The index holds the number of flips, so only one search may run at a time. The lock of
        # the parent may be taken for ever in a forked child.
        with self._locks.setdefault(os.getpid(), threading.Lock()):
            self._index.nflip = n_flips
            return super()._rows_found(queries, radius)

    def _exact_radius(self, n_flips: int) -> int:
        bits: int = 8 * self._codes.shape[1]
        if n_flips == self._part_bits:  # every key is looked up
            return bits
        return min(self._n_parts * (n_flips + 1) - 1, bits)


class _Hnsw(_Flat):
    """Walks a graph of neighbours; may miss some."""

    def search(self, queries: NDArray[np.uint8], radius: int, threads: int, /) -> SearchResult:
        raise ValueError(
            "faiss-hnsw cannot search within a radius, faiss has no such search for it; use "
            "nearest(), or another backend"
        )

    def join(self, radius: int, threads: int, /) -> SearchResult:
        raise ValueError(
            "faiss-hnsw cannot join within a radius, faiss has no such search for it; use another "
            "backend"
        )

    def _find_nearest(
        self, queries: NDArray[np.uint8], rows: NDArray[np.int64], nearest: _Nearest
    ) -> None:
        distances, found = self._index.search(queries[rows], nearest.k)
        is_missing = found < 0
        ids = found if self._ids is None else self._ids[np.where(is_missing, 0, found)]
        ids = np.where(is_missing, -1, ids)
        order = np.lexsort((ids, distances, is_missing))
        nearest.ids[rows] = np.take_along_axis(ids, order, 1)
        ordered = np.take_along_axis(np.where(is_missing, -1, distances), order, 1)
        nearest.distances[rows] = ordered


class _Nearest:
    """The k nearest of each query, filled in as they become known."""

    def __init__(self, n_queries: int, k: int) -> None:
        self.k = k
        self.ids = np.full((n_queries, k), -1, np.int64)
        self.distances = np.full((n_queries, k), -1, np.int32)

    def settle(
        self,
        rows: NDArray[np.int64],
        found: SearchResult,
        is_settled: NDArray[np.bool_] | slice = slice(None),
    ) -> None:
        """Take the first k that were found for each settled query; `rows` says which they are."""
        places = found.offsets[:-1][is_settled, None] + np.arange(self.k)
        self.ids[rows] = found.ids[places]
        self.distances[rows] = found.distances[places]

    def result(self) -> SearchResult:
        """Return what was filled in."""
        offsets = self.k * np.arange(len(self.ids) + 1, dtype=np.int64)
        return SearchResult(offsets, self.ids.ravel(), self.distances.ravel())


def _batches(n: int) -> Iterator[NDArray[np.int64]]:
    """Yield 0..n-1 in runs that bound the memory that results take."""
    for start in range(0, n, _BATCH):
        yield np.arange(start, min(start + _BATCH, n))


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
