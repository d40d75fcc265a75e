"""Look-up of the rows of an index by the key of a row or entry."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from hashmatch.index.dedup import Int64s, KeyMap, Keys, RowKeys, no_entries
from hashmatch.index.deletion_vector import NO_ROWS, Rows, contains
from hashmatch.index.entry_table import BATCH_ROWS
from hashmatch.index.list_rows import status_numbers
from hashmatch.index.manifest import Origin
from hashmatch.index.segments import OpenSegment, RowSlice
from hashmatch.lists import Column


class KnownRows(NamedTuple):
    """Rows of one list that the index has, removed ones included; arrays of shape (n,).

    `row_keys`, uint64 (n, 2), are the keys of the rows, `hash_keys` those of the rows without harm
    and classification, and `code_keys` those of their codes alone. `by_row` maps the key of each
    row that is not removed to its position here, and `by_entry` the key of each entry to its
    ordinal.
    """

    segment: Int64s
    row: Rows
    entry_ids: Column
    is_live: NDArray[np.bool_]
    status: Int64s
    row_keys: Keys
    hash_keys: Keys
    code_keys: Keys
    by_row: KeyMap
    by_entry: KeyMap

    def live(self) -> KnownRows:
        """Return only the rows that are not removed, with the same maps."""
        places = np.flatnonzero(self.is_live)
        taken: Any = [
            column.take(pa.array(places)) if column is self.entry_ids else column[places]
            for column in self[:-2]
        ]
        return KnownRows._make([*taken, self.by_row, self.by_entry])


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
    *,
    keys: RowKeys,
    codes: Mapping[str, NDArray[np.uint8]],
) -> KnownRows:
    """Find the rows of some entries of a list in every segment, and those of some hashes.

    `is_of_list`, bool (n_origins,), says which origins are of the list; `codes` are the hashes by
    algorithm. Reads the ids of all segments with rows of the list, once, in native code.
    """
    by_row, by_entry = KeyMap(), KeyMap()
    found: list[tuple[Any, ...]] = []
    n_found = 0
    for number, segment in enumerate(segments):
        algorithm = segment.stored.algorithm
        rows = segment.entries.rows_of(is_of_list, entry_ids)
        if algorithm in codes:
            rows = np.union1d(rows, rows_with_codes(segment, is_of_list, codes[algorithm]))
        if not rows.size:
            continue
        part = RowSlice(segment.codes, segment.entries, rows)
        entry_keys, row_keys = key_rows(keys, origins, algorithm, part)
        table = segment.entries.take(["entry", "entry_id", "origin", "status"], rows)
        (list_name,) = {origins[at].list for at in np.unique(table["origin"].to_numpy())}
        bare = keys.entries(keys.bare_origins(list_name, rows.size), table["entry_id"])
        code_keys = keys.rows(no_entries(rows.size), algorithm, part.select_codes())
        places = np.arange(n_found, n_found + rows.size)
        is_live = ~contains(segment.removed, rows)
        by_row.setdefault(row_keys[is_live], places[is_live])
        by_entry.setdefault(entry_keys, table["entry"].to_numpy())
        status = status_numbers(table["status"])
        segment_of = np.full(rows.size, number)
        hash_keys = bare + code_keys
        told = (segment_of, rows, table["entry_id"], is_live, status)
        found.append((*told, row_keys, hash_keys, code_keys))
        n_found += rows.size
    columns: Any = _join(found)
    return KnownRows._make([*columns, by_row, by_entry])


def rows_with_codes(
    segment: OpenSegment, is_of_list: NDArray[np.bool_], codes: NDArray[np.uint8]
) -> Rows:
    """Return the rows of a list that have one of some codes, ascending; removed ones included."""
    rows = np.unique(segment.index.search(codes, 0).ids)
    origins = segment.entries.below(segment.entries.origins(rows), is_of_list.size, "origin")
    return rows[is_of_list[origins]]


def _join(found: list[tuple[Any, ...]]) -> tuple[Any, ...]:
    """Join what was found in several segments, column by column."""
    no_keys = np.empty((0, 2), dtype=np.uint64)
    no_ids = pa.chunked_array([], pa.string())
    nothing = (NO_ROWS, NO_ROWS, no_ids, np.empty(0, bool), NO_ROWS, no_keys, no_keys, no_keys)
    columns = zip(nothing, *found, strict=True)
    return tuple(
        pa.chunked_array([chunk for part in column for chunk in part.chunks], pa.string())
        if isinstance(column[0], pa.ChunkedArray)
        else np.concatenate(column)
        for column in columns
    )
