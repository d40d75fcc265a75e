"""Backends measured side by side on the same codes, each checked before it is timed."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hashmatch.hamming.arguments import (
    checked_codes,
    checked_int,
    checked_positive,
    checked_threads,
)
from hashmatch.hamming.bench_data import brute_force, distances_to, draw_queries
from hashmatch.hamming.engine import SearchResult
from hashmatch.hamming.hamming import HammingIndex
from hashmatch.hamming.machine import describe_machine, heap_bytes

NEIGHBOURS = 10
"""How many neighbours are asked of a backend that cannot search within a radius."""

_CHECKED = 32
_RECALLED = 128
_BATCH = 20_000
_FIRST_BULK = 64
_BRIEF_S = 0.25

Queries = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class BenchRow:
    """What one backend took.

    Attributes
    ----------
    backend : str
    task : str
        What was asked: "radius R", or "nearest K" of a backend without radius search.
    exact : bool
        Whether the backend finds everything.
    n_codes, bits, radius, threads : int
        Threads are those of build and bulk; single queries take one.
    build_s : float
    bytes_per_code : float or None
        Memory; None where it cannot be told.
    single_p50_us, single_p99_us : float
        Of calls with one query each.
    bulk_queries_per_s : float
        Of one call with n_bulk queries.
    n_bulk : int
    recall : float
        1.0 for an exact backend, whose answers were those of brute force; else the share of the
        true neighbours that it found.
    """

    backend: str
    task: str
    exact: bool
    n_codes: int
    bits: int
    radius: int
    threads: int
    build_s: float
    bytes_per_code: float | None
    single_p50_us: float
    single_p99_us: float
    bulk_queries_per_s: float
    n_bulk: int
    recall: float


@dataclass(frozen=True, slots=True)
class BenchReport:
    """What was measured, and on what machine.

    Attributes
    ----------
    rows : tuple of BenchRow
        In the order in which the backends were given.
    refused : dict of str to str
        Backends that do not do what was asked, and why not.
    machine : dict
        See `describe_machine`.
    """

    rows: tuple[BenchRow, ...]
    refused: dict[str, str]
    machine: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain dicts and lists, ready for JSON."""
        return asdict(self)


def bench_backends(
    codes: ArrayLike,
    *,
    backends: Sequence[str] = ("native", "faiss-flat", "faiss-multihash"),
    radius: int | None = None,
    n_single: int = 1000,
    n_bulk: int = 100_000,
    seed: int = 0,
    threads: int = 1,
    limit_s: float = 10.0,
) -> BenchReport:
    """Build an index with each backend and measure it.

    Half of the queries lie near a stored code, all are distinct, and every backend is asked the
    same ones. Before a backend is timed, its answers to some of them are compared with brute force.

    Parameters
    ----------
    codes : array_like of uint8, shape (n, bits / 8)
        At least one.
    backends : sequence of str
        Of `BACKENDS`.
    radius : int, optional
        In bits, inclusive; bits / 8 - 1 unless given, which is 31 for 256 bits.
    n_single : int
        Queries that are timed one by one.
    n_bulk : int
        Queries in the one call that is timed as a whole.
    seed : int
        Which queries are drawn.
    threads : int
        Threads to build with and to answer bulk queries with.
    limit_s : float
        Seconds that single queries, and that bulk queries of a backend may take, more or less: a
        slow one is asked fewer.

    Raises
    ------
    ValueError
        Bad codes, numbers or backends.
    RuntimeError
        An exact backend gave a wrong answer, which is a bug.
    """
    given = checked_codes(codes, "codes")
    if len(given) == 0:
        raise ValueError("codes must hold at least one code to measure with")
    n_single = checked_positive(n_single, "n_single")
    n_bulk = checked_positive(n_bulk, "n_bulk")
    threads = checked_threads(threads)
    radius = given.shape[1] - 1 if radius is None else checked_int(radius, "radius")
    if not 0 <= radius <= 8 * given.shape[1]:
        raise ValueError(f"radius must be 0..{8 * given.shape[1]} bits, not {radius}")
    queries = draw_queries(given, max(n_single, n_bulk, _RECALLED), radius, seed=seed)
    bench = _Bench(given, queries, radius, n_single, n_bulk, threads, limit_s)
    rows, refused = [], {}
    for backend in backends:
        try:
            rows.append(bench.measure(backend))
        except _RefusedError as refusal:
            refused[backend] = str(refusal)
    return BenchReport(tuple(rows), refused, describe_machine())


class _RefusedError(Exception):
    """A backend does not do what was asked."""


