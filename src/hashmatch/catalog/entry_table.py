"""Entry tables: what the rows of a segment stand for, as an Arrow IPC file that is mapped.

Rows lie in record batches of `BATCH_ROWS`, the last one shorter, so that a row is found without a
search and one damaged offset cannot reach beyond its batch. The file is not trusted: offsets are
checked before text is read through them.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import IOBase
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.ipc
from numpy.typing import NDArray

from hashmatch.errors import IndexFormatError
from hashmatch.lists import SCHEMA as LIST_SCHEMA

BATCH_ROWS = 1 << 16

_REMEDY = "build the index again"

_Int = TypeVar("_Int", np.int32, np.int64)

_ELSEWHERE = ("algorithm", "code", "harm", "classification", "record")
_FIELDS: list[pa.Field[Any]] = [
    pa.field("entry", pa.int64(), nullable=False),
    pa.field("origin", pa.int32(), nullable=False),
    *(field for field in LIST_SCHEMA if field.name not in _ELSEWHERE),
    pa.field("record", pa.large_string(), nullable=False),  # a batch of them may pass 2 GiB
]

ENTRY_SCHEMA = pa.schema(_FIELDS)
"""`entry` numbers the distinct entries of the catalog, `origin` is an index into its origins; the
rest is as in the list, but for what the segment or the origin says."""


def write_entry_table(file: IOBase, table: pa.Table) -> None:
    """Write a table with the columns of `ENTRY_SCHEMA`; equal tables give equal bytes."""
    options = pa.ipc.IpcWriteOptions(use_threads=False)
    with pa.ipc.new_file(file, ENTRY_SCHEMA, options=options) as writer:
        for start in range(0, table.num_rows, BATCH_ROWS):
            columns = [_compact(column) for column in table.slice(start, BATCH_ROWS).columns]
            writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=ENTRY_SCHEMA))


class EntryTable:
    """A mapped entry table of `n_rows` rows.

    Opening maps the file and looks at the shape of every batch; text is read, and checked, batch by
    batch when it is asked for. Safe to use from several threads and after fork.
    """

    def __init__(self, path: Path, batches: list[pa.RecordBatch]) -> None:
        self.path = path
        self._batches = batches
        self._entries = [_integers(batch, "entry", np.int64) for batch in batches]
        self._origins = [_integers(batch, "origin", np.int32) for batch in batches]
        self._sound: set[tuple[int, str]] = set()
        self._n_rows = sum(batch.num_rows for batch in batches)

    @classmethod
    def open(cls, path: Path, n_rows: int) -> EntryTable:
        """Map a table; IndexFormatError where it does not have that many rows of `ENTRY_SCHEMA`."""
        try:
            return cls(path, _map_batches(path, n_rows))
        except (pa.ArrowException, OSError, ValueError):
            raise IndexFormatError(f"{path}: damaged or not an entry table; {_REMEDY}") from None

    def __len__(self) -> int:
        return self._n_rows

    def entries(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Ordinals of the entries of rows, int64 (m,)."""
        return self._gather(self._entries, rows, np.int64)

    def origins(self, rows: NDArray[np.int64]) -> NDArray[np.int32]:
        """Origins of the entries of rows, int32 (m,)."""
        return self._gather(self._origins, rows, np.int32)

    def cells(self, column: str, rows: NDArray[np.int64]) -> list[Any]:
        """Cells of any column as Python values, None for null."""
        found: list[Any] = [None] * rows.size
        for batch, places, local in self._by_batch(rows):
            cells = self._checked(batch, column).take(pa.array(local)).to_pylist()
            for place, cell in zip(places.tolist(), cells, strict=True):
                found[place] = cell
        return found

    def _gather(
        self, batches: list[NDArray[_Int]], rows: NDArray[np.int64], dtype: type[_Int]
    ) -> NDArray[_Int]:
        found = np.empty(rows.size, dtype=dtype)
        for batch, places, local in self._by_batch(rows):
            found[places] = batches[batch][local]
        return found

    def _by_batch(
        self, rows: NDArray[np.int64]
    ) -> Iterator[tuple[int, NDArray[np.intp], NDArray[np.int64]]]:
        """Yield each batch that holds some of the rows, which of them, and where in the batch."""
        if rows.size and not (rows.min() >= 0 and rows.max() < self._n_rows):
            raise IndexFormatError(f"{self.path}: it has no such row; {_REMEDY}")
        batches, local = np.divmod(rows, BATCH_ROWS)
        for batch in np.unique(batches).tolist():
            places = np.flatnonzero(batches == batch)
            yield batch, places, local[places]

    def _checked(self, batch: int, name: str) -> Any:
        """Return a column of a batch whose offsets and text were checked, once."""
        column: Any = self._batches[batch].column(name)
        if (batch, name) not in self._sound:
            try:
                column.validate(full=True)
            except pa.ArrowInvalid:
                raise self.damaged(name) from None
            if column.null_count and not ENTRY_SCHEMA.field(name).nullable:
                raise self.damaged(name)
            self._sound.add((batch, name))
        return column

    def damaged(self, column: str) -> IndexFormatError:
        """Return the error that says so of a column."""
        return IndexFormatError(f"{self.path}: damaged in column {column}; {_REMEDY}")


def _compact(column: Any) -> Any:
    """Return the chunks of a column as one array that shares no buffer with rows beyond it."""
    return pa.concat_arrays(column.chunks)


def _map_batches(path: Path, n_rows: int) -> list[pa.RecordBatch]:
    options = pa.ipc.IpcReadOptions(use_threads=False)  # no pool of threads to lose in a fork
    reader = pa.ipc.open_file(pa.memory_map(str(path)), options=options)
    if not reader.schema.equals(ENTRY_SCHEMA):
        raise ValueError("schema")
    batches = [reader.get_batch(position) for position in range(reader.num_record_batches)]
    sizes = [min(BATCH_ROWS, n_rows - start) for start in range(0, n_rows, BATCH_ROWS)]
    if [batch.num_rows for batch in batches] != sizes:
        raise ValueError("batches")
    for batch in batches:
        batch.validate()
    return batches


def _integers(batch: pa.RecordBatch, name: str, dtype: type[_Int]) -> NDArray[_Int]:
    column: Any = batch.column(name)
    values: NDArray[_Int] = column.to_numpy(zero_copy_only=True)  # ArrowInvalid where there is null
    if values.dtype != dtype:
        raise ValueError(name)
    return values
