"""Lists large enough to be searched by tables: uniform, clustered, flooded, skewed."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from hashmatch import _core
from hashmatch.hamming import HammingIndex, SearchResult

Codes = NDArray[np.uint8]
Ids = NDArray[np.int64]
Problem = tuple[np.random.Generator, Codes, Ids, HammingIndex]

N = 40_000
N_QUERIES = 100
BEST, *OTHER_KERNELS = _core.runnable_kernels()
CASES = [
    *((BEST, 256, kind) for kind in ("uniform", "correlated", "sparse", "templates", "flood")),
    *((BEST, bits, "flood") for bits in (64, 72, 128, 512)),
    *((kernel, 256, "clusters") for kernel in (BEST, *OTHER_KERNELS)),
]


def noisy(rng: np.random.Generator, codes: Codes, most_flips: int) -> Codes:
    """Return codes that differ from those given in 0..most_flips bits."""
    bits = np.unpackbits(codes, axis=1)
    order = rng.random(bits.shape).argsort(axis=1)
    flips = order < rng.integers(0, most_flips + 1, (len(codes), 1))
    return np.packbits(bits ^ flips, axis=1)


def draw_codes(rng: np.random.Generator, n_bytes: int, kind: str) -> Codes:
    codes = rng.integers(0, 256, (N, n_bytes), dtype=np.uint8)
    if kind == "clusters":
        codes = noisy(rng, codes[rng.integers(0, 2000, N)], 4)
    if kind == "flood":  # many identical, as many nearly so
        codes[:400] = codes[0]
        codes[400:800] = noisy(rng, codes[:400], 3)
    if kind == "correlated":  # neighbouring bits agree mostly
        slow = np.repeat(codes[:, : n_bytes // 4], 4, axis=1)
        codes = noisy(rng, slow, 12)
    if kind == "sparse":
        codes &= rng.integers(0, 256, codes.shape, dtype=np.uint8)
    if kind == "templates":  # half of each code is one of a few
        codes[:, : n_bytes // 2] = codes[rng.integers(0, 5, N), : n_bytes // 2]
    return codes[rng.permutation(N)]


def draw_queries(rng: np.random.Generator, codes: Codes, radius: int) -> Codes:
    """Return queries at the radius from some code, a bit nearer or farther; and unrelated ones."""
    bits = 8 * codes.shape[1]
    queries = np.unpackbits(codes[rng.integers(0, N, N_QUERIES)], axis=1)
    for query in queries[: N_QUERIES - 10]:
        n_flips = np.clip(radius + rng.integers(-1, 2), 0, bits)
        start = rng.integers(0, bits - n_flips + 1)
        run, anywhere = np.arange(start, start + n_flips), rng.choice(bits, n_flips, replace=False)
        query[run if rng.random() < 0.3 else anywhere] ^= 1
    queries[-10:] = rng.integers(0, 2, (10, bits))
    return np.packbits(queries, axis=1)


def oracle_distances(queries: Codes, codes: Codes) -> NDArray[np.int32]:
    """Count the bits that differ: ones of each minus twice the ones they share."""
    a, b = (np.unpackbits(array, axis=1).astype(np.float32) for array in (queries, codes))
    distances = a.sum(axis=1)[:, None] + b.sum(axis=1)[None, :] - 2 * a @ b.T
    return np.asarray(distances, dtype=np.int32)


def ordered(distances: NDArray[np.int32], ids: Ids, radius: int) -> tuple[NDArray[np.int32], Ids]:
    """Return one query's matches as two arrays, by (distance, id)."""
    within = np.flatnonzero(distances <= radius)
    order = np.lexsort((ids[within], distances[within]))
    return distances[within][order], ids[within][order]


def matches_of(found: SearchResult, query: int) -> tuple[NDArray[np.int32], Ids]:
    start, end = found.offsets[query : query + 2]
    return found.distances[start:end], found.ids[start:end]


@pytest.fixture(scope="module", params=CASES, ids=lambda case: "-".join(map(str, case)))
def problem(request: pytest.FixtureRequest) -> Iterator[Problem]:
    """Yield a random generator, codes, their ids and an index of them."""
    kernel, bits, kind = request.param
    before = _core.select_kernel(kernel)
    rng = np.random.default_rng([bits, len(kind)])
    codes = draw_codes(rng, bits // 8, kind)
    ids = rng.permutation(3 * N)[:N] - N
    yield rng, codes, ids, HammingIndex.build(codes, ids)
    _core.select_kernel(before)


def test_search_and_nearest_find_what_brute_force_finds(problem: Problem) -> None:
    rng, codes, ids, index = problem
    customary = index.bits // 8 - 1
    for radius in (0, 1, customary, 2 * customary + 1, index.bits // 4):
        queries = draw_queries(rng, codes, radius)
        expected = oracle_distances(queries, codes)
        for size, threads in ((N_QUERIES, 3), (1, 1), (7, 2)):
            found = index.search(queries[:size], radius, threads)
            for query, distances in enumerate(expected[:size]):
                got, wanted = matches_of(found, query), ordered(distances, ids, radius)
                assert np.array_equal(got, wanted), (radius, size, query)
        for k in (1, 5, 300):
            found_ids, distances = index.nearest(queries[:9], k)
            for query, row in enumerate(expected[:9]):
                first = [array[:k] for array in ordered(row, ids, index.bits)]
                assert np.array_equal([distances[query], found_ids[query]], first), (radius, k)


def test_a_large_batch_gives_what_small_ones_give(problem: Problem) -> None:
    rng, codes, _, index = problem
    radius = index.bits // 8 - 1
    queries = np.concatenate([draw_queries(rng, codes, radius), noisy(rng, codes[:1600], 9)])
    queries = queries[rng.permutation(len(queries))]
    whole = index.search(queries, radius, threads=2)
    for start in range(0, len(queries), 300):
        small = index.search(queries[start : start + 300], radius)
        begin, end = whole.offsets[[start, min(start + 300, len(queries))]]
        assert np.array_equal(whole.offsets[start : start + 301] - begin, small.offsets)
        assert np.array_equal(whole.ids[begin:end], small.ids)
        assert np.array_equal(whole.distances[begin:end], small.distances)


def test_join_pairs_what_searches_for_the_codes_find(problem: Problem) -> None:
    _, codes, ids, index = problem
    for radius, threads in ((0, 1), (index.bits // 64, 3)):
        a, b, distances = index.join(radius, threads)
        found = index.search(codes, radius)
        first = np.repeat(ids, np.diff(found.offsets))
        upper = first < found.ids
        order = np.lexsort((found.ids[upper], first[upper]))
        assert np.array_equal(a, first[upper][order])
        assert np.array_equal(b, found.ids[upper][order])
        assert np.array_equal(distances, found.distances[upper][order])


def test_a_few_of_many_queries_meet_a_flood() -> None:
    rng = np.random.default_rng(2)
    codes = draw_codes(rng, 32, "uniform")
    codes[::3] = codes[0]
    flood = np.arange(0, N, 3)
    others = np.setdiff1d(np.arange(N), flood)[:4000]
    index = HammingIndex.build(codes)
    for threads in (1, 3):
        found = index.search(codes[[*others[:2000], 0, 3, 6, *others[2000:]]], 31, threads)
        counts = np.ones(4003, dtype=int)
        counts[2000:2003] = len(flood)
        assert np.array_equal(np.diff(found.offsets), counts)
        assert np.array_equal(matches_of(found, 2001)[1], flood)
        assert np.array_equal(found.ids[:2000], others[:2000])
        assert np.array_equal(found.ids[-2000:], others[2000:])
        assert not found.distances.any()
