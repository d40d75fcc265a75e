"""Codes and queries for benchmarks, and brute-force answers to the queries."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashmatch.hamming import SearchResult

SKEWS = ("uniform", "clustered", "duplicates")

_BLOCK_CODES = 1 << 16


def synthetic_codes(
    n: int, bits: int = 256, *, skew: str = "uniform", seed: int = 0
) -> NDArray[np.uint8]:
    """Return codes like those of a real list, uint8 (n, bits / 8); same arguments, same codes.

    "uniform": every bit is random. "clustered": a tenth of the codes lie in clusters of up to 1,000
    codes within 3 bits of a centre, like many uploads of one template. "duplicates": a tenth of the
    codes are identical, like those of blank pictures.
    """
    if skew not in SKEWS:
        raise ValueError(f"skew must be one of {', '.join(SKEWS)}, not {skew!r}")
    rng = np.random.default_rng([seed, n, bits])
    codes = rng.integers(0, 256, (n, bits // 8), dtype=np.uint8)
    rows = rng.permutation(n)[: n // 10]
    if skew == "duplicates":
        codes[rows] = codes[rows[:1]]
    elif skew == "clustered":
        for start in range(0, len(rows), 1000):
            members = rows[start : start + 1000]
            codes[members] = codes[members[0]]
            codes[members] = flip_bits(codes[members], rng.integers(0, 4, len(members)), rng)
    return codes


def draw_queries(
    codes: NDArray[np.uint8], n: int, radius: int, *, seed: int = 0
) -> NDArray[np.uint8]:
    """Return n distinct queries in random order, half of them within the radius of a stored code.

    The other half is random, as are queries that replace duplicates. A query near a code differs
    from that code in 0 to `radius` bits, each number of bits being equally likely.
    """
    rng = np.random.default_rng([seed, len(codes), n])
    queries = rng.integers(0, 256, (n, codes.shape[1]), dtype=np.uint8)
    if len(codes):
        near = codes[rng.integers(0, len(codes), n // 2)]
        queries[: n // 2] = flip_bits(near, rng.integers(0, radius + 1, n // 2), rng)
    queries = np.unique(queries, axis=0)
    while len(queries) < n:
        more = rng.integers(0, 256, (n - len(queries), codes.shape[1]), dtype=np.uint8)
        queries = np.unique(np.concatenate([queries, more]), axis=0)
    return queries[rng.permutation(n)]


def flip_bits(
    codes: NDArray[np.uint8], n_flips: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Return a copy of the codes in which `n_flips` random bits of each code are flipped."""
    n_bits = 8 * codes.shape[1]
    result = codes.copy()
    for number in range(int(n_flips.max(initial=0))):
        rows = np.flatnonzero(n_flips > number)
        while len(rows):
            places = rng.integers(0, n_bits, len(rows))
            column, mask = places // 8, (128 >> (places % 8)).astype(np.uint8)
            is_new = (codes[rows, column] ^ result[rows, column]) & mask == 0
            result[rows[is_new], column[is_new]] ^= mask[is_new]
            rows = rows[~is_new]
    return result


def brute_force(codes: NDArray[np.uint8], queries: NDArray[np.uint8], radius: int) -> SearchResult:
    """Find the codes within the radius by comparing all of them in NumPy; ids are rows.

    Shares no code with the searches that it checks. Takes about 10 ms per query per million codes.
    """
    offsets, found_rows, found_distances = [0], [], []
    for query in queries:
        distances = distances_to(codes, query)
        rows = np.flatnonzero(distances <= radius)
        order = np.lexsort((rows, distances[rows]))
        found_rows.append(rows[order])
        found_distances.append(distances[rows][order])
        offsets.append(offsets[-1] + len(rows))
    none = np.empty(0, np.int64)
    return SearchResult(
        np.array(offsets, np.int64),
        np.concatenate([none, *found_rows]),
        np.concatenate([none, *found_distances]).astype(np.int32),
    )


def distances_to(codes: NDArray[np.uint8], query: NDArray[np.uint8]) -> NDArray[np.int32]:
    """Count the bits in which each code differs from a query: int32 (n,)."""
    dtype: Any = np.uint8 if codes.shape[1] % 8 else np.uint64
    words, wanted = codes.view(dtype), query.view(dtype)
    distances = np.empty(len(codes), np.int32)
    for start in range(0, len(codes), _BLOCK_CODES):
        block = slice(start, start + _BLOCK_CODES)
        distances[block] = np.bitwise_count(words[block] ^ wanted).sum(axis=1, dtype=np.int32)
    return distances
