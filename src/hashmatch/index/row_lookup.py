"""Look-up of the rows of an index by the key of a row or entry."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hashmatch.index.dedup import Int64s, KeyMap, Keys, RowKeys
from hashmatch.index.deletion_vector import NO_ROWS, Rows, contains
from hashmatch.index.entry_table import BATCH_ROWS
from hashmatch.index.list_rows import status_numbers
from hashmatch.index.manifest import Origin
from hashmatch.index.segments import OpenSegment, RowSlice
from hashmatch.lists import Column


class KnownRows(NamedTuple):
    """Rows of one list that the index has, removed ones included; arrays of shape (n,).

    `by_row` maps the key of each row that is not removed to its position here, and `by_entry` the
    key of each entry to its ordinal.
    """

    segment: Int64s
    row: Rows
    status: Int64s
    by_row: KeyMap
    by_entry: KeyMap


def key_rows(
    keys: RowKeys, origins: Sequence[Origin], algorithm: str, part: RowSlice
) -> tuple[Keys, Keys]:
    """Return the keys of the rows' entries, and of the rows themselves; both uint64 (n, 2).

    Holds the codes and ids of all these rows in memory.
    """
    table = part.entries.take(["origin", "entry_id"], part.rows)
    numbers = [keys.origin(of.list, of.harm, of.classification) for of in origins]
    positions = part.entries.below(table["origin"].to_numpy(), len(origins), "origin")
    origin = np.array(numbers, dtype=np.int64)[positions]
    entry_keys = keys.entries(origin, table["entry_id"])
    return entry_keys, keys.rows(entry_keys, algorithm, part.select_codes())


def key_slices(
    keys: RowKeys, origins: Sequence[Origin], algorithm: str, part: RowSlice
) -> Iterator[tuple[Keys, Keys]]:
    """Yield the keys of all rows of a slice, as `key_rows` gives them, 65,536 rows at a time."""
    for rows in part.split(BATCH_ROWS):
        yield key_rows(keys, origins, algorithm, rows)


def map_keys(
    keys: RowKeys, origins: Sequence[Origin], parts: Iterable[tuple[str, RowSlice]]
) -> tuple[KeyMap, KeyMap]:
    """Return the keys of rows, and those of their entries; `parts` are by algorithm."""
    by_row, by_entry = KeyMap(), KeyMap()
    for algorithm, part in parts:
        for entry_keys, row_keys in key_slices(keys, origins, algorithm, part):
            by_row.setdefault(row_keys, np.zeros(len(row_keys), dtype=np.int64))
            by_entry.setdefault(entry_keys, np.zeros(len(entry_keys), dtype=np.int64))
    return by_row, by_entry


def find_rows(
    segments: Sequence[OpenSegment],
    origins: Sequence[Origin],
    is_of_list: NDArray[np.bool_],
    entry_ids: Column,
    keys: RowKeys,
) -> KnownRows:
    """Find the rows of entries of a list in every segment.

    `is_of_list`, bool (n_origins,), says which origins are of the list. Reads the ids of all
    segments with rows of the list, once, in native code.
    """
    by_row, by_entry = KeyMap(), KeyMap()
    found = [(NO_ROWS, NO_ROWS, NO_ROWS)]
    n_found = 0
    for number, segment in enumerate(segments):
        rows = segment.entries.rows_of(is_of_list, entry_ids)
        if not rows.size:
            continue
        part = RowSlice(segment.codes, segment.entries, rows)
        entry_keys, row_keys = key_rows(keys, origins, segment.stored.algorithm, part)
        table = segment.entries.take(["entry", "status"], rows)
        places = np.arange(n_found, n_found + rows.size)
        is_live = ~contains(segment.removed, rows)
        by_row.setdefault(row_keys[is_live], places[is_live])
        by_entry.setdefault(entry_keys, table["entry"].to_numpy())
        found.append((np.full(rows.size, number), rows, status_numbers(table["status"])))
        n_found += rows.size
    segment_of, row, status = map(np.concatenate, zip(*found, strict=True))
    return KnownRows(segment_of, row, status, by_row, by_entry)
