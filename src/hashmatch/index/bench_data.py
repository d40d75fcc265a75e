"""Codes and queries to measure with, and what comparing every code gives."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hashmatch.index.engine import SearchResult

SKEWS = ("uniform", "clustered", "duplicates")

_SKEWED_SHARE = 10
_CLUSTER_CODES = 1000
_CLUSTER_RADIUS_BITS = 3
_BLOCK_CODES = 1 << 16


def synthetic_codes(
    n: int, bits: int = 256, *, skew: str = "uniform", seed: int = 0
) -> NDArray[np.uint8]:
    """Make codes as a list might hold them.

    Parameters
    ----------
    n : int
    bits : int
        A multiple of 8.
    skew : str
        "uniform": every bit by chance. "clustered": a tenth of the codes lie in clusters of up to
        1,000 codes within 3 bits of a centre, as many uploads of one template do. "duplicates": a
        tenth of the codes are one and the same, as those of blank pictures are.
    seed : int
        The same arguments give the same codes.

    Returns
    -------
    ndarray of uint8, shape (n, bits / 8)
    """
    if skew not in SKEWS:
        raise ValueError(f"skew must be one of {', '.join(SKEWS)}, not {skew!r}")
    rng = np.random.default_rng([seed, n, bits])
    codes = rng.integers(0, 256, (n, bits // 8), dtype=np.uint8)
    if skew == "uniform":
        return codes
    rows = rng.permutation(n)[: n // _SKEWED_SHARE]
    if skew == "duplicates":
        codes[rows] = codes[rows[:1]]
        return codes
    for start in range(0, len(rows), _CLUSTER_CODES):
        members = rows[start : start + _CLUSTER_CODES]
        codes[members] = codes[members[0]]
        n_flips = rng.integers(0, _CLUSTER_RADIUS_BITS + 1, len(members))
        codes[members] = flipped(codes[members], n_flips, rng)
    return codes


def draw_queries(
    codes: NDArray[np.uint8], n: int, radius: int, *, seed: int = 0
) -> NDArray[np.uint8]:
    """Make n distinct queries in random order, half of them within the radius of a stored code.

    The other half is by chance. Those near a code differ from it in 0 to `radius` bits, each number
    being as likely.
    """
    rng = np.random.default_rng([seed, len(codes), n])
    queries = np.empty((0, codes.shape[1]), np.uint8)
    while len(queries) < n:
        n_missing = n - len(queries)
        more = rng.integers(0, 256, (n_missing, codes.shape[1]), dtype=np.uint8)
        if len(codes):
            near = codes[rng.integers(0, len(codes), (n_missing + 1) // 2)]
            more[::2] = flipped(near, rng.integers(0, radius + 1, len(near)), rng)
        queries = np.unique(np.concatenate([queries, more]), axis=0)
    return queries[rng.permutation(n)]


def flipped(
    codes: NDArray[np.uint8], n_flips: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Flip so many random bits of each code."""
    result = np.empty_like(codes)
    for start in range(0, len(codes), _BLOCK_CODES):
        block = slice(start, start + _BLOCK_CODES)
        bits = np.unpackbits(codes[block], axis=1)
        ranks = rng.random(bits.shape, dtype=np.float32).argsort(axis=1).argsort(axis=1)
        result[block] = np.packbits(bits ^ (ranks < n_flips[block, None]), axis=1)
    return result


def brute_force(codes: NDArray[np.uint8], queries: NDArray[np.uint8], radius: int) -> SearchResult:
    """Find what lies within the radius by comparing every code in NumPy; ids are rows.

    Shares nothing with the searches it judges. Takes some 10 ms a query and million codes.
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
    word = np.uint64 if codes.shape[1] % 8 == 0 else np.uint8
    words, wanted = codes.view(word), query.view(word)
    distances = np.empty(len(codes), np.int32)
    for start in range(0, len(codes), _BLOCK_CODES):
        block = slice(start, start + _BLOCK_CODES)
        distances[block] = np.bitwise_count(words[block] ^ wanted).sum(axis=1, dtype=np.int32)
    return distances
