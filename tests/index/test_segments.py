"""Several segments with hidden rows, searched as one, against comparing every code."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from hashmatch.errors import IndexFormatError
from hashmatch.hamming import HammingIndex
from hashmatch.index.deletion_vector import NO_ROWS
from hashmatch.index.segments import OpenSegment, Segments

# Few codes, near to each other, so that ties and repetitions abound.
CODES = st.lists(st.integers(0, 15), max_size=12)
SEGMENTS = st.lists(st.tuples(CODES, st.sets(st.integers(0, 11))), min_size=1, max_size=4)


def packed(numbers: list[int]) -> NDArray[np.uint8]:
    return np.array([[*bytes(7), number] for number in numbers], np.uint8).reshape(-1, 8)


def opened(parts: list[tuple[list[int], set[int]]]) -> Segments:
    segments = []
    for codes, hidden in parts:
        rows = np.array(sorted(row for row in hidden if row < len(codes)), dtype=np.int64)
        index = HammingIndex.build(packed(codes))
        entries: Any = SimpleNamespace(path=Path("entries"))
        stored: Any = None
        segments.append(OpenSegment(stored, index, entries, rows, NO_ROWS))
    return Segments(segments)


@given(SEGMENTS, CODES, st.integers(0, 4))
def test_all_segments_are_searched_as_one(
    parts: list[tuple[list[int], set[int]]], queries: list[int], radius: int
) -> None:
    segments = opened(parts)
    result = segments.search(packed(queries), radius, 1)
    shown: list[tuple[int, int]] = []
    start = 0
    for codes, hidden in parts:
        shown += [(start + row, code) for row, code in enumerate(codes) if row not in hidden]
        start += len(codes)
    assert len(segments) == start
    expected = [
        sorted(
            (distance, row)
            for row, code in shown
            if (distance := (query ^ code).bit_count()) <= radius
        )
        for query in queries
    ]
    found = [
        list(zip(result.distances[a:b].tolist(), result.ids[a:b].tolist(), strict=True))
        for a, b in zip(result.offsets[:-1], result.offsets[1:], strict=True)
    ]
    assert found == expected
    assert [array.dtype for array in result] == [np.int64, np.int64, np.int32]
    assert segments.codes()[:, 7].tolist() == [code for _, code in shown]


def test_one_segment_without_tombstones_is_not_copied() -> None:
    segments = opened([([1, 2, 3], set())])
    assert np.shares_memory(segments.codes(), segments.all[0].index.codes)
    rows = np.array([2, 0])
    ((_, places, local),) = segments.by_segment(rows)
    assert local is rows
    assert places == slice(0, 2)


def test_rows_are_numbered_through() -> None:
    segments = opened([([1, 2], set()), ([], set()), ([3, 4, 5], set())])
    rows = np.array([4, 0, 2, 1])
    got = {
        row: (segments.all.index(one), where)
        for one, places, local in segments.by_segment(rows)
        for row, where in zip(rows[places].tolist(), local.tolist(), strict=True)
    }
    assert got == {0: (0, 0), 1: (0, 1), 2: (2, 0), 4: (2, 2)}
    for row in (-1, 5):
        with pytest.raises(IndexFormatError, match="no such row"):
            list(segments.by_segment(np.array([row])))
