"""HammingIndex beside faiss: 256-bit codes, radius 31, one thread.

Half of the queries lie within the radius of a stored code. Nothing is timed before its answers
equal those of faiss IndexBinaryFlat, to the last id and distance.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray
from pytest_benchmark.fixture import BenchmarkFixture

from hashmatch import _core
from hashmatch.hamming import HammingIndex, SearchResult

BITS = 256
RADIUS = 31
SCANS = {f"scan-{kernel}": kernel for kernel in _core.runnable_kernels()}
ENGINES = ["hashmatch", *SCANS, "faiss-flat"]

Codes = NDArray[np.uint8]
Search = Callable[[Codes], SearchResult]


class Data(NamedTuple):
    """Codes, and queries to search for."""

    codes: Codes
    queries: Codes


@pytest.fixture(scope="session")
def data(pytestconfig: pytest.Config) -> Data:
    rng = np.random.default_rng(20261122)
    n, n_queries = pytestconfig.getoption("--codes"), pytestconfig.getoption("--queries")
    codes = rng.integers(0, 256, (n, BITS // 8), dtype=np.uint8)
    queries = rng.integers(0, 256, (n_queries, BITS // 8), dtype=np.uint8)
    near = np.unpackbits(codes[rng.integers(0, n, n_queries // 2)], axis=1)
    places = rng.random(near.shape).argsort(axis=1)
    near ^= places < rng.integers(0, RADIUS + 1, (len(near), 1))
    queries[: 2 * len(near) : 2] = np.packbits(near, axis=1)
    return Data(codes, queries)


@pytest.fixture(scope="session")
def indexed(data: Data) -> HammingIndex:
    return HammingIndex.build(data.codes)


@pytest.fixture(scope="session")
def tableless(data: Data) -> _core.Index:
    """Return an index without tables, so that every code is compared."""
    return _core.Index(data.codes, _core.pack_planes(data.codes), None, None)


@pytest.fixture(scope="session")
def faiss_flat(data: Data) -> Search:
    import faiss

    faiss.omp_set_num_threads(1)
    flat = faiss.IndexBinaryFlat(BITS)
    flat.add(data.codes)

    def search(queries: Codes) -> SearchResult:
        offsets, distances, ids = flat.range_search(queries, RADIUS + 1)  # strictly less
        return SearchResult(offsets, ids, distances)

    return search


@pytest.fixture(scope="session")
def expected(data: Data, faiss_flat: Search) -> SearchResult:
    found = in_order(faiss_flat(data.queries))
    assert len(found.ids) >= len(data.queries) // 2
    return found


@pytest.fixture(params=ENGINES)
def search(
    request: pytest.FixtureRequest,
    indexed: HammingIndex,
    tableless: _core.Index,
    faiss_flat: Search,
) -> Iterator[Search]:
    """Yield a search function, with its kernel selected meanwhile."""
    before = _core.active_kernel()
    if request.param == "hashmatch":
        yield lambda queries: indexed.search(queries, RADIUS)
    elif request.param == "faiss-flat":
        yield faiss_flat
    else:
        _core.select_kernel(SCANS[request.param])
        yield lambda queries: SearchResult(*tableless.search(queries, RADIUS, 1))
    _core.select_kernel(before)


def in_order(found: SearchResult) -> SearchResult:
    """Order each query's matches by (distance, id), which faiss leaves open."""
    query = np.repeat(np.arange(len(found.offsets) - 1), np.diff(found.offsets).astype(np.int64))
    order = np.lexsort((found.ids, found.distances, query))
    return SearchResult(found.offsets, found.ids[order], found.distances[order])


def check(search: Search, queries: Codes, expected: SearchResult) -> None:
    for ours, theirs in zip(in_order(search(queries)), expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_batch(
    benchmark: BenchmarkFixture, search: Search, data: Data, expected: SearchResult
) -> None:
    check(search, data.queries, expected)
    benchmark.extra_info |= {"codes": len(data.codes), "queries": len(data.queries)}
    benchmark.pedantic(search, (data.queries,), rounds=5)


def test_single_query(
    benchmark: BenchmarkFixture, search: Search, data: Data, expected: SearchResult
) -> None:
    check(search, data.queries, expected)
    benchmark.extra_info |= {"codes": len(data.codes), "queries": 1}
    queries = itertools.cycle(data.queries[:, None])
    rounds = min(len(data.queries), 200)
    benchmark.pedantic(search, setup=lambda: ((next(queries),), {}), rounds=rounds)


def test_build(benchmark: BenchmarkFixture, data: Data) -> None:
    benchmark.extra_info |= {"codes": len(data.codes)}
    built = benchmark.pedantic(HammingIndex.build, (data.codes,), rounds=3)
    assert len(built) == len(data.codes)
