"""The nearest of many equally near codes: exact, and in little time and memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from hashmatch import HammingIndex, _core

ROOT = Path(__file__).parents[2]


def nearest_by_sorting(
    codes: NDArray[np.uint8], ids: NDArray[np.int64], query: NDArray[np.uint8], k: int
) -> list[tuple[int, int]]:
    """Return the distance and id of the k nearest codes."""
    distances = np.bitwise_count(codes ^ query).sum(axis=1, dtype=np.int64)
    first = np.lexsort((ids, distances))[:k]
    return list(zip(distances[first].tolist(), ids[first].tolist(), strict=True))


@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_massive_ties_are_broken_by_id(kernel: str, data: st.DataObject) -> None:
    """A few distinct codes, in every width that kernels treat apart, with and without tables."""
    random = np.random.default_rng(data.draw(st.integers(0, 1 << 32)))
    n_bytes = data.draw(st.sampled_from([8, 9, 16, 32, 33, 64]))
    n = data.draw(st.sampled_from([1, 2, 63, 64, 65, 511, 512, 513, 1500, 2600]))
    k = data.draw(st.sampled_from([1, 2, 10, 100, n - 1, n, n + 1]).filter(bool))
    distinct = random.integers(0, 256, (data.draw(st.integers(1, 5)), n_bytes), dtype=np.uint8)
    if data.draw(st.booleans()):
        distinct[1:] = distinct[0]
        distinct[1:, 0] ^= 1
    codes = distinct[random.integers(0, len(distinct), n)]
    ids = random.permutation(n) - n // 2 if data.draw(st.booleans()) else None
    queries = np.concatenate([distinct, ~distinct[:1]])
    tables = _core.build_tables(codes, 1, (min(n_bytes, 16), 8), data.draw(st.booleans()))
    given_tables = tables if data.draw(st.booleans()) else None
    index = _core.Index(codes, _core.pack_planes(codes), ids, given_tables)
    offsets, found, distances = index.nearest(queries, k, data.draw(st.integers(1, 3)))
    names = np.arange(n) if ids is None else ids
    for number, query in enumerate(queries):
        own = slice(offsets[number], offsets[number + 1])
        pairs = list(zip(distances[own].tolist(), found[own].tolist(), strict=True))
        assert pairs == nearest_by_sorting(codes, names, query, k)


@pytest.mark.parametrize("n_queries", [1, 40, 2000])
@pytest.mark.parametrize("has_ids", [False, True])
def test_nearest_in_a_large_skewed_index(n_queries: int, has_ids: bool) -> None:
    """Through tables: crowds of several sizes, and queries near, far, and in the crowds."""
    random = np.random.default_rng(n_queries)
    codes = random.integers(0, 256, (70_000, 32), dtype=np.uint8)
    codes[:3000], codes[3000:6000], codes[6000:30_000] = codes[0], codes[3000], codes[6000]
    ids = random.permutation(len(codes)) if has_ids else None
    index = HammingIndex.build(codes, ids)
    assert index.plan(31, queries=n_queries).n_substrings > 0
    queries = codes[random.integers(0, 50_000, n_queries)]
    queries[::3, :4] = random.integers(0, 256, queries[::3, :4].shape)
    queries[::5] = random.integers(0, 256, queries[::5].shape)
    found, distances = index.nearest(queries, 7)
    names = np.arange(len(codes)) if ids is None else ids
    for at in random.integers(0, n_queries, 12).tolist():
        pairs = list(zip(distances[at].tolist(), found[at].tolist(), strict=True))
        assert pairs == nearest_by_sorting(codes, names, queries[at], 7)


MANY_QUERIES = """
import resource
import numpy as np
from hashmatch import HammingIndex

random = np.random.default_rng(0)
codes = random.integers(0, 256, (100_000, 32), dtype=np.uint8)
codes[:3000] = codes[0]
index = HammingIndex.build(codes)
peak_mib = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
before = peak_mib()
ids, distances = index.nearest(np.repeat(codes[:1], 20_000, 0), 2)
assert (ids == [0, 1]).all() and not distances.any()
print(peak_mib() - before)
"""


def test_memory_of_many_queries_that_meet_a_crowd() -> None:
    """20,000 queries meet 3,000 copies, too few to be an overfull bucket: 1.4 GB of hits."""
    done = subprocess.run(
        [sys.executable, "-c", MANY_QUERIES], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert int(done.stdout) < 250
