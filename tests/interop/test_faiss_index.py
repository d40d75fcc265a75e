"""FaissIndex against a naive oracle: the answers of HammingIndex, or a refusal."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import threading
from collections.abc import Iterable
from typing import Any

import faiss
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from hashmatch.interop import FaissIndex
from hashmatch.interop.faiss_index import MAX_KEYS, choose_substring_bits, keys_within

Codes = NDArray[np.uint8]
Ids = NDArray[np.int64]
Matches = list[list[tuple[int, int]]]
Problem = tuple[Codes, Ids | None, Codes, int]

EXACT = ["flat", "multihash"]
KINDS = [*EXACT, "hnsw"]
WIDTHS_BYTES = (8, 9, 16, 31, 32, 33, 64)


def distances_between(queries: Codes, codes: Codes) -> NDArray[np.int64]:
    """Count the bits that differ, int64 (n_queries, n_codes)."""
    return np.asarray(np.bitwise_count(queries[:, None] ^ codes[None]).sum(axis=2, dtype=np.int64))


def oracle(queries: Codes, codes: Codes, ids: Iterable[Any], radius: int) -> Matches:
    """Return per query the (distance, id) of every code within the radius, in order."""
    return [
        sorted((int(d), int(i)) for d, i in zip(row, ids, strict=True) if d <= radius)
        for row in distances_between(queries, codes)
    ]


def as_lists(found: Any) -> Matches:
    offsets, ids, distances = found
    assert [str(array.dtype) for array in found] == ["int64", "int64", "int32"]
    pairs = list(zip(distances.tolist(), ids.tolist(), strict=True))
    return [pairs[start:end] for start, end in itertools.pairwise(offsets.tolist())]


@st.composite
def problems(draw: st.DrawFn, max_radius_per_byte: int = 8) -> Problem:
    """Draw codes, some identical, some near each other; ids or None; queries; a radius."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    n = draw(st.sampled_from([0, 1, 2, 3]) | st.integers(0, 300))
    n_bytes = draw(st.sampled_from(WIDTHS_BYTES))
    codes = rng.integers(0, 256, (n, n_bytes), dtype=np.uint8)
    if n > 20 and draw(st.booleans()):
        codes[n // 2 :] = codes[0]
        codes[n // 2 :, -1] ^= rng.integers(0, 4, n - n // 2, dtype=np.uint8)
    ids = None if draw(st.booleans()) else rng.permutation(4 * n)[:n].astype(np.int64) - n
    queries = rng.integers(0, 256, (draw(st.integers(0, 6)), n_bytes), dtype=np.uint8)
    radius = draw(st.integers(0, max_radius_per_byte * n_bytes))
    for query in queries if n else ():
        differing = rng.permutation(8 * n_bytes) < radius + rng.integers(-1, 2)
        query[:] = codes[rng.integers(n)] ^ np.packbits(differing)
    return codes, ids, queries, radius


def rows_or(ids: Ids | None, codes: Codes) -> Ids:
    return np.arange(len(codes)) if ids is None else ids


@given(problem=problems(), threads=st.integers(1, 3))
@settings(max_examples=60, deadline=None)
def test_flat_finds_what_brute_force_finds(problem: Problem, threads: int) -> None:
    codes, ids, queries, radius = problem
    index = FaissIndex.build(codes, ids, kind="flat", threads=threads)
    expected = oracle(queries, codes, rows_or(ids, codes), radius)
    assert as_lists(index.search(queries, radius, threads)) == expected


@given(problem=problems(max_radius_per_byte=1), threads=st.integers(1, 3))
@settings(max_examples=60, deadline=None)
def test_multihash_finds_what_brute_force_finds(problem: Problem, threads: int) -> None:
    codes, ids, queries, radius = problem
    index = FaissIndex.build(codes, ids, kind="multihash", threads=threads)
    expected = oracle(queries, codes, rows_or(ids, codes), radius)
    assert as_lists(index.search(queries, radius, threads)) == expected


@pytest.mark.parametrize("n_bytes", WIDTHS_BYTES)
def test_multihash_is_exact_where_every_part_differs(n_bytes: int) -> None:
    """The worst case of the pigeonhole principle: differing bits spread evenly."""
    rng = np.random.default_rng(n_bytes)
    codes = rng.integers(0, 256, (400, n_bytes), dtype=np.uint8)
    index = FaissIndex.build(codes, kind="multihash")
    bits = 8 * n_bytes
    for radius in range(0, n_bytes + n_bytes // 2):
        spread = np.zeros(bits, bool)
        spread[np.arange(radius) * bits // max(radius, 1)] = True
        query = (codes[399] ^ np.packbits(spread))[None]
        assert as_lists(index.search(query, radius)) == oracle(query, codes, range(400), radius)


def test_multihash_refuses_what_it_could_not_answer_exactly() -> None:
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 256, (500, 32), dtype=np.uint8)
    index = FaissIndex.build(codes, kind="multihash", max_keys=32 * keys_within(8, 1))
    with pytest.raises(ValueError, match="32 substrings of 8 bits is exact up to radius 63, not "):
        index.search(codes[:1], 64)
    assert as_lists(index.search(codes[:1], 63)) == oracle(codes[:1], codes, range(500), 63)
    with pytest.raises(ValueError, match='use kind="flat"'):
        index.join(256)
    queries = codes[[7, 7, 8]]
    queries[1] ^= 0xFF
    assert index.nearest(queries[::2], 1)[0].tolist() == [[7], [8]]
    with pytest.raises(ValueError, match="fewer than k=1 codes lie within 63 bits of query 1, and"):
        index.nearest(queries, 1)


@pytest.mark.parametrize("bits", [64, 128, 256, 512])
def test_substrings_of_multihash_serve_the_customary_radius(bits: int) -> None:
    for n in (0, 1, 10**3, 10**5, 10**7):
        substring_bits = choose_substring_bits(n, bits)
        n_substrings = bits // substring_bits
        n_flips = (bits // 8 - 1) // n_substrings
        assert 8 <= substring_bits <= 20
        assert n_substrings * keys_within(substring_bits, n_flips) <= MAX_KEYS


@pytest.mark.parametrize("kind", EXACT)
@given(problem=problems(), k=st.integers(1, 12), threads=st.integers(1, 3))
@settings(max_examples=25, deadline=None)
def test_nearest_finds_what_brute_force_finds(
    kind: str, problem: Problem, k: int, threads: int
) -> None:
    codes, ids, queries, _ = problem
    index = FaissIndex.build(codes, ids, kind=kind)
    everything = oracle(queries, codes, rows_or(ids, codes), 8 * codes.shape[1])
    found_ids, distances = index.nearest(queries, k, threads)
    assert found_ids.shape == distances.shape == (len(queries), k)
    assert [str(array.dtype) for array in (found_ids, distances)] == ["int64", "int32"]
    for row, expected in enumerate(everything):
        padded = (expected + [(-1, -1)] * k)[:k]
        assert list(zip(distances[row], found_ids[row], strict=True)) == padded


@pytest.mark.parametrize("kind", EXACT)
def test_nearest_breaks_ties_by_id_across_batches(kind: str) -> None:
    codes = np.zeros((600, 32), np.uint8)
    codes[::2, 0] = 1
    ids = np.random.default_rng(0).permutation(600)
    index = FaissIndex.build(codes, ids, kind=kind)
    found, distances = index.nearest(np.zeros((300, 32), np.uint8), 5)
    assert (found == np.sort(ids[1::2])[:5]).all()
    assert not distances.any()


@pytest.mark.parametrize("kind", EXACT)
@given(problem=problems(max_radius_per_byte=1))
@settings(max_examples=20, deadline=None)
def test_join_finds_what_brute_force_finds(kind: str, problem: Problem) -> None:
    codes, ids, _, radius = problem
    a, b, distances = FaissIndex.build(codes, ids, kind=kind).join(radius)
    assert [str(array.dtype) for array in (a, b, distances)] == ["int64", "int64", "int32"]
    names, oracle_distances = rows_or(ids, codes).tolist(), distances_between(codes, codes)
    expected = sorted(
        (min(names[i], names[j]), max(names[i], names[j]), int(oracle_distances[i, j]))
        for i, j in np.argwhere(oracle_distances <= radius).tolist()
        if i < j
    )
    assert list(zip(a.tolist(), b.tolist(), distances.tolist(), strict=True)) == expected


@given(problem=problems(), k=st.integers(1, 8))
@settings(max_examples=25, deadline=None)
def test_hnsw_gives_true_distances_in_order(problem: Problem, k: int) -> None:
    codes, ids, queries, _ = problem
    names = rows_or(ids, codes).tolist()
    index = FaissIndex.build(codes, ids, kind="hnsw")
    true = distances_between(queries, codes)
    found_ids, distances = index.nearest(queries, k)
    assert found_ids.shape == distances.shape == (len(queries), k)
    for row in range(len(queries)):
        pairs = [(d, i) for d, i in zip(distances[row], found_ids[row], strict=True) if d >= 0]
        assert pairs == sorted(set(pairs))
        assert all(true[row, names.index(i)] == d for d, i in pairs)
        assert (distances[row, len(pairs) :] == -1).all()
        assert (found_ids[row, len(pairs) :] == -1).all()


def test_hnsw_finds_most_and_says_that_it_is_not_exact() -> None:
    rng = np.random.default_rng(3)
    codes = rng.integers(0, 256, (1000, 32), dtype=np.uint8)
    index = FaissIndex.build(codes, kind="hnsw")
    assert not index.exact
    ids, _ = index.nearest(codes[:200], 1)
    assert (ids[:, 0] == np.arange(200)).mean() > 0.9
    with pytest.raises(ValueError, match="hnsw of faiss has no search or join within a radius"):
        index.search(codes[:1], 31)
    with pytest.raises(ValueError, match="hnsw of faiss has no search or join within a radius"):
        index.join(31)


@pytest.mark.parametrize("kind", KINDS)
def test_properties(kind: str) -> None:
    codes = np.zeros((3, 32), np.uint8)
    index = FaissIndex.build(codes, [5, 6, 9], kind=kind, algorithm="pdq")
    assert (index.kind, len(index), index.bits, index.algorithm) == (kind, 3, 256, "pdq")
    assert index.exact is (kind != "hnsw")
    assert index.ids is not None
    assert index.ids.tolist() == [5, 6, 9]
    assert FaissIndex.build(codes, kind=kind).ids is None
    assert index.size_bytes == (3 * 40 if kind == "flat" else None)


def test_unknown_kinds_are_refused() -> None:
    codes = np.zeros((1, 32), np.uint8)
    assert FaissIndex.build(codes).kind == "flat"
    with pytest.raises(ValueError, match="must be one of flat, multihash, hnsw, not 'annoy'"):
        FaissIndex.build(codes, kind="annoy")


@pytest.mark.parametrize("kind", KINDS)
def test_arguments_are_checked_as_for_our_own_index(kind: str) -> None:
    codes = np.random.default_rng(1).integers(0, 256, (20, 32), dtype=np.uint8)
    index = FaissIndex.build(codes, kind=kind)
    with pytest.raises(ValueError, match="queries are 64 bits wide, the codes 256 bits"):
        index.nearest(codes[:, :8], 1)
    with pytest.raises(ValueError, match="radius must be 0..256 bits, not 257"):
        index.search(codes, 257)
    with pytest.raises(ValueError, match="threads must be 1..1024, not 0"):
        index.nearest(codes, 1, threads=0)
    with pytest.raises(ValueError, match="k must be 1..4294967295, not 0"):
        index.nearest(codes, 0)
    with pytest.raises(ValueError, match="radius must be given for 64-bit codes"):
        FaissIndex.build(codes[:, :8], kind=kind).search(codes[:, :8])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n", [0, 1, 1000])
def test_codes_are_a_copy(kind: str, n: int) -> None:
    codes = np.random.default_rng(1).integers(0, 256, (n, 32), dtype=np.uint8)
    index = FaissIndex.build(codes, kind=kind)
    held = index.codes
    assert np.array_equal(held, codes)
    held ^= 0xFF
    assert np.array_equal(index.codes, codes)


def test_the_number_of_threads_of_the_caller_is_left_alone() -> None:
    codes = np.random.default_rng(1).integers(0, 256, (500, 32), dtype=np.uint8)
    before = faiss.omp_get_max_threads()
    try:
        faiss.omp_set_num_threads(7)
        for kind in KINDS:
            index = FaissIndex.build(codes, kind=kind, threads=3)
            index.nearest(codes[:1], 1, threads=2)
            assert faiss.omp_get_max_threads() == 7
        refusing = FaissIndex.build(codes, kind="multihash", max_keys=500)
        with pytest.raises(ValueError, match="multihash cannot know"):
            refusing.nearest(~codes[:1], 1, threads=2)
        assert faiss.omp_get_max_threads() == 7
    finally:
        faiss.omp_set_num_threads(before)


def test_searches_of_multihash_at_several_radii_at_once() -> None:
    rng = np.random.default_rng(5)
    codes = rng.integers(0, 256, (2000, 32), dtype=np.uint8)
    index = FaissIndex.build(codes, kind="multihash")
    queries = codes[:40] ^ np.packbits(np.arange(256) % 9 == 0)  # 29 bits
    expected = {radius: oracle(queries, codes, range(2000), radius) for radius in (0, 31, 40)}
    wrong: list[int] = []

    def use(radius: int) -> None:
        for _ in range(20):
            if as_lists(index.search(queries, radius)) != expected[radius]:
                wrong.append(radius)

    users = [threading.Thread(target=use, args=(radius,)) for radius in expected for _ in "ab"]
    for user in users:
        user.start()
    for user in users:
        user.join()
    assert wrong == []
    assert any(expected[31])
    assert not any(expected[0])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize("kind", KINDS)
def test_an_index_works_after_a_fork_of_a_process_that_used_threads(kind: str) -> None:
    """In a process of its own with a timeout, since the fork might hang."""
    code = f"""
import os, numpy as np
from hashmatch.interop import FaissIndex
codes = np.random.default_rng(0).integers(0, 256, (3000, 32), dtype=np.uint8)
index = FaissIndex.build(codes, kind={kind!r}, threads=2)
expected = index.nearest(codes[:200], 1, threads=2)
child = os.fork()
found = index.nearest(codes[:200], 1, threads=2)
same = all(np.array_equal(a, b) for a, b in zip(found, expected))
if child == 0:
    os._exit(0 if same else 1)
assert same and os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True, timeout=60)


def test_our_own_index_does_not_load_faiss() -> None:
    code = """
import sys, numpy as np
from hashmatch.hamming import HammingIndex
codes = np.zeros((5, 32), np.uint8)
index = HammingIndex.build(codes)
index.search(codes), index.nearest(codes, 1), index.join()
assert "faiss" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)
