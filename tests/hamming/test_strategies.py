"""Every strategy that the cost model may choose gives what comparing every code gives."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from hashmatch import HammingIndex, _core
from tests.hamming.strategies import BATCH_PROBE, STRATEGIES, Strategy

Codes = NDArray[np.uint8]
Matches = list[list[tuple[int, int]]]
Crowded = tuple[Codes, Codes, HammingIndex]
SmallCase = tuple[Codes, Codes, int, int, int]

KERNELS = _core.runnable_kernels()


def oracle(codes: Codes, queries: Codes, radius: int) -> Matches:
    """Compare everything; return per query the (distance, row) of each match, in order."""
    found = []
    for query in queries:
        distances = np.bitwise_count(codes ^ query).sum(axis=1, dtype=np.int64)
        rows = np.flatnonzero(distances <= radius)
        found.append(sorted(zip(distances[rows].tolist(), rows.tolist(), strict=True)))
    return found


def as_lists(result: Iterable[NDArray[np.int64] | NDArray[np.int32]]) -> Matches:
    offsets, ids, distances = result
    return [
        list(zip(distances[a:b].tolist(), ids[a:b].tolist(), strict=True))
        for a, b in itertools.pairwise(offsets)
    ]


def flipped(codes: Codes, n_bits: int, random: np.random.Generator) -> Codes:
    """Return the codes with `n_bits` random bits of each flipped."""
    bits = np.unpackbits(codes, axis=1)
    places = np.argsort(random.random(bits.shape), axis=1)[:, :n_bits]
    np.put_along_axis(bits, places, 1 - np.take_along_axis(bits, places, 1), 1)
    return np.packbits(bits, axis=1)


def skewed(n: int, n_bytes: int, random: np.random.Generator) -> Codes:
    """Draw codes: a tenth identical, a tenth in a tight cluster, the rest uniform."""
    codes = random.integers(0, 256, (n, n_bytes), dtype=np.uint8)
    tenth = n // 10
    codes[:tenth] = codes[0]
    codes[tenth : 2 * tenth] = flipped(np.repeat(codes[tenth : tenth + 1], tenth, 0), 2, random)
    return codes[random.permutation(n)]


@pytest.fixture(scope="module", params=[64, 128, 256, 512])
def crowded(request: pytest.FixtureRequest) -> Crowded:
    random = np.random.default_rng(request.param)
    codes = skewed(40_000, request.param // 8, random)
    index = HammingIndex.build(codes)
    assert index.plan(0, queries=1).n_substrings > 0, "this test is about tables"
    near = codes[random.integers(0, len(codes), 24)]
    queries = np.concatenate(
        [
            *(flipped(near[i::4], k, random) for i, k in enumerate((0, 1, index.bits // 9, 3))),
            random.integers(0, 256, (5, codes.shape[1]), dtype=np.uint8),
        ]
    )
    return codes, queries, index


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("share", [0, 0.008, 0.06, 0.12, 0.17, 0.2])
def test_every_strategy_is_exact(crowded: Crowded, strategy: Strategy, share: float) -> None:
    codes, queries, index = crowded
    radius = int(share * index.bits)
    expected = oracle(codes, queries, radius)
    for threads in (1, 3):
        assert as_lists(index._native.search(queries, radius, threads, strategy)) == expected


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_kernel_with_every_strategy(
    crowded: Crowded, strategy: Strategy, kernel: str
) -> None:
    codes, queries, index = crowded
    radius = index.bits // 8
    before = _core.select_kernel(kernel)
    try:
        assert as_lists(index._native.search(queries, radius, 1, strategy)) == oracle(
            codes, queries, radius
        )
    finally:
        _core.select_kernel(before)


def tabled(
    codes: Codes, n_substrings: int, substring_bits: int, *, second_sketches: bool
) -> _core.Index:
    """Return an index with tables of this layout, however few its codes."""
    tables = _core.build_tables(codes, 1, (n_substrings, substring_bits), second_sketches)
    assert tables is not None
    assert (tables.sketches2 is not None) is second_sketches
    return _core.Index(codes, _core.pack_planes(codes), None, tables)


@st.composite
def small_cases(draw: st.DrawFn) -> SmallCase:
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n_bytes = draw(st.sampled_from([8, 9, 16, 32, 33, 64]))
    n = draw(st.one_of(st.integers(0, 3), st.sampled_from([63, 64, 65]), st.integers(4, 400)))
    codes = random.integers(0, 256, (n, n_bytes), dtype=np.uint8)
    if n > 20 and draw(st.booleans()):
        codes = skewed(n, n_bytes, random)
    substring_bits = draw(st.integers(8, 12))
    n_substrings = draw(st.integers(1, min(64, 8 * n_bytes // substring_bits)))
    radius = draw(st.integers(0, min(8 * n_bytes, 6 * n_substrings)))
    queries = random.integers(0, 256, (draw(st.integers(0, 9)), n_bytes), dtype=np.uint8)
    if n and len(queries):
        near = codes[random.integers(0, n, len(queries))]
        queries = np.concatenate([queries, flipped(near, min(radius, 8 * n_bytes), random)])
    return codes, queries, n_substrings, substring_bits, radius


@settings(deadline=None, max_examples=300)
@given(small_cases(), st.booleans())
def test_tables_of_every_cut(case: SmallCase, second_sketches: bool) -> None:
    codes, queries, n_substrings, substring_bits, radius = case
    index = tabled(codes, n_substrings, substring_bits, second_sketches=second_sketches)
    expected = oracle(codes, queries, radius)
    for strategy in STRATEGIES:
        assert as_lists(index.search(queries, radius, 2, strategy)) == expected


@settings(deadline=None, max_examples=60)
@given(small_cases(), st.booleans())
def test_join_by_tables_finds_each_pair_once(case: SmallCase, second_sketches: bool) -> None:
    codes, _, n_substrings, substring_bits, radius = case
    pairs = [
        [pair for pair in found if pair[1] > row]
        for row, found in enumerate(oracle(codes, codes, radius))
    ]
    index = tabled(codes, n_substrings, substring_bits, second_sketches=second_sketches)
    assert as_lists(index.join(radius, 2)) == pairs


@pytest.mark.parametrize("n_substrings", [1, 2, 3, 16])  # a chain of three may go around the ring
def test_second_sketches_lose_no_match_and_report_none_twice(n_substrings: int) -> None:
    random = np.random.default_rng(n_substrings)
    codes = random.integers(0, 256, (600, 32), dtype=np.uint8)
    codes[300:] = flipped(codes[:300], 31, random)
    index = tabled(codes, n_substrings, 12, second_sketches=True)
    for radius in (n_substrings - 1, 2 * n_substrings - 1, 31):
        expected = oracle(codes, codes, radius)
        for strategy in STRATEGIES:
            assert as_lists(index.search(codes, radius, 1, strategy)) == expected


@settings(deadline=None, max_examples=60)
@given(small_cases(), st.integers(1, 8), st.booleans())
def test_nearest_by_growing_radius(case: SmallCase, k: int, second_sketches: bool) -> None:
    codes, queries, n_substrings, substring_bits, _ = case
    everything = oracle(codes, queries, codes.shape[1] * 8)
    nearest = [found[:k] for found in everything]
    index = tabled(codes, n_substrings, substring_bits, second_sketches=second_sketches)
    assert as_lists(index.nearest(queries, k, 2)) == nearest


def test_flood_counts_every_match() -> None:
    random = np.random.default_rng(7)
    codes = random.integers(0, 256, (120_000, 32), dtype=np.uint8)
    codes[10_000:110_000] = codes[0]
    index = HammingIndex.build(codes)
    hot = codes[:1]
    for queries in (hot, np.repeat(hot, 8, 0)):
        found = index.search(queries, 31)
        assert np.diff(found.offsets).tolist() == [100_001] * len(queries)
        assert set(found.distances.tolist()) == {0}
        assert found.ids[:100_001].tolist() == [0, *range(10_000, 110_000)]


def test_damaged_tables_lose_matches_but_never_the_process() -> None:
    random = np.random.default_rng(9)
    codes = random.integers(0, 256, (5000, 32), dtype=np.uint8)
    planes, tables = _core.pack_planes(codes), _core.build_tables(codes, 1, (16, 10), True)
    assert tables is not None
    for _ in range(20):
        sections = (tables.directory, tables.postings, tables.sketches, tables.sketches2)
        arrays = [np.array(section) for section in sections]
        for array in arrays:
            places = random.integers(0, array.size, 500)
            array[places] = random.integers(0, np.iinfo(array.dtype).max, 500)
        damaged = _core.Tables(16, 10, *arrays)
        index = _core.Index(codes, planes, None, damaged)
        sound = oracle(codes, codes[:40], 31)
        for strategy in STRATEGIES:
            found = as_lists(index.search(codes[:40], 31, 2, strategy))
            assert all(set(some) <= set(all_) for some, all_ in zip(found, sound, strict=True))
        index.join(31, 2)
        index.nearest(codes[:3], 2, 1)


@pytest.mark.parametrize("claimed", [4000, 20_000])  # below, and above, what counts as overfull
def test_buckets_that_all_claim_to_hold_everything_end_in_a_scan(claimed: int) -> None:
    random = np.random.default_rng(claimed)
    codes = random.integers(0, 256, (20_000, 32), dtype=np.uint8)
    codes[1::50] = flipped(codes[::50], 9, random)
    tables = _core.build_tables(codes, 1, (16, 12))
    assert tables is not None
    directory = np.zeros_like(tables.directory)
    directory[1::2] = claimed  # every second bucket, and a bucket meets hundreds of others
    damaged = _core.Tables(16, 12, directory, tables.postings, np.zeros_like(tables.sketches))
    index = _core.Index(codes, _core.pack_planes(codes), None, damaged)
    expected = oracle(codes, codes[:100], 31)
    for threads in (1, 3):
        joined = as_lists(index.join(31, threads))
        assert sum(map(len, joined)) == 400
        assert joined[:100] == [
            [pair for pair in found if pair[1] > row] for row, found in enumerate(expected)
        ]
        found = index.search(codes, 31, threads, BATCH_PROBE)
        assert as_lists(found)[:100] == expected


@pytest.mark.parametrize("crowded", [256], indirect=True)
@pytest.mark.parametrize(("n_queries", "strategy"), [(1, "probe"), (10**7, "batch_probe")])
def test_plan_names_the_strategy_and_why(crowded: Crowded, n_queries: int, strategy: str) -> None:
    _, _, index = crowded
    plan = index.plan(31, queries=n_queries)
    assert plan.strategy == strategy
    assert sum(plan.thresholds) == 31 - plan.n_substrings + 1
    assert f"{plan.n_substrings} tables of {plan.substring_bits}-bit substrings" in str(plan)
    assert index.plan(200).strategy == "scan"
    assert "scan: 40,000 codes at radius 200 compared whole" in str(index.plan(200))


def test_constant_time_scan_marks_the_same_codes(crowded: Crowded) -> None:
    codes, queries, index = crowded
    bitmap = index.scan_constant_time(queries, index.bits // 8, threads=2)
    within = np.unpackbits(bitmap, axis=1, count=len(index)).astype(bool)
    distances = np.bitwise_count(queries[:, None] ^ codes[None]).sum(axis=2, dtype=np.int64)
    assert (within == (distances <= index.bits // 8)).all()
    assert bitmap.shape == (len(queries), -(-len(codes) // 8))
