"""Entry tables: what the rows of a segment stand for, as an Arrow IPC file that is mapped.

Rows lie in record batches of `BATCH_ROWS`, the last one shorter, so that a row is found without a
search and one damaged offset cannot reach beyond its batch. The file is not trusted: offsets are
checked before text is read through them.

A table whose rows are of no frame of a video has no column `timestamp_s`, as all had none before
there were lists of videos.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from io import IOBase
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.ipc
from numpy.typing import NDArray

from hashmatch.errors import IndexFormatError
from hashmatch.lists import SCHEMA as LIST_SCHEMA
from hashmatch.lists import Column

BATCH_ROWS = 1 << 16

_REMEDY = "build the index again"

_Int = TypeVar("_Int", np.int32, np.int64)

_TIME = "timestamp_s"
_ELSEWHERE = ("algorithm", "code", "harm", "classification", "record")
_FIELDS: list[pa.Field[Any]] = [
    pa.field("entry", pa.int64(), nullable=False),
    pa.field("origin", pa.int32(), nullable=False),
    *(field for field in LIST_SCHEMA if field.name not in _ELSEWHERE),
    pa.field("record", pa.large_string(), nullable=False),  # a batch of them may pass 2 GiB
]

ENTRY_SCHEMA = pa.schema(_FIELDS)
"""`entry` numbers the distinct entries of the index, `origin` is an index into its origins; the
rest is as in the list, but for what the segment or the origin says."""

TIMELESS_SCHEMA = pa.schema([field for field in ENTRY_SCHEMA if field.name != _TIME])
"""The same of rows that are of no frame of a video."""


def entry_rows(table: pa.Table) -> pa.Table:
    """Return what an entry table keeps of rows of a list, in the schema that it takes."""
    column: Any = table[_TIME]
    has_times = column.null_count < table.num_rows
    schema = ENTRY_SCHEMA if has_times else TIMELESS_SCHEMA
    return table.select(schema.names).cast(schema)


def entry_batches(table: pa.Table) -> Iterator[pa.Table]:
    """Yield a table with the columns of an entry table as `write_entry_batches` takes it."""
    starts = range(0, table.num_rows, BATCH_ROWS)
    return (table.slice(start, BATCH_ROWS) for start in starts)


def write_entry_batches(file: IOBase, schema: pa.Schema, batches: Iterable[pa.Table]) -> None:
    """Write tables of `BATCH_ROWS` rows, the last one shorter, with the columns of `schema`.

    That is `ENTRY_SCHEMA` or `TIMELESS_SCHEMA`. Equal tables give equal bytes.
    """
    options = pa.ipc.IpcWriteOptions(use_threads=False)
    with pa.ipc.new_file(file, schema, options=options) as writer:
        for batch in batches:
            columns = [_compact(column) for column in batch.columns]
            writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=schema))


class Counts(NamedTuple):
    """Rows by origin, int64 (n_origins,), and which entries have any, bool (n_entries,)."""

    by_origin: NDArray[np.int64]
    is_there: NDArray[np.bool_]


class EntryTable:
    """A mapped entry table of `n_rows` rows.

    Opening maps the file and looks at the shape of every batch; text is read, and checked, batch by
    batch when it is asked for. Safe to use from several threads and after fork.
    """

    def __init__(self, path: Path, batches: list[pa.RecordBatch]) -> None:
        self.path = path
        self._batches = batches
        self._has_times = bool(batches) and _TIME in batches[0].schema.names
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

    @property
    def schema(self) -> pa.Schema:
        """`ENTRY_SCHEMA`, or `TIMELESS_SCHEMA` where no row is of a frame of a video."""
        return ENTRY_SCHEMA if self._has_times else TIMELESS_SCHEMA

    def entries(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Ordinals of the entries of rows, int64 (m,)."""
        return self._gather(self._entries, rows, np.int64)

    def origins(self, rows: NDArray[np.int64]) -> NDArray[np.int32]:
        """Origins of the entries of rows, int32 (m,)."""
        return self._gather(self._origins, rows, np.int32)

    def cells(self, column: str, rows: NDArray[np.int64]) -> list[Any]:
        """Cells of any column as Python values, None for null."""
        found: list[Any] = [None] * rows.size
        if column == _TIME and not self._has_times:
            return found
        for batch, places, local in self._by_batch(rows):
            cells = self._checked(batch, column).take(pa.array(local)).to_pylist()
            for place, cell in zip(places.tolist(), cells, strict=True):
                found[place] = cell
        return found

    def take(self, names: Sequence[str], rows: NDArray[np.int64]) -> pa.Table:
        """Return columns of rows, which must ascend."""
        schema = pa.schema([ENTRY_SCHEMA.field(name) for name in names])
        pieces = [
            pa.table(
                {name: self._checked(batch, name).take(pa.array(local)) for name in names}, schema
            )
            for batch, _, local in self._by_batch(rows)
        ]
        return pa.concat_tables([schema.empty_table(), *pieces])

    def rows_of(self, is_wanted: NDArray[np.bool_], entry_ids: Column | None) -> NDArray[np.int64]:
        """Return the rows whose origin `is_wanted` and whose id is among `entry_ids` (None: any).

        Reads all origins, and all ids where there are such origins, in native code.
        """
        mask = self._has_origin(is_wanted)
        if entry_ids is not None and mask.any():
            ids = pa.chunked_array(
                [self._checked(batch, "entry_id") for batch in range(len(self._batches))]
            )
            is_in: Any = pc.is_in(ids, entry_ids)
            mask &= is_in.to_numpy()
        return np.flatnonzero(mask)

    def count(self, n_entries: int, n_origins: int, hidden: NDArray[np.int64]) -> Counts:
        """Count by origin, and note the entries of, all rows but the `hidden`."""
        is_shown = np.ones(len(self), dtype=np.bool_)
        is_shown[hidden] = False
        is_there = np.zeros(n_entries, dtype=np.bool_)
        by_origin = np.zeros(n_origins, dtype=np.int64)
        start = 0
        for entries, origins in zip(self._entries, self._origins, strict=True):
            shown = is_shown[start : start + len(entries)]
            start += len(entries)
            is_there[self.below(entries, n_entries, "entry")[shown]] = True
            shown_origins = self.below(origins, n_origins, "origin")[shown]
            by_origin += np.bincount(shown_origins, minlength=n_origins)
        return Counts(by_origin, is_there)

    def below(self, found: NDArray[_Int], limit: int, column: str) -> NDArray[_Int]:
        """Return `found` if all of it is in 0..limit-1, else the file must be damaged."""
        if found.size and not (found.min() >= 0 and found.max() < limit):
            raise self.damaged(column)
        return found

    def _has_origin(self, is_wanted: NDArray[np.bool_]) -> NDArray[np.bool_]:
        masks = [
            is_wanted[self.below(origins, is_wanted.size, "origin")] for origins in self._origins
        ]
        return np.concatenate([np.empty(0, dtype=np.bool_), *masks])

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
        if name == _TIME and not self._has_times:
            return pa.nulls(self._batches[batch].num_rows, pa.float64())
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
    if not (reader.schema.equals(ENTRY_SCHEMA) or reader.schema.equals(TIMELESS_SCHEMA)):
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
