"""Benchmarks of search engines on the same codes; no figures are given for a wrong answer."""

from __future__ import annotations

import gc
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hashmatch.hamming import (
    HammingIndex,
    SearchResult,
    check_codes,
    check_positive,
    check_radius,
    check_threads,
)
from hashmatch.interop.bench_data import brute_force, distances_to, draw_queries
from hashmatch.interop.faiss_index import FaissIndex
from hashmatch.interop.machine import describe_machine, heap_bytes

NEIGHBOURS = 10  # asked of a backend that cannot search within a radius

_N_CHECKED = 32
_N_RECALL = 128
_BRIEF_S = 0.25

_Codes = NDArray[np.uint8]


class Contender(Protocol):
    """A search engine, used as its documentation advises. Only `build` and `search` are timed."""

    name: str
    exact: bool
    neighbours: int | None  # asked for; None: it searches within the radius

    def build(self, codes: _Codes, threads: int) -> None:
        """Index the codes; the id of a code is its row number."""

    def prepare(self, queries: _Codes) -> Any:
        """Convert queries to the form that the engine takes."""

    def search(self, prepared: Any, threads: int) -> Any:
        """Search; raise ValueError if the engine cannot answer such queries."""

    def read(self, answer: Any) -> SearchResult:
        """Convert an answer to a `SearchResult`; a query's matches may be in any order."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Codes, distinct queries, and the brute-force answers to some of the queries."""

    codes: _Codes
    queries: _Codes
    radius: int
    rows: NDArray[np.int64]  # of the queries whose answers are checked, ascending
    expected: SearchResult  # the right answers to those
    limit_s: float  # that each figure may take, about
    min_queries: int  # asked even beyond the limit

    @classmethod
    def draw(
        cls,
        codes: _Codes,
        radius: int,
        *,
        n_queries: int,
        n_checked: int = _N_CHECKED,
        seed: int = 0,
        limit_s: float = 10.0,
        min_queries: int = 64,
    ) -> Problem:
        """Draw queries, half of them near a code; find the answers to the first and some others."""
        queries = draw_queries(codes, max(n_queries, min_queries), radius, seed=seed)
        first = min(n_checked, len(queries))
        rest = np.random.default_rng(seed).permutation(np.arange(first, len(queries)))
        rows = np.concatenate([np.arange(first), np.sort(rest[: first // 2])])
        expected = brute_force(codes, queries[rows], radius)
        return cls(codes, queries, radius, rows, expected, limit_s, min_queries)


class WrongAnswerError(RuntimeError):
    """A search engine gave an answer that contradicts its guarantees."""


def measure_recall(contender: Contender, problem: Problem) -> float:
    """Run some queries one by one and return the share of the true matches that was found.

    Raises WrongAnswerError if an exact engine misses a match, or if any engine reports a false
    match or the same match twice.
    """
    if contender.neighbours is not None:
        return _recall_of_nearest(contender, problem, contender.neighbours)
    n_right = 0
    for number, row in enumerate(problem.rows):
        prepared = contender.prepare(problem.queries[row : row + 1])
        answer = contender.read(contender.search(prepared, 1))
        n_right += _count_right(contender, problem, number, answer, 0)
    return n_right / len(problem.expected.ids) if len(problem.expected.ids) else 1.0


def time_calls(
    contender: Contender, problem: Problem, *, queries_per_call: int, max_calls: int
) -> NDArray[np.float64]:
    """Return the microseconds that each call takes, on one thread; no query is repeated."""
    times_us: list[float] = []
    deadline = time.perf_counter() + problem.limit_s
    for start in range(0, len(problem.queries) - queries_per_call + 1, queries_per_call):
        prepared = contender.prepare(problem.queries[start : start + queries_per_call])
        start_ns = time.perf_counter_ns()
        contender.search(prepared, 1)
        times_us.append((time.perf_counter_ns() - start_ns) / 1000)
        is_enough = start + queries_per_call >= problem.min_queries
        if len(times_us) >= max_calls or (is_enough and time.perf_counter() > deadline):
            break
    return np.array(times_us)


def time_bulk(
    contender: Contender, problem: Problem, *, n_queries: int, threads: int = 1
) -> tuple[int, float]:
    """Time the largest batch that fits the time limit, and check a sample of its answers.

    Returns the batch's size and its seconds, the median of three runs if the first is brief.
    """
    n_done, median_s, n = 0, 0.0, min(problem.min_queries, n_queries)
    while n > n_done and (n_done == 0 or median_s * n / n_done <= problem.limit_s):
        prepared = contender.prepare(problem.queries[:n])
        times_s: list[float] = []
        while not times_s or (times_s[0] < _BRIEF_S and len(times_s) < 3):
            start = time.perf_counter()
            answer = contender.search(prepared, threads)
            times_s.append(time.perf_counter() - start)
        found = contender.read(answer)
        for number, row in enumerate(problem.rows[problem.rows < n].tolist()):
            if contender.neighbours is None:
                _count_right(contender, problem, number, found, row)
        del answer, found
        n_done, median_s, n = n, float(np.median(times_s)), min(4 * n, n_queries)
    return n_done, median_s


def _count_right(
    contender: Contender, problem: Problem, number: int, answer: SearchResult, place: int
) -> int:
    """Count the matches at `place` in an answer, checked against expected answer `number`."""

    def matches(result: SearchResult, query: int) -> list[tuple[int, int]]:
        part = slice(*result.offsets[query : query + 2])
        return list(zip(result.ids[part].tolist(), result.distances[part].tolist(), strict=True))

    found, expected = matches(answer, place), matches(problem.expected, number)
    if set(found) - set(expected):
        raise WrongAnswerError(f"{contender.name} finds what is not there")
    if len(set(found)) != len(found):
        raise WrongAnswerError(f"{contender.name} reports a match twice")
    if contender.exact and len(found) != len(expected):
        raise WrongAnswerError(
            f"{contender.name} misses {len(expected) - len(found)} of {len(expected)} matches"
        )
    return len(found)


def _recall_of_nearest(contender: Contender, problem: Problem, k: int) -> float:
    queries, k = problem.queries[:_N_RECALL], min(k, len(problem.codes))
    found = contender.read(contender.search(contender.prepare(queries), 1))
    farthest = [np.partition(distances_to(problem.codes, q), k - 1)[k - 1] for q in queries]
    is_right = found.distances <= np.repeat(farthest, np.diff(found.offsets))
    return float(is_right.sum() / (k * len(queries)))


@dataclass(frozen=True, slots=True)
class BenchRow:
    """The figures measured for one backend."""

    backend: str
    task: str  # "radius R", or "nearest K" of a backend without radius search
    exact: bool
    n_codes: int
    bits: int
    radius: int
    threads: int  # of build and bulk; single queries take one
    build_s: float
    bytes_per_code: float | None  # memory; None if it is not known
    single_p50_us: float
    single_p99_us: float
    bulk_queries_per_s: float
    n_bulk: int  # queries of the bulk call
    recall: float  # 1.0 for an exact backend


@dataclass(frozen=True, slots=True)
class BenchReport:
    """Figures of several backends on one machine; `dataclasses.asdict` prepares them for JSON."""

    rows: tuple[BenchRow, ...]
    refused: dict[str, str]  # backends that do not do what was asked, and why not
    machine: dict[str, Any]  # see `describe_machine`


# The kind of faiss index by backend, None for our own.
_KINDS = {"native": None, **{f"faiss-{kind}": kind for kind in ("flat", "multihash", "hnsw")}}
BACKENDS = tuple(_KINDS)


class BackendContender:
    """A backend of this package, as a contender."""

    def __init__(self, backend: str, radius: int) -> None:
        self.name = backend
        self.exact = backend != "faiss-hnsw"
        self.neighbours = None if self.exact else NEIGHBOURS
        self._kind, self._radius = _KINDS[backend], radius
        self.index: HammingIndex | FaissIndex

    def build(self, codes: _Codes, threads: int) -> None:
        """Build an index."""
        if self._kind is None:
            self.index = HammingIndex.build(codes, threads=threads)
        else:
            self.index = FaissIndex.build(codes, kind=self._kind, threads=threads)

    def prepare(self, queries: _Codes) -> _Codes:
        """Return the queries as they are."""
        return queries

    def search(self, prepared: _Codes, threads: int) -> Any:
        """Search within the radius, or for the nearest neighbours."""
        if self.neighbours is None:
            return self.index.search(prepared, self._radius, threads)
        return self.index.nearest(prepared, self.neighbours, threads)

    def read(self, answer: Any) -> SearchResult:
        """Convert nearest neighbours, if that is the answer, to a search result."""
        if self.neighbours is None:
            return SearchResult(*answer)
        ids, distances = answer
        offsets = np.concatenate([[0], np.cumsum((ids >= 0).sum(axis=1))])
        return SearchResult(offsets, ids[ids >= 0], distances[ids >= 0])


def bench_backends(
    codes: ArrayLike,
    *,
    backends: Sequence[str] = BACKENDS[:3],
    radius: int | None = None,
    n_single: int = 1000,
    n_bulk: int = 100_000,
    seed: int = 0,
    threads: int = 1,
    limit_s: float = 10.0,
) -> BenchReport:
    """Build an index with each backend and measure it, with the same queries for all.

    Half of the queries lie near a stored code, and all are distinct. Some answers are compared with
    brute force: a WrongAnswerError is a bug.

    Parameters
    ----------
    codes : array_like of uint8, shape (n, bits / 8)
        At least one code.
    radius : int, optional
        In bits, inclusive; bits / 8 - 1 by default, which is 31 for 256 bits.
    n_single, n_bulk : int
        Numbers of queries to time one by one, and together in one call.
    threads : int
        Threads to build with and to answer the bulk call with.
    limit_s : float
        Approximate seconds for each figure: a slow backend gets fewer queries.
    """
    checked = check_codes(codes)
    check_positive(len(checked), "the number of codes")
    n_single, n_bulk = check_positive(n_single, "n_single"), check_positive(n_bulk, "n_bulk")
    threads, n_bytes = check_threads(threads), checked.shape[1]
    radius = check_radius(n_bytes - 1 if radius is None else radius, 8 * n_bytes)
    if unknown := [name for name in backends if name not in BACKENDS]:
        raise ValueError(f"backend must be one of {', '.join(BACKENDS)}, not {unknown[0]!r}")
    n_queries = max(n_single, n_bulk, _N_RECALL)
    problem = Problem.draw(checked, radius, n_queries=n_queries, seed=seed, limit_s=limit_s)
    rows, refused = [], {}
    for backend in backends:
        contender = BackendContender(backend, radius)
        try:
            rows.append(_measure(contender, problem, n_single, n_bulk, threads))
        except ValueError as refusal:
            refused[backend] = str(refusal)
    return BenchReport(tuple(rows), refused, describe_machine())


def _measure(
    contender: BackendContender, problem: Problem, n_single: int, n_bulk: int, threads: int
) -> BenchRow:
    contender.build(problem.codes[:1], threads)  # loads what it needs
    gc.collect()
    heap_before, start = heap_bytes(), time.perf_counter()
    contender.build(problem.codes, threads)
    build_s = time.perf_counter() - start
    index, grown = contender.index, heap_bytes() - heap_before
    size_bytes, k = index.size_bytes, contender.neighbours
    if size_bytes is None and grown >= problem.codes.nbytes:  # else libc does not allocate it
        size_bytes = grown
    recall = measure_recall(contender, problem)
    times_us = time_calls(contender, problem, queries_per_call=1, max_calls=n_single)
    bulk_queries, bulk_s = time_bulk(contender, problem, n_queries=n_bulk, threads=threads)
    return BenchRow(
        backend=contender.name,
        task=f"radius {problem.radius}" if k is None else f"nearest {k}",
        exact=contender.exact,
        n_codes=len(index),
        bits=index.bits,
        radius=problem.radius,
        threads=threads,
        build_s=build_s,
        bytes_per_code=None if size_bytes is None else size_bytes / len(index),
        single_p50_us=float(np.percentile(times_us, 50)),
        single_p99_us=float(np.percentile(times_us, 99)),
        bulk_queries_per_s=bulk_queries / bulk_s,
        n_bulk=bulk_queries,
        recall=recall,
    )
