"""Every kernel of this CPU: AVX2 should stay within 3 times AVX-512, portable within 12.

Except in the last group, codes fit in the cache, so the figures show the kernel and not the memory.
The figures in brackets are ratios to the fastest of a group. Each answer is checked against a
brute-force comparison in NumPy before it is timed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from numpy.typing import NDArray
from pytest_benchmark.fixture import BenchmarkFixture

from hashmatch import _core
from hashmatch.hamming import SearchResult
from hashmatch.interop import brute_force, draw_queries, synthetic_codes

N_CODES = 8192
N_QUERIES = 512
RADIUS = 31

Codes = NDArray[np.uint8]
CODES = synthetic_codes(N_CODES)
QUERIES = draw_queries(CODES, N_QUERIES, RADIUS)
PLANES = _core.pack_planes(CODES)
# Long buckets: a search spends its time comparing their sketches.
CROWDED = _core.Index(CODES, PLANES, None, _core.build_tables(CODES, 1, (16, 8)))
TABLELESS = _core.Index(CODES, PLANES, None, None)


@pytest.fixture(params=_core.runnable_kernels())
def kernel(request: pytest.FixtureRequest) -> Iterator[str]:
    before = _core.select_kernel(request.param)
    yield request.param
    _core.select_kernel(before)


def check(answer: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int32]]) -> None:
    found = SearchResult(*answer)
    expected = brute_force(CODES, QUERIES[: len(found.offsets) - 1], RADIUS)
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def compare_searches(
    benchmark: BenchmarkFixture, index: _core.Index, way: _core.Strategy, queries: Codes
) -> None:
    def search() -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int32]]:
        return index.search(queries, RADIUS, 1, way)

    check(search())
    benchmark.extra_info |= {"codes": N_CODES, "queries": len(queries)}
    benchmark(search)


@pytest.mark.benchmark(group="filter4: a scan for 512 queries")
def test_filter_for_many(benchmark: BenchmarkFixture, kernel: str) -> None:
    compare_searches(benchmark, TABLELESS, _core.Strategy.scan, QUERIES)


@pytest.mark.benchmark(group="filter1: a scan for one query")
def test_filter_for_one(benchmark: BenchmarkFixture, kernel: str) -> None:
    compare_searches(benchmark, TABLELESS, _core.Strategy.scan, QUERIES[:1])


@pytest.mark.benchmark(group="near_pairs: long buckets, query by query")
def test_sketches_by_query(benchmark: BenchmarkFixture, kernel: str) -> None:
    compare_searches(benchmark, CROWDED, _core.Strategy.probe, QUERIES)


@pytest.mark.benchmark(group="near_pairs: long buckets, bucket by bucket")
def test_sketches_by_bucket(benchmark: BenchmarkFixture, kernel: str) -> None:
    compare_searches(benchmark, CROWDED, _core.Strategy.batch_probe, QUERIES)


@pytest.mark.benchmark(group="distances: every code whole")
def test_distances(benchmark: BenchmarkFixture, kernel: str) -> None:
    def scan() -> Codes:
        return TABLELESS.constant_time(QUERIES, RADIUS, 1)

    rows = np.unpackbits(scan(), axis=1, count=N_CODES)
    expected = brute_force(CODES, QUERIES, RADIUS).ids
    np.testing.assert_array_equal(np.sort(np.nonzero(rows)[1]), np.sort(expected))
    benchmark(scan)


@pytest.mark.benchmark(group="a whole search: planned tables")
@pytest.mark.parametrize("n_queries", [1, 10_000])
def test_search(
    benchmark: BenchmarkFixture, kernel: str, n_queries: int, million: Callable[[int], object]
) -> None:
    million(min(n_queries, 100))
    benchmark.group += f", {n_queries:,} queries at 1,000,000 codes"
    benchmark(million, n_queries)


@pytest.fixture(scope="module")
def million() -> Callable[[int], object]:
    codes = synthetic_codes(1_000_000)
    queries = draw_queries(codes, 10_000, RADIUS)
    index = _core.Index(codes, _core.pack_planes(codes), None, _core.build_tables(codes, 1))
    expected = brute_force(codes, queries[:100], RADIUS)
    found = SearchResult(*index.search(queries, RADIUS, 1))
    n = int(found.offsets[100])
    assert found.ids[:n].tolist() == expected.ids.tolist()
    return lambda n_queries: index.search(queries[:n_queries], RADIUS, 1)
