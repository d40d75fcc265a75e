"""The rows of a list file in chunks: checked, keyed, and with duplicates marked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from hashmatch.errors import HashListError
from hashmatch.hashing import algorithms, get_algorithm
from hashmatch.index.dedup import Int64s, KeyMap, Keys, RowKeys
from hashmatch.index.recipe import RECIPE_FILE, RecipeList
from hashmatch.lists import SCHEMA, STATUSES, Column, cell_bytes, read_batches

WITHDRAWN = STATUSES.index("withdrawn")
_LONGEST_SHOWN_NAME = 15  # characters: the shortest hash has one more


class RowChunk(NamedTuple):
    """Rows of a list with the columns of `hashmatch.lists.SCHEMA`, and arrays of shape (n,).

    `withdrawn_ids` are the entry ids of withdrawn rows, and `withdrawn_hashes` the withdrawn rows
    that have a hash but no entry id. Rows that lack either are not in `table`; `n_rows` counts
    them, too. `n_ignored` further rows, of ignored algorithms, were
    left out. `algorithms` names each row's algorithm; `origins` and keys come from `RowKeys`;
    `statuses` are positions in `STATUSES`; `is_first` is false for a row that repeats an earlier
    row of the list.
    """

    table: pa.Table
    withdrawn_ids: Column
    withdrawn_hashes: pa.Table
    n_rows: int
    n_ignored: int
    algorithms: list[str]
    origins: Int64s
    entry_keys: Keys
    row_keys: Keys
    statuses: Int64s
    is_first: NDArray[np.bool_]


def read_chunks(source: RecipeList, keys: RowKeys, chunk_rows: int) -> Iterator[RowChunk]:
    """Read a list in chunks of about `chunk_rows` rows; holds a chunk and 24 bytes a distinct row.

    HashListError names file, row and column of the first fault.
    """
    seen = KeyMap()
    for rows, n_ignored in _read_tables(source, chunk_rows):
        _check_algorithms(rows, split_by_algorithm(rows), source)
        withdrawn_ids, withdrawn_hashes, table = _part_withdrawals(rows)
        by_algorithm = split_by_algorithm(table)
        origins = keys.origins_of(source.name, table["harm"], table["classification"])
        entry_keys = keys.entries(origins, table["entry_id"])
        row_keys = key_table(keys, entry_keys, table)
        statuses = status_numbers(table["status"])
        # Row number and status in one value.
        values = table["row_number"].to_numpy() * len(STATUSES) + statuses
        first, is_first = seen.setdefault(row_keys, values)
        for row in np.flatnonzero(first % len(STATUSES) != statuses).tolist():
            earlier = f"row {first[row] // len(STATUSES)}"
            problem = f"{earlier} gives the same entry and hash another status; keep one of them"
            raise _error(table, row, source, problem, "status")
        yield RowChunk(
            table=table,
            withdrawn_ids=withdrawn_ids,
            withdrawn_hashes=withdrawn_hashes,
            n_rows=rows.num_rows,
            n_ignored=n_ignored,
            algorithms=[*by_algorithm],
            origins=origins,
            entry_keys=entry_keys,
            row_keys=row_keys,
            statuses=statuses,
            is_first=is_first,
        )


def key_table(keys: RowKeys, entry_keys: Keys, rows: pa.Table) -> Keys:
    """Return the keys of rows of any algorithm, given those of their entries."""
    row_keys = np.empty_like(entry_keys)
    for name, is_of in split_by_algorithm(rows).items():
        codes = codes_of(rows.filter(pa.array(is_of)), get_algorithm(name).bits)
        row_keys[is_of] = keys.rows(entry_keys[is_of], name, codes)
    return row_keys


def _part_withdrawals(table: pa.Table) -> tuple[Column, pa.Table, pa.Table]:
    """Return the withdrawn entry ids, the rows of hashes withdrawn without one, and whole rows."""
    is_withdrawn: Any = pc.equal(table["status"], pa.scalar("withdrawn"))
    has_id: Any = pc.not_equal(table["entry_id"], pa.scalar(""))
    has_hash = pc.greater(pc.binary_length(table["code"]), pa.scalar(0))
    return (
        table["entry_id"].filter(pc.and_(is_withdrawn, has_id)),
        table.filter(pc.and_not(is_withdrawn, has_id)),
        table.filter(pc.and_(has_id, has_hash)),
    )


def _read_tables(source: RecipeList, chunk_rows: int) -> Iterator[tuple[pa.Table, int]]:
    """Yield tables of rows, each with the number of rows left out for an ignored algorithm."""
    batches: list[pa.RecordBatch] = []
    n_rows = n_ignored = 0
    for batch, n_left_out in read_batches(source.file, source.reading):
        batches.append(batch)
        n_rows += batch.num_rows
        n_ignored += n_left_out
        if n_rows >= chunk_rows:
            yield pa.Table.from_batches(batches, SCHEMA), n_ignored
            batches, n_rows, n_ignored = [], 0, 0
    if n_rows or n_ignored:
        yield pa.Table.from_batches(batches, SCHEMA), n_ignored


def codes_of(rows: pa.Table, bits: int) -> NDArray[np.uint8]:
    """Return the codes of rows of one algorithm, uint8 (n, bits / 8)."""
    column: Column = rows["code"]
    data = [cell_bytes(chunk) for chunk in column.chunks]
    return np.concatenate([np.empty(0, dtype=np.uint8), *data]).reshape(-1, bits // 8)


def status_numbers(statuses: Column) -> Int64s:
    """Return statuses as positions in `STATUSES`, int64 (n,)."""
    numbers: Column = pc.index_in(statuses, pa.array(STATUSES))
    positions: Int64s = numbers.to_numpy().astype(np.int64)
    return positions


def split_by_algorithm(rows: pa.Table) -> dict[str, NDArray[np.bool_]]:
    """Return the rows of each algorithm, in order of name."""
    column: Column = rows["algorithm"]
    names: list[str] = pc.unique(column).to_pylist()
    masks: list[Any] = [pc.equal(column, pa.scalar(name)) for name in sorted(names)]
    return {name: mask.to_numpy() for name, mask in zip(sorted(names), masks, strict=True)}


def _check_algorithms(
    rows: pa.Table, by_algorithm: dict[str, NDArray[np.bool_]], source: RecipeList
) -> None:
    """Raise HashListError for the first row of an unknown algorithm or a code of another width."""
    n_bytes = pc.binary_length(rows["code"]).to_numpy()
    faults: list[tuple[int, str, str]] = []
    for name, is_of in by_algorithm.items():
        try:
            bits = get_algorithm(name).bits
        except ValueError:
            known = ", ".join(sorted(algorithms()))
            is_short = len(name) <= _LONGEST_SHOWN_NAME and name.isprintable()
            problem = (
                f"{name if is_short else 'this'} is not a known algorithm ({known}); "
                f"name it in ignore_algorithms in {RECIPE_FILE} to leave such rows out"
            )
            faults.append((int(np.argmax(is_of)), "algorithm", problem))
            continue
        other_width = is_of & (n_bytes != bits // 8) & (n_bytes > 0)
        if other_width.any():
            problem = f"expected {bits // 4} hex digits, as {name} has {bits} bits"
            faults.append((int(np.argmax(other_width)), "hash", problem))
    if faults:
        row, column, problem = min(faults)
        raise _error(rows, row, source, problem, column)


def _error(
    rows: pa.Table, row: int, source: RecipeList, problem: str, column: str
) -> HashListError:
    number = rows["row_number"][row].as_py()
    name = source.reading.column(column)
    return HashListError(f"{source.file} row {number}, column {name}: {problem}")
