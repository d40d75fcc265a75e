"""Keys and maps of keys against dictionaries."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from hashmatch.index.dedup import KeyMap, Keys, RowKeys, first_occurrence
from hashmatch.lists import Column

Row = tuple[str, str | None, str, bytes, str]
ROWS = st.lists(
    st.tuples(
        st.sampled_from("hi"),
        st.sampled_from([None, "a", "b"]),
        st.sampled_from(["1", "2", "12"]),
        st.sampled_from([bytes(9), bytes(8) + b"\x80", b"\x80" + bytes(8)]),
        st.sampled_from(["pdq", "toy"]),
    ),
    max_size=40,
)
# Halves that repeat, so that keys collide in either of them.
KEYS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=30)


def columns(rows: list[Row], chunk: int) -> list[Column]:
    types: list[Any] = [pa.string(), pa.string(), pa.string(), pa.binary(), pa.string()]
    return [
        pa.chunked_array(
            [pa.array(cells[i : i + chunk], kind) for i in range(0, len(cells), chunk)], kind
        )
        for cells, kind in zip(list(zip(*rows, strict=True)) or [()] * 5, types, strict=True)
    ]


def packed(keys: list[tuple[int, int]]) -> Keys:
    return np.array(keys, dtype=np.uint64).reshape(-1, 2)


@given(ROWS, st.integers(1, 20))
def test_rows_have_one_key_if_and_only_if_they_are_alike(rows: list[Row], chunk: int) -> None:
    harm, classification, entry_id, _, _ = columns(rows, chunk)
    keys = RowKeys()
    origins = keys.origins_of("list", harm, classification)
    assert origins.tolist() == [keys.origin("list", *row[:2]) for row in rows]
    numbers: dict[object, int] = {}
    for row in rows:
        numbers.setdefault(row[:2], len(numbers))
    assert origins.tolist() == [numbers[row[:2]] for row in rows]
    of_entries = keys.entries(origins, entry_id)
    of_rows = np.empty_like(of_entries)
    for name in ("pdq", "toy"):
        is_of = np.array([row[4] == name for row in rows], dtype=bool)
        codes = np.array([[*row[3]] for row in rows if row[4] == name], np.uint8).reshape(-1, 9)
        of_rows[is_of] = keys.rows(of_entries[is_of], name, codes)
    entry_keys = [*map(tuple, of_entries.tolist())]
    row_keys = [*map(tuple, of_rows.tolist())]
    assert len(set(entry_keys)) == len({row[:3] for row in rows})
    assert len(set(zip(entry_keys, (row[:3] for row in rows), strict=True))) == len(set(entry_keys))
    assert len(set(zip(row_keys, rows, strict=True))) == len(set(row_keys)) == len(set(rows))


def test_lists_are_told_apart() -> None:
    keys = RowKeys()
    ids = pa.chunked_array([["a"]])
    one, other = (keys.entries(np.array([keys.origin(name, "h", None)]), ids) for name in "ab")
    assert (one != other).any()


@given(KEYS)
def test_the_first_occurrence_is_the_first(keys: list[tuple[int, int]]) -> None:
    first, inverse = first_occurrence(packed(keys))
    assert first[inverse].tolist() == [keys.index(key) for key in keys]


@given(st.lists(KEYS, max_size=8))
def test_a_map_is_a_dictionary(blocks: list[list[tuple[int, int]]]) -> None:
    key_map, numbered = KeyMap(), KeyMap()
    expected: dict[tuple[int, int], int] = {}
    numbers: dict[tuple[int, int], int] = {}
    n_numbers = 0
    value = 0
    for block in blocks:
        values = np.arange(value, value + len(block))
        got = key_map.get(packed(block))
        assert got.tolist() == [expected.get(key, -1) for key in block]
        known = set(expected)
        for key in block:
            expected.setdefault(key, value)
            numbers.setdefault(key, len(numbers))
            value += 1
        found, is_new = key_map.setdefault(packed(block), values)
        assert found.tolist() == [expected[key] for key in block]
        firsts = [key not in known and block.index(key) == at for at, key in enumerate(block)]
        assert is_new.tolist() == firsts
        ordinals, n_numbers = numbered.number(packed(block), n_numbers)
        assert ordinals.tolist() == [numbers[key] for key in block]
        assert n_numbers == len(numbers)
    assert sorted(map(tuple, key_map.keys().tolist())) == sorted(expected)
