"""HammingIndex against a naive oracle, over every kernel, width, block boundary and radius."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from hashmatch import _core
from hashmatch.hamming import HammingIndex

Codes = NDArray[np.uint8]
Ids = NDArray[np.int64]
Matches = list[list[tuple[int, int]]]
Problem = tuple[Codes, Ids | None, Codes, int]

pytestmark = pytest.mark.usefixtures("kernel")

MOST_CODES = 2049
BOUNDARY_SIZES = (0, 1, 2, 3, 63, 64, 65, 127, 128, 129, 2047, 2048, MOST_CODES)
WIDTHS_BYTES = (8, 9, 15, 16, 17, 24, 31, 32, 33, 63, 64)
RADII = (0, 1, 2, 15, 30, 31, 32, 56, 57, 63, 64, 127, 128, 254, 255, 256, 257, 511, 512)


def oracle_distances(queries: Codes, codes: Codes) -> NDArray[np.int64]:
    """Count the bits that differ, int64 (n_queries, n_codes)."""
    bits = [np.unpackbits(array, axis=1).astype(np.float32) for array in (queries, codes)]
    ones = [array.sum(axis=1) for array in bits]
    distances = ones[0][:, None] + ones[1][None, :] - 2 * bits[0] @ bits[1].T
    return np.asarray(distances, dtype=np.int64)


def oracle_matches(queries: Codes, codes: Codes, ids: Ids, radius: int) -> Matches:
    """Return per query the (distance, id) of every code within the radius, in order."""
    return [
        sorted((int(d), int(i)) for d, i in zip(row, ids, strict=True) if d <= radius)
        for row in oracle_distances(queries, codes)
    ]


def as_lists(found: Any) -> Matches:
    """Check the shape of a result and convert it to the form of the oracle."""
    offsets, ids, distances = found
    assert [str(array.dtype) for array in found] == ["int64", "int64", "int32"]
    assert offsets[0] == 0
    assert offsets[-1] == len(ids) == len(distances)
    pairs = list(zip(distances.tolist(), ids.tolist(), strict=True))
    ends = offsets.tolist()
    return [pairs[start:end] for start, end in itertools.pairwise(ends)]


def draw_codes(rng: np.random.Generator, n: int, n_bytes: int, kind: str) -> Codes:
    """Draw codes of a kind of list: uniform, in tight clusters, all the same, or with few ones."""
    codes = rng.integers(0, 256, (n, n_bytes), dtype=np.uint8)
    if kind == "clusters":
        codes = codes[: 1 + n // 50][rng.integers(0, 1 + n // 50, n)] if n else codes
        for code in codes:
            flip(code, rng.choice(8 * n_bytes, rng.integers(0, 6), replace=False))
    elif kind == "identical":
        codes[:] = 0xA5
    elif kind == "sparse":
        codes = codes & np.roll(codes, 1, axis=1) & np.roll(codes, 2, axis=1)
    return np.ascontiguousarray(codes)


def flip(code: Codes, positions: Any) -> None:
    """Flip bits of one code in place; position 0 is the first bit."""
    differing = np.zeros(8 * len(code), dtype=bool)
    differing[positions] = True
    code ^= np.packbits(differing)


def positions_to_flip(
    rng: np.random.Generator, bits: int, n_flips: int, place: str
) -> NDArray[np.int64]:
    """Return where the differing bits lie: filters and substrings read only some places."""
    if place == "front":
        return np.arange(n_flips)
    if place == "back":
        return bits - 1 - np.arange(n_flips)
    if place == "spread":
        return np.arange(n_flips) * bits // max(n_flips, 1)
    return rng.choice(bits, n_flips, replace=False)


def draw_queries(rng: np.random.Generator, codes: Codes, n: int, radius: int) -> Codes:
    """Draw queries at, just within and just beyond the radius of some code, or anywhere."""
    bits = 8 * codes.shape[1]
    queries = rng.integers(0, 256, (n, codes.shape[1]), dtype=np.uint8)
    for query in queries if len(codes) else ():
        if rng.random() < 0.8:
            query[:] = codes[rng.integers(len(codes))]
            n_flips = int(np.clip(radius + rng.integers(-1, 2), 0, bits))
            place = rng.choice(["front", "back", "spread", "anywhere"])
            flip(query, positions_to_flip(rng, bits, n_flips, place))
    return queries


def draw_ids(rng: np.random.Generator, n: int, kind: str) -> Ids | None:
    """Draw ids for n codes, or None."""
    if kind == "rows":
        return None
    ids = rng.permutation(4 * n)[:n].astype(np.int64) - n  # shuffled, some negative
    if kind == "huge" and n:
        ids += 1 << 62
        ids[rng.integers(n)] = np.iinfo(np.int64).max
    if kind == "least" and n:
        ids[rng.integers(n)] = np.iinfo(np.int64).min
    return ids


@st.composite
def problems(draw: st.DrawFn, most_codes: int = MOST_CODES) -> Problem:
    """Draw codes, ids or None, queries and a radius."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    sizes = [n for n in BOUNDARY_SIZES if n <= most_codes]
    n = draw(st.sampled_from(sizes) | st.integers(0, min(most_codes, 300)))
    n_bytes = draw(st.sampled_from(WIDTHS_BYTES) | st.integers(8, 64))
    radius = draw(st.sampled_from(RADII) | st.integers(0, 8 * n_bytes))
    radius = min(radius, 8 * n_bytes)
    kind = draw(st.sampled_from(["uniform", "clusters", "identical", "sparse"]))
    codes = draw_codes(rng, n, n_bytes, kind)
    ids = draw_ids(rng, n, draw(st.sampled_from(["rows", "shuffled", "huge", "least"])))
    return codes, ids, draw_queries(rng, codes, draw(st.integers(0, 9)), radius), radius


