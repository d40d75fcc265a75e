"""Benchmarks tell the truth: data as described, answers checked first, nothing wrong reported."""

import json
import os

import numpy as np
import pytest

from hashmatch.hamming import HammingIndex, SearchResult, bench
from hashmatch.hamming.bench import BenchRow, bench_backends
from hashmatch.hamming.bench_data import brute_force, draw_queries, flipped, synthetic_codes
from hashmatch.hamming.machine import describe_machine, heap_bytes


def bits_apart(a, b):
    """Bits that differ between rows, counted one by one."""
    return (np.unpackbits(a, axis=1) != np.unpackbits(b, axis=1)).sum(axis=1)


@pytest.mark.parametrize("bits", [64, 72, 256])
@pytest.mark.parametrize("skew", ["uniform", "clustered", "duplicates"])
def test_synthetic_codes_are_as_skewed_as_they_say(skew, bits):
    codes = synthetic_codes(12_000, bits, skew=skew, seed=3)
    assert (codes.dtype, codes.shape) == (np.uint8, (12_000, bits // 8))
    assert np.array_equal(codes, synthetic_codes(12_000, bits, skew=skew, seed=3))
    assert not np.array_equal(codes, synthetic_codes(12_000, bits, skew=skew, seed=4))
    distinct, counts = np.unique(codes, axis=0, return_counts=True)
    if skew == "uniform":
        assert len(distinct) == 12_000
    elif skew == "duplicates":
        assert counts.max() == 1200
        assert len(distinct) == 10_801
    else:
        index = HammingIndex.build(codes)
        near = np.diff(index.search(codes, 6).offsets)
        assert (near == 1000).sum() == 1000  # one cluster, within 3 bits of its centre
        assert (near == 200).sum() == 200
        assert (near < 10).sum() == 10_800


def test_an_unknown_skew_is_refused():
    with pytest.raises(ValueError, match="must be one of uniform, clustered, duplicates, not 'x'"):
        synthetic_codes(10, skew="x")


def test_flipped_flips_exactly_so_many_bits():
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 256, (300, 9), dtype=np.uint8)
    n_flips = np.arange(300) % 73
    assert np.array_equal(bits_apart(codes, flipped(codes, n_flips, rng)), n_flips)


def test_half_of_the_queries_lie_near_a_code_and_all_are_distinct():
    codes = synthetic_codes(3000, 256)
    queries = draw_queries(codes, 2001, 31, seed=1)
    assert queries.shape == (2001, 32)
    assert len(np.unique(queries, axis=0)) == 2001
    found = np.diff(brute_force(codes, queries, 31).offsets)
    assert 980 <= (found > 0).sum() <= 1000  # a few were drawn twice
    assert abs((found[:1000] > 0).mean() - 0.5) < 0.1  # in random order
    distances = brute_force(codes, queries, 31).distances
    assert set(distances.tolist()) == set(range(32))


def test_queries_stay_distinct_where_few_are_possible():
    codes = np.zeros((2, 8), np.uint8)
    assert len(np.unique(draw_queries(codes, 500, 0), axis=0)) == 500
    assert len(draw_queries(codes[:0], 5, 3)) == 5


@pytest.mark.parametrize("n_bytes", [8, 9, 32])
def test_brute_force_is_right(n_bytes):
    rng = np.random.default_rng(n_bytes)
    codes = rng.integers(0, 256, (500, n_bytes), dtype=np.uint8)
    codes[40:60] = codes[7]
    queries = np.concatenate([codes[5:9], ~codes[:1]])
    for radius in (0, 3 * n_bytes, 8 * n_bytes):
        found = brute_force(codes, queries, radius)
        start = 0
        for query, end in zip(queries, found.offsets[1:], strict=True):
            apart = bits_apart(codes, np.tile(query, (500, 1))).tolist()
            expected = sorted((d, row) for row, d in enumerate(apart) if d <= radius)
            pairs = zip(found.distances[start:end], found.ids[start:end], strict=True)
            assert [(int(d), int(i)) for d, i in pairs] == expected
            start = end


@pytest.fixture(scope="module")
def report():
    codes = synthetic_codes(3000, 256, skew="duplicates")
    backends = ("native", "faiss-flat", "faiss-multihash", "faiss-hnsw")
    return bench_backends(codes, backends=backends, n_single=20, n_bulk=300, limit_s=0.2)


def test_every_backend_gets_a_row(report):
    assert [row.backend for row in report.rows] == [
        *("native", "faiss-flat", "faiss-multihash", "faiss-hnsw")
    ]
    assert report.refused == {}
    for row in report.rows:
        assert (row.n_codes, row.bits, row.radius, row.threads) == (3000, 256, 31, 1)
        assert row.build_s > 0
        assert 0 < row.single_p50_us <= row.single_p99_us
        assert 1 <= row.n_bulk <= 300
        assert row.bulk_queries_per_s > 0


def test_what_is_approximate_is_marked(report):
    *exact, approximate = report.rows
    assert all(row.exact and row.recall == 1.0 and row.task == "radius 31" for row in exact)
    assert (approximate.exact, approximate.task) == (False, "nearest 10")
    assert 0 < approximate.recall <= 1


def test_memory_holds_at_least_the_codes(report):
    native, flat, *others = report.rows
    assert native.bytes_per_code == HammingIndex.build(
        np.zeros((3000, 32), np.uint8)
    ).size_bytes / (3000)
    assert flat.bytes_per_code == 32
    for row in others:
        assert row.bytes_per_code is None or row.bytes_per_code > 32


def test_a_report_is_plain_data(report):
    plain = json.loads(json.dumps(report.to_dict()))
    assert [BenchRow(**row) for row in plain["rows"]] == list(report.rows)
    assert plain["machine"] == describe_machine()
    assert plain["machine"]["versions"]["faiss-cpu"]


def test_a_backend_that_cannot_do_it_is_left_out_with_its_reason(monkeypatch):
    monkeypatch.setattr("hashmatch.hamming.faiss_backend.MAX_KEYS", 300)
    codes = synthetic_codes(500, 256)
    found = bench_backends(
        codes, backends=["faiss-multihash", "native"], radius=100, n_single=2, n_bulk=2
    )
    assert [row.backend for row in found.rows] == ["native"]
    assert "is exact up to radius 63, not at 100" in found.refused["faiss-multihash"]


@pytest.mark.parametrize("batch", [1, 32, 1000])
def test_a_wrong_answer_is_never_timed(monkeypatch, batch):
    """Whether the way for one query is wrong, or the one for many."""
    right = HammingIndex.search

    def wrong(index, queries, radius, threads=1):
        found = right(index, queries, radius, threads)
        if len(queries) < batch or not len(found.ids):
            return found
        return SearchResult(found.offsets, found.ids, found.distances + 1)

    monkeypatch.setattr(HammingIndex, "search", wrong)
    monkeypatch.setattr(bench._Bench, "_timed_singly", None)
    with pytest.raises(RuntimeError, match="native does not find what comparing every code finds"):
        bench_backends(synthetic_codes(500, 256), backends=["native"], n_single=1, n_bulk=1000)


def test_bad_arguments_are_refused():
    codes = synthetic_codes(10, 256)
    with pytest.raises(ValueError, match="at least one code"):
        bench_backends(codes[:0])
    with pytest.raises(ValueError, match="radius must be 0..256 bits, not 257"):
        bench_backends(codes, radius=257)
    with pytest.raises(ValueError, match="n_bulk must be at least 1, not 0"):
        bench_backends(codes, n_bulk=0)
    with pytest.raises(ValueError, match="backend must be one of native, .*, not 'annoy'"):
        bench_backends(codes, backends=["annoy"])


def test_a_slow_backend_is_asked_less():
    (row,) = bench_backends(
        synthetic_codes(20_000, 256), backends=["faiss-flat"], n_bulk=10_000, limit_s=0.01
    ).rows
    assert row.n_bulk < 10_000


def test_heap_bytes_follow_what_is_allocated():
    before = heap_bytes()
    if before is None or "LD_PRELOAD" in os.environ:
        pytest.skip("this libc does not tell, or another allocator is in its place")
    held = np.ones(50_000_000, np.uint8)
    assert abs(heap_bytes() - before - held.nbytes) < 5_000_000
