"""The rows of a list file in chunks: checked, keyed, and with duplicates marked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True, eq=False)
class RowChunk:
    """Rows of a list, with the columns of `hashmatch.lists.SCHEMA`, and arrays of shape (n,).

    `origins` and keys are those of `RowKeys`, `statuses` positions in `STATUSES`; `is_first` is
    false for a row that repeats an earlier one of the list.
    """

    table: pa.Table
    origins: Int64s
    entry_keys: Keys
    row_keys: Keys
    statuses: Int64s
    is_first: NDArray[np.bool_]


class ParsedList:
    """A list file as `chunks` of some `chunk_rows` rows each.

    Holds one chunk and 24 bytes for each distinct row. After the last chunk, `algorithms` are those
    of any row, or the default one for a list without rows: such a list gets an empty segment, so
    that policies naming its algorithm still load.
    """

    def __init__(self, source: RecipeList, keys: RowKeys, chunk_rows: int) -> None:
        self.source = source
        self.n_rows = 0
        self.n_ignored = 0
        self._keys = keys
        self._chunk_rows = chunk_rows
        self._algorithms: set[str] = set()

    @property
    def algorithms(self) -> list[str]:
        """Names of the algorithms of the rows, in order."""
        return sorted(self._algorithms or {self.source.reading.default_algorithm})

    def chunks(self) -> Iterator[RowChunk]:
        """Read the file; HashListError names file, row and column of the first fault."""
        seen = KeyMap()
        for table in self._tables():
            self.n_rows += table.num_rows
            names = distinct(table["algorithm"])
            self._algorithms.update(names)
            _check_algorithms(table, names, self.source)
            yield self._chunk(table, names, seen)

    def _tables(self) -> Iterator[pa.Table]:
        batches: list[pa.RecordBatch] = []
        n_rows = 0
        for batch, n_ignored in read_batches(self.source.file, self.source.reading):
            self.n_ignored += n_ignored
            n_rows += batch.num_rows
            batches.append(batch)
            if n_rows >= self._chunk_rows:
                yield pa.Table.from_batches(batches, SCHEMA)
                batches, n_rows = [], 0
        if n_rows:
            yield pa.Table.from_batches(batches, SCHEMA)

    def _chunk(self, table: pa.Table, names: list[str], seen: KeyMap) -> RowChunk:
        origins = self._keys.origins_of(self.source.name, table["harm"], table["classification"])
        entry_keys = self._keys.entries(origins, table["entry_id"])
        row_keys = np.empty_like(entry_keys)
        for name in names:
            is_of = has_algorithm(table, name)
            codes = codes_of(table.filter(pa.array(is_of)), get_algorithm(name).bits)
            row_keys[is_of] = self._keys.rows(entry_keys[is_of], name, codes)
        statuses = status_numbers(table["status"])
        # Row number and status in one value.
        values = table["row_number"].to_numpy() * len(STATUSES) + statuses
        first, is_first = seen.setdefault(row_keys, values)
        contradicting = np.flatnonzero(first % len(STATUSES) != statuses)
        if contradicting.size:
            row = int(contradicting[0])
            earlier = int(first[row]) // len(STATUSES)
            problem = (
                f"row {earlier} gives the same entry and hash another status; keep one of them"
            )
            raise _error(table, row, self.source, problem, "status")
        return RowChunk(table, origins, entry_keys, row_keys, statuses, is_first)


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


def distinct(texts: Column) -> list[str]:
    """Return the distinct texts of a column without nulls."""
    found: list[str] = pc.unique(texts).to_pylist()
    return found


def has_algorithm(rows: pa.Table, name: str) -> NDArray[np.bool_]:
    """Return whether each row is of an algorithm."""
    mask: NDArray[np.bool_] = pc.equal(rows["algorithm"], pa.scalar(name)).to_numpy()
    return mask


def _check_algorithms(rows: pa.Table, names: list[str], source: RecipeList) -> None:
    """Raise HashListError for the first row of an unknown algorithm or a code of another width."""
    n_bytes = pc.binary_length(rows["code"]).to_numpy()
    faults: list[tuple[int, str, str]] = []
    for name in names:
        is_of = has_algorithm(rows, name)
        try:
            bits = get_algorithm(name).bits
        except ValueError:
            known = ", ".join(sorted(algorithms()))
            is_short = len(name) <= _LONGEST_SHOWN_NAME and name.isprintable()
            problem = (
                f"{name if is_short else 'this'} is not among the algorithms known ({known}); "
                f"name it in ignore_algorithms in {RECIPE_FILE} to leave such rows out"
            )
            faults.append((int(np.argmax(is_of)), "algorithm", problem))
            continue
        other_width = is_of & (n_bytes != bits // 8)
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