def ids_or_rows(ids: Ids | None, codes: Codes) -> Ids:
    return np.arange(len(codes)) if ids is None else ids


@given(problem=problems(), threads=st.integers(1, 4))
@settings(max_examples=120, deadline=None)
def test_search_finds_what_brute_force_finds(problem: Problem, threads: int) -> None:
    codes, ids, queries, radius = problem
    index = HammingIndex.build(codes, ids)
    expected = oracle_matches(queries, codes, ids_or_rows(ids, codes), radius)
    assert as_lists(index.search(queries, radius, threads)) == expected


@pytest.mark.parametrize("n_bytes", WIDTHS_BYTES)
def test_every_radius_is_inclusive_wherever_the_bits_differ(n_bytes: int) -> None:
    rng = np.random.default_rng(n_bytes)
    bits = 8 * n_bytes
    codes = draw_codes(rng, 70, n_bytes, "uniform")
    target = 69  # in the last block, which is not full
    index = HammingIndex.build(codes)
    places = ("front", "back", "spread", "anywhere")
    for radius in range(0, bits, 3):
        at, beyond = np.tile(codes[target], (2, len(places), 1))
        for row, place in enumerate(places):
            flip(at[row], positions_to_flip(rng, bits, radius, place))
            flip(beyond[row], positions_to_flip(rng, bits, radius + 1, place))
        for place, matches in zip(places, as_lists(index.search(at, radius)), strict=True):
            assert (radius, target) in matches, (radius, place)
        for place, matches in zip(places, as_lists(index.search(beyond, radius)), strict=True):
            assert target not in {i for _, i in matches}, (radius, place)


@given(problem=problems(most_codes=300))
@settings(max_examples=30, deadline=None)
def test_a_batch_gives_what_its_queries_give_alone(problem: Problem) -> None:
    codes, ids, queries, radius = problem
    index = HammingIndex.build(codes, ids)
    alone = [as_lists(index.search(query[None], radius))[0] for query in queries]
    assert as_lists(index.search(queries, radius)) == alone


@given(problem=problems(), k_beyond=st.integers(1, 12), threads=st.integers(1, 4))
@settings(max_examples=60, deadline=None)
def test_nearest_finds_what_brute_force_finds(
    problem: Problem, k_beyond: int, threads: int
) -> None:
    codes, ids, queries, _ = problem
    k = k_beyond if k_beyond < 10 else len(codes) + k_beyond - 11  # also n - 1, n, n + 1
    k = max(k, 1)
    found_ids, distances = HammingIndex.build(codes, ids).nearest(queries, k, threads)
    assert found_ids.shape == distances.shape == (len(queries), k)
    assert [str(array.dtype) for array in (found_ids, distances)] == ["int64", "int32"]
    everything = oracle_matches(queries, codes, ids_or_rows(ids, codes), 8 * codes.shape[1])
    for row, expected in enumerate(everything):
        padded = (expected + [(-1, -1)] * k)[:k]
        assert list(zip(distances[row], found_ids[row], strict=True)) == padded


def test_nearest_breaks_ties_by_id() -> None:
    codes = np.zeros((5, 32), dtype=np.uint8)
    codes[1, 0] = 1
    index = HammingIndex.build(codes, ids=[9, 1, -4, 7, 2])
    ids, distances = index.nearest(np.zeros((1, 32), dtype=np.uint8), 3)
    assert ids.tolist() == [[-4, 2, 7]]
    assert distances.tolist() == [[0, 0, 0]]


@given(problem=problems(most_codes=129), threads=st.integers(1, 4))
@settings(max_examples=60, deadline=None)
def test_join_finds_what_brute_force_finds(problem: Problem, threads: int) -> None:
    codes, ids, _, radius = problem
    a, b, distances = HammingIndex.build(codes, ids).join(radius, threads)
    assert [str(array.dtype) for array in (a, b, distances)] == ["int64", "int64", "int32"]
    oracle, names = oracle_distances(codes, codes), ids_or_rows(ids, codes).tolist()
    expected = sorted(
        (min(names[i], names[j]), max(names[i], names[j]), int(oracle[i, j]))
        for i, j in np.argwhere(oracle <= radius).tolist()
        if i < j
    )
    assert list(zip(a.tolist(), b.tolist(), distances.tolist(), strict=True)) == expected


@pytest.mark.parametrize("threads", [1, 3])
def test_join_across_tiles(threads: int) -> None:
    rng = np.random.default_rng(5)
    codes = draw_codes(rng, 4500, 32, "uniform")
    codes[4400] = codes[17]
    codes[2048] = codes[2047]
    codes[2050, 31] ^= 1
    codes[4499] = codes[2050]
    flip(codes[4499], range(100, 131))
    found = [array.tolist() for array in HammingIndex.build(codes).join(threads=threads)]
    assert found == [[17, 2047, 2050], [4400, 2048, 4499], [0, 0, 31]]


def test_a_flood_of_identical_codes_is_counted_in_full() -> None:
    n = 100_000
    codes = np.full((n, 32), 0x5A, dtype=np.uint8)
    codes[31_415] ^= 0xFF
    index = HammingIndex.build(codes)
    found = index.search(codes[[0, 31_415]], 31)
    others = np.delete(np.arange(n), 31_415)
    np.testing.assert_array_equal(found.offsets, [0, n - 1, n])
    np.testing.assert_array_equal(found.ids, [*others, 31_415])
    assert not found.distances.any()
    ids, _ = index.nearest(codes[:1], 100)
    np.testing.assert_array_equal(ids[0], np.arange(100))


def test_kernels_that_cannot_run_are_refused() -> None:
    with pytest.raises(Exception, match="unknown kernel 'abacus'"):
        _core.select_kernel("abacus")
