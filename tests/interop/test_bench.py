"""Benchmarks: data as described, answers checked, no figure for a wrong answer."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from functools import partial
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hashmatch.hamming import HammingIndex, SearchResult
from hashmatch.interop import (
    BACKENDS,
    BackendContender,
    BenchReport,
    BenchRow,
    Problem,
    WrongAnswerError,
    bench_backends,
    brute_force,
    describe_machine,
    draw_queries,
    measure_recall,
    synthetic_codes,
    time_bulk,
    time_calls,
)
from hashmatch.interop.bench_data import flip_bits
from hashmatch.interop.machine import heap_bytes

Codes = NDArray[np.uint8]


def bits_apart(a: Codes, b: Codes) -> NDArray[np.int64]:
    """Count the bits that differ between rows, one by one."""
    return np.asarray((np.unpackbits(a, axis=1) != np.unpackbits(b, axis=1)).sum(axis=1))


@pytest.mark.parametrize("bits", [64, 72, 256])
@pytest.mark.parametrize("skew", ["uniform", "clustered", "duplicates"])
def test_synthetic_codes_are_as_skewed_as_they_say(skew: str, bits: int) -> None:
    codes = synthetic_codes(12_000, bits, skew=skew, seed=3)
    assert (str(codes.dtype), codes.shape) == ("uint8", (12_000, bits // 8))
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


def test_an_unknown_skew_is_refused() -> None:
    with pytest.raises(ValueError, match="must be one of uniform, clustered, duplicates, not 'x'"):
        synthetic_codes(10, skew="x")


def test_as_many_bits_are_flipped_as_asked() -> None:
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 256, (300, 9), dtype=np.uint8)
    n_flips = np.arange(300) % 73
    assert np.array_equal(bits_apart(codes, flip_bits(codes, n_flips, rng)), n_flips)


def test_half_of_the_queries_lie_near_a_code_and_all_are_distinct() -> None:
    codes = synthetic_codes(3000, 256)
    queries = draw_queries(codes, 2001, 31, seed=1)
    assert queries.shape == (2001, 32)
    assert len(np.unique(queries, axis=0)) == 2001
    found = np.diff(brute_force(codes, queries, 31).offsets)
    assert 980 <= (found > 0).sum() <= 1000  # a few were drawn twice
    assert abs((found[:1000] > 0).mean() - 0.5) < 0.1  # in random order
    distances = brute_force(codes, queries, 31).distances
    assert set(distances.tolist()) == set(range(32))


def test_queries_stay_distinct_where_few_are_possible() -> None:
    codes = np.zeros((2, 8), np.uint8)
    assert len(np.unique(draw_queries(codes, 500, 0), axis=0)) == 500
    assert len(draw_queries(codes[:0], 5, 3)) == 5


@pytest.mark.parametrize("n_bytes", [8, 9, 32])
def test_brute_force_is_right(n_bytes: int) -> None:
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
def report() -> BenchReport:
    codes = synthetic_codes(3000, 256, skew="duplicates")
    return bench_backends(codes, backends=BACKENDS, n_single=20, n_bulk=300, limit_s=0.2)


def test_every_backend_gets_a_row(report: BenchReport) -> None:
    assert [row.backend for row in report.rows] == [*BACKENDS]
    assert report.refused == {}
    for row in report.rows:
        assert (row.n_codes, row.bits, row.radius, row.threads) == (3000, 256, 31, 1)
        assert row.build_s > 0
        assert 0 < row.single_p50_us <= row.single_p99_us
        assert 1 <= row.n_bulk <= 300
        assert row.bulk_queries_per_s > 0


def test_what_is_approximate_is_marked(report: BenchReport) -> None:
    *exact, approximate = report.rows
    assert all(row.exact and row.recall == 1.0 and row.task == "radius 31" for row in exact)
    assert (approximate.exact, approximate.task) == (False, "nearest 10")
    assert 0 < approximate.recall <= 1


def test_memory_holds_at_least_the_codes(report: BenchReport) -> None:
    native, flat, *others = report.rows
    assert native.bytes_per_code == HammingIndex.build(
        np.zeros((3000, 32), np.uint8)
    ).size_bytes / (3000)
    assert flat.bytes_per_code == 32
    for row in others:
        assert row.bytes_per_code is None or row.bytes_per_code > 32


def test_a_report_is_plain_data(report: BenchReport) -> None:
    plain = json.loads(json.dumps(asdict(report)))
    assert [BenchRow(**row) for row in plain["rows"]] == list(report.rows)
    assert plain["machine"] == describe_machine()
    assert plain["machine"]["versions"]["faiss-cpu"]


def test_a_backend_that_cannot_do_it_is_left_out_with_its_reason() -> None:
    codes = synthetic_codes(20_000, 256)
    found = bench_backends(
        codes, backends=["faiss-multihash", "native"], radius=140, n_single=2, n_bulk=2
    )
    assert [row.backend for row in found.rows] == ["native"]
    assert "is exact up to radius" in found.refused["faiss-multihash"]


class Lying(BackendContender):
    """Alters its answers to batches of at least so many queries."""

    def __init__(self, batch: int, **columns: Any) -> None:
        super().__init__("native", 31)
        self._batch, self._columns = batch, columns

    def search(self, prepared: Codes, threads: int) -> SearchResult:
        found: SearchResult = super().search(prepared, threads)
        if len(prepared) < self._batch or not len(found.ids):
            return found
        altered = {name: alter(getattr(found, name)) for name, alter in self._columns.items()}
        return found._replace(**altered)


@pytest.mark.parametrize("batch", [1, 1000])
@pytest.mark.parametrize(
    ("alter", "message"),
    [
        ({"distances": lambda distances: distances + 1}, "native finds what is not there"),
        ({"ids": lambda ids: ids + 1}, "native finds what is not there"),
        ({"offsets": np.zeros_like}, "native misses 1 of 1 matches"),
    ],
)
def test_a_wrong_answer_gets_no_figure(batch: int, alter: dict[str, Any], message: str) -> None:
    problem = Problem.draw(synthetic_codes(500, 256), 31, n_queries=1000)
    liar = Lying(batch, **alter)
    liar.build(problem.codes, 1)
    if batch > 1:
        assert measure_recall(liar, problem) == 1.0
    ask = measure_recall if batch == 1 else partial(time_bulk, n_queries=1000)
    with pytest.raises(WrongAnswerError, match=message):
        ask(liar, problem)


def test_a_match_reported_twice_is_a_wrong_answer() -> None:
    problem = Problem.draw(synthetic_codes(500, 256), 31, n_queries=100)
    twice = Lying(1, ids=lambda ids: ids.repeat(2), distances=lambda d: d.repeat(2))
    twice._columns["offsets"] = lambda offsets: 2 * offsets
    twice.build(problem.codes, 1)
    with pytest.raises(WrongAnswerError, match="native reports a match twice"):
        measure_recall(twice, problem)


def test_an_approximate_contender_may_miss_matches_and_has_a_recall() -> None:
    problem = Problem.draw(synthetic_codes(500, 256), 31, n_queries=100)
    half = Lying(1, offsets=np.zeros_like)
    half.exact = False
    half.build(problem.codes, 1)
    assert measure_recall(half, problem) == 0.0
    n, seconds = time_bulk(half, problem, n_queries=100)
    assert n == 100
    assert seconds > 0


@pytest.mark.parametrize("size", [1, 8])
def test_calls_ask_no_query_twice(size: int) -> None:
    problem = Problem.draw(synthetic_codes(500, 256), 31, n_queries=100, limit_s=0.0)
    asked: list[Codes] = []

    class Watched(BackendContender):
        def search(self, prepared: Codes, threads: int) -> Any:
            asked.append(prepared)
            return super().search(prepared, threads)

    contender = Watched("native", 31)
    contender.build(problem.codes, 1)
    times_us = time_calls(contender, problem, queries_per_call=size, max_calls=20)
    queries = np.concatenate(asked)
    assert len(times_us) == len(asked) == min(20, -(-problem.min_queries // size))
    assert len(np.unique(queries, axis=0)) == len(queries)
    assert all(len(prepared) == size for prepared in asked)


def test_bad_arguments_are_refused() -> None:
    codes = synthetic_codes(10, 256)
    with pytest.raises(ValueError, match="number of codes must be at least 1, not 0"):
        bench_backends(codes[:0])
    with pytest.raises(ValueError, match="radius must be 0..256 bits, not 257"):
        bench_backends(codes, radius=257)
    with pytest.raises(ValueError, match="n_bulk must be at least 1, not 0"):
        bench_backends(codes, n_bulk=0)
    with pytest.raises(ValueError, match="backend must be one of native, .*, not 'annoy'"):
        bench_backends(codes, backends=["annoy"])


def test_a_slow_backend_is_asked_less() -> None:
    (row,) = bench_backends(
        synthetic_codes(20_000, 256), backends=["faiss-flat"], n_bulk=10_000, limit_s=0.01
    ).rows
    assert row.n_bulk < 10_000


def test_heap_bytes_follow_what_is_allocated() -> None:
    before = heap_bytes()
    if before == 0 or "LD_PRELOAD" in os.environ:
        pytest.skip("not glibc, or another allocator replaced its own")
    held = np.ones(50_000_000, np.uint8)
    assert abs(heap_bytes() - before - held.nbytes) < 5_000_000