@dataclass(frozen=True, slots=True)
class _Bench:
    codes: NDArray[np.uint8]
    queries: Queries
    radius: int
    n_single: int
    n_bulk: int
    threads: int
    limit_s: float

    def measure(self, backend: str) -> BenchRow:
        """Build, check, time."""
        HammingIndex.build(self.codes[:1], backend=backend)  # loads what it needs
        gc.collect()
        heap_before, start = heap_bytes(), time.perf_counter()
        index = HammingIndex.build(self.codes, backend=backend, threads=self.threads)
        build_s = time.perf_counter() - start
        heap_after, size_bytes = heap_bytes(), index.size_bytes
        if size_bytes is None and heap_before is not None and heap_after is not None:
            grown = heap_after - heap_before
            # It holds the codes: where it seems not to, another allocator was put in place.
            size_bytes = grown if grown >= self.codes.nbytes else None
        searches_radius = backend != "faiss-hnsw"
        if searches_radius:
            self._check(index)
            single_us = self._timed_singly(lambda q: index.search(q, self.radius))
            n_bulk, bulk_s = self._timed_in_bulk(
                lambda q: index.search(q, self.radius, self.threads)
            )
        else:
            single_us = self._timed_singly(lambda q: index.nearest(q, NEIGHBOURS))
            n_bulk, bulk_s = self._timed_in_bulk(
                lambda q: index.nearest(q, NEIGHBOURS, self.threads)
            )
        return BenchRow(
            backend=index.backend,
            task=f"radius {self.radius}" if searches_radius else f"nearest {NEIGHBOURS}",
            exact=index.exact,
            n_codes=len(index),
            bits=index.bits,
            radius=self.radius,
            threads=self.threads,
            build_s=build_s,
            bytes_per_code=None if size_bytes is None else size_bytes / len(index),
            single_p50_us=float(np.percentile(single_us, 50)),
            single_p99_us=float(np.percentile(single_us, 99)),
            bulk_queries_per_s=n_bulk / bulk_s,
            n_bulk=n_bulk,
            recall=1.0 if index.exact else self._recall(index),
        )

    def _check(self, index: HammingIndex) -> None:
        """Compare answers with brute force, also those in a batch large enough to be grouped."""
        queries = self.queries[:_CHECKED]
        try:
            found = index.search(queries, self.radius)
        except ValueError as refusal:
            raise _RefusedError(str(refusal)) from None
        expected = brute_force(self.codes, queries, self.radius)
        batch = self.queries[: _BATCH if index.backend == "native" else _CHECKED]
        offsets, ids, distances = index.search(batch, self.radius, self.threads)
        n = int(offsets[len(queries)])
        first = SearchResult(offsets[: len(queries) + 1], ids[:n], distances[:n])
        if not (_same(found, expected) and _same(first, expected)):
            raise RuntimeError(f"{index.backend} does not find what comparing every code finds")

    def _recall(self, index: HammingIndex) -> float:
        queries = self.queries[:_RECALLED]
        k = min(NEIGHBOURS, len(index))
        _, found = index.nearest(queries, k)
        true = np.array([np.partition(distances_to(self.codes, q), k - 1)[k - 1] for q in queries])
        return float(((found >= 0) & (found <= true[:, None])).mean())

    def _timed_singly(self, ask: Callable[[Queries], object]) -> list[float]:
        """Return the microseconds of each call; no query is asked twice."""
        taken_us: list[float] = []
        deadline = time.perf_counter() + self.limit_s
        for row in range(self.n_single):
            query = self.queries[row : row + 1]
            start = time.perf_counter_ns()
            ask(query)
            taken_us.append((time.perf_counter_ns() - start) / 1000)
            if time.perf_counter() > deadline:
                break
        return taken_us

    def _timed_in_bulk(self, ask: Callable[[Queries], object]) -> tuple[int, float]:
        """Return how many queries the largest call had that fits the limit, and its seconds."""
        n_done, taken_s = 0, 0.0
        for n in self._bulk_sizes():
            if n_done and taken_s * n / n_done > self.limit_s:
                break
            n_done, taken_s = n, _median_s(partial(ask, self.queries[:n]))
        return n_done, taken_s

    def _bulk_sizes(self) -> Iterator[int]:
        n = _FIRST_BULK
        while n < self.n_bulk:
            yield n
            n *= 4
        yield self.n_bulk


def _same(found: SearchResult, expected: SearchResult) -> bool:
    return (
        np.array_equal(found.offsets, expected.offsets)
        and np.array_equal(found.ids, expected.ids)
        and np.array_equal(found.distances, expected.distances)
    )


def _median_s(work: Callable[[], object]) -> float:
    """Return the seconds that work takes: the median of three where it is brief."""
    taken_s: list[float] = []
    while not taken_s or (taken_s[0] < _BRIEF_S and len(taken_s) < 3):
        start = time.perf_counter()
        work()
        taken_s.append(time.perf_counter() - start)
    return float(np.median(taken_s))
