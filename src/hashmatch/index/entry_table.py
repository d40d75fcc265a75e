"""Entry tables, which say what the rows of a segment stand for: mapped Arrow IPC files.

Rows lie in record batches of `BATCH_ROWS`, the last one shorter, so that a row is found without a
search and one damaged offset cannot reach beyond its batch. The file is not trusted: offsets are
checked before text is read through them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from io import IOBase
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.ipc
from numpy.typing import NDArray

from hashmatch.errors import IndexFormatError
from hashmatch.files import map_file
from hashmatch.index.row_ranges import Places, places_at, split_rows
from hashmatch.lists import SCHEMA as LIST_SCHEMA
from hashmatch.lists import Column

BATCH_ROWS = 1 << 16

_REMEDY = "build the index again"

_Int = TypeVar("_Int", np.int32, np.int64)

_QUALITIES = 101
_ELSEWHERE = ("algorithm", "code", "harm", "classification", "record")
_FIELDS: list[pa.Field[Any]] = [
    pa.field("entry", pa.int64(), nullable=False),
    pa.field("origin", pa.int32(), nullable=False),
    *(field for field in LIST_SCHEMA if field.name not in _ELSEWHERE),
    pa.field("record", pa.large_string(), nullable=False),  # a batch of them may pass 2 GiB
]

ENTRY_SCHEMA = pa.schema(_FIELDS)
"""`entry` numbers the distinct entries of the index, `origin` is a position in its origins; the
rest is as in the list, except for what the segment or the origin says."""


class EntryWriter:
    """Writes an entry table as its rows come, holding `batch_rows` of them at most."""

    def __init__(self, file: IOBase, batch_rows: int = BATCH_ROWS) -> None:
        options = pa.ipc.IpcWriteOptions(use_threads=False)
        self._writer = pa.ipc.new_file(file, ENTRY_SCHEMA, options=options)
        self._batch_rows = batch_rows
        self._pending: list[pa.Table] = []
        self._n_pending = 0

    def append(self, rows: pa.Table) -> None:
        """Append rows that have at least the columns of `ENTRY_SCHEMA`."""
        self._pending.append(rows.select(ENTRY_SCHEMA.names).cast(ENTRY_SCHEMA))
        self._n_pending += rows.num_rows
        if self._n_pending >= self._batch_rows:
            rows = pa.concat_tables(self._pending)
            n_whole = rows.num_rows - rows.num_rows % self._batch_rows
            for start in range(0, n_whole, self._batch_rows):
                self._write(rows.slice(start, self._batch_rows))
            self._pending, self._n_pending = [rows.slice(n_whole)], rows.num_rows - n_whole

    def close(self) -> None:
        """Write the last batch and the footer. Equal rows give equal bytes, however appended."""
        if self._n_pending:
            self._write(pa.concat_tables(self._pending))
        self._writer.close()

    def _write(self, rows: pa.Table) -> None:
        # One array a column that shares no buffer with rows outside the batch.
        columns: list[Any] = [pa.concat_arrays(column.chunks) for column in rows.columns]
        self._writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=ENTRY_SCHEMA))


class EntryTable:
    """A mapped entry table.

    Opening maps the file and checks the shape of every batch; text is read and checked batch by
    batch, on first use. Safe to use from several threads and after fork.
    """

    def __init__(self, path: Path, batches: list[pa.RecordBatch]) -> None:
        self.path = path
        self._batches = batches
        # ArrowInvalid for a null.
        self._entries, self._origins = (
            [batch.column(name).to_numpy(zero_copy_only=True) for batch in batches]
            for name in ("entry", "origin")
        )
        self._checked: set[tuple[int, str]] = set()
        sizes = [batch.num_rows for batch in batches]
        self._n_rows = sum(sizes)
        self._starts = np.cumsum([0, *sizes], dtype=np.int64)

    @classmethod
    def open(cls, path: Path, n_rows: int) -> EntryTable:
        """Map a table; IndexFormatError unless it has `n_rows` rows of `ENTRY_SCHEMA`.

        OSError if the file cannot be opened.
        """
        content = map_file(path)
        try:
            return cls(path, _read_batches(content, n_rows))
        except (pa.ArrowException, OSError, ValueError):
            raise IndexFormatError(f"{path}: damaged or not an entry table; {_REMEDY}") from None

    def __len__(self) -> int:
        return self._n_rows

    def entries(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the ordinals of the entries of rows, int64 (m,)."""
        return self._gather(self._entries, rows, np.int64)

    def origins(self, rows: NDArray[np.int64]) -> NDArray[np.int32]:
        """Return the origins of the entries of rows, int32 (m,)."""
        return self._gather(self._origins, rows, np.int32)

    def cells(self, column: str, rows: NDArray[np.int64]) -> list[Any]:
        """Return cells of any column as Python values, None for null."""
        found = np.empty(rows.size, dtype=object)
        for batch, places, local in self._by_batch(rows):
            found[places] = _take(self._column(batch, column), local).to_pylist()
        return found.tolist()

    def with_first_ids(self, rows: NDArray[np.int64], n: int) -> NDArray[np.int64]:
        """Return positions in `rows`: of the first `n` by entry id, with all ties, and some others.

        Compares ids in native code, in the order of their UTF-8, which is that of `str`.
        """
        found = [np.empty(0, dtype=np.int64)]
        last: Any = None  # an id that at least n others do not come after
        for batch, places, local in self._by_batch(rows):
            ids = _take(self._column(batch, "entry_id"), local)
            chosen = np.arange(len(ids)) if last is None else _up_to(ids, last)
            ids = ids if last is None else ids.take(pa.array(chosen))
            if len(ids) > n:
                first: Any = pc.select_k_unstable(ids, n, sort_keys=[("", "ascending")])
                last = pc.max(ids.take(first))
                chosen = chosen[_up_to(ids, last)]
            found.append(places_at(places, chosen))
        return np.concatenate(found)

    def take(self, names: Sequence[str], rows: NDArray[np.int64]) -> pa.Table:
        """Return the named columns of some rows; the rows must ascend."""
        schema = pa.schema([ENTRY_SCHEMA.field(name) for name in names])
        pieces = [
            pa.table([_take(self._column(batch, name), local) for name in names], schema=schema)
            for batch, _, local in self._by_batch(rows)
        ]
        return pa.concat_tables([schema.empty_table(), *pieces])

    def rows_of(self, is_wanted: NDArray[np.bool_], entry_ids: Column | None) -> NDArray[np.int64]:
        """Return the rows with a wanted origin and one of `entry_ids` (None: any).

        `is_wanted` is bool (n_origins,). Reads all origins in native code; also all ids, if
        some row has a wanted origin.
        """
        masks = [
            is_wanted[self.below(origins, is_wanted.size, "origin")] for origins in self._origins
        ]
        mask = np.concatenate([np.empty(0, dtype=np.bool_), *masks])
        if entry_ids is not None and mask.any():
            ids = pa.chunked_array(
                [self._column(batch, "entry_id") for batch in range(len(self._batches))]
            )
            is_in: Any = pc.is_in(ids, entry_ids)
            mask &= is_in.to_numpy()
        return np.flatnonzero(mask)

    def count(
        self, n_entries: int, n_origins: int, hidden: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Count the rows that are not `hidden`.

        Returns rows per origin, int64 (n_origins,), and which entries have rows, bool (n_entries,).
        """
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
        return by_origin, is_there

    def count_qualities(self, n_origins: int, hidden: NDArray[np.int64]) -> NDArray[np.int64]:
        """Count the rows that are not `hidden` by origin and quality, int64 (n_origins, 101).

        Rows without a quality are not counted.
        """
        is_shown = np.ones(len(self), dtype=np.bool_)
        is_shown[hidden] = False
        counts = np.zeros(n_origins * _QUALITIES, dtype=np.int64)
        start = 0
        for number, origins in enumerate(self._origins):
            shown = is_shown[start : start + len(origins)]
            start += len(origins)
            column = self._column(number, "quality")
            qualities = column.fill_null(-1).to_numpy().astype(np.int64)
            if not (qualities.min() >= -1 and qualities.max() < _QUALITIES):
                raise self.damaged("quality")
            counted = shown & (qualities >= 0)
            keys = self.below(origins, n_origins, "origin").astype(np.int64) * _QUALITIES
            counts += np.bincount((keys + qualities)[counted], minlength=counts.size)
        return counts.reshape(n_origins, _QUALITIES)

    def below(self, found: NDArray[_Int], limit: int, column: str) -> NDArray[_Int]:
        """Return `found` if all values are in 0..limit-1; otherwise raise: the file is damaged."""
        if found.size and not (found.min() >= 0 and found.max() < limit):
            raise self.damaged(column)
        return found

    def _gather(
        self, batches: list[NDArray[_Int]], rows: NDArray[np.int64], dtype: type[_Int]
    ) -> NDArray[_Int]:
        found = np.empty(rows.size, dtype=dtype)
        for batch, places, local in self._by_batch(rows):
            found[places] = batches[batch][local]
        return found

    def _by_batch(self, rows: NDArray[np.int64]) -> Iterator[tuple[int, Places, Places]]:
        """Yield each batch that has some of `rows`, their positions in `rows`, and in the batch."""
        if rows.size and not (rows.min() >= 0 and rows.max() < self._n_rows):
            raise IndexFormatError(f"{self.path}: it has no such row; {_REMEDY}")
        yield from split_rows(rows, self._starts)

    def _column(self, batch: int, name: str) -> Any:
        """Return a column of a batch; its offsets and text are checked on first use."""
        column: Any = self._batches[batch].column(name)
        if (batch, name) not in self._checked:
            try:
                column.validate(full=True)
            except pa.ArrowInvalid:
                raise self.damaged(name) from None
            if column.null_count and not ENTRY_SCHEMA.field(name).nullable:
                raise self.damaged(name)
            self._checked.add((batch, name))
        return column

    def damaged(self, column: str) -> IndexFormatError:
        """Return the error for a damaged column."""
        return IndexFormatError(f"{self.path}: damaged in column {column}; {_REMEDY}")


def _take(column: Any, rows: Places) -> Any:
    """Return the cells of some rows, without a copy if they are consecutive."""
    if isinstance(rows, slice):
        return column.slice(rows.start, rows.stop - rows.start)
    return column.take(pa.array(rows))


def _up_to(ids: Any, last: Any) -> NDArray[np.intp]:
    """Return the positions of the ids that do not come after `last`."""
    is_kept: Any = pc.less_equal(ids, last)
    return np.flatnonzero(is_kept.to_numpy(zero_copy_only=False))


def _read_batches(content: memoryview, n_rows: int) -> list[pa.RecordBatch]:
    options = pa.ipc.IpcReadOptions(use_threads=False)  # no pool of threads to lose in a fork
    reader = pa.ipc.open_file(pa.py_buffer(content), options=options)
    if not reader.schema.equals(ENTRY_SCHEMA):
        raise ValueError("schema")
    batches = [reader.get_batch(position) for position in range(reader.num_record_batches)]
    sizes = [batch.num_rows for batch in batches]
    are_whole = all(size == sizes[0] for size in sizes[:-1])
    if sum(sizes) != n_rows or not are_whole or (sizes and not 0 < sizes[-1] <= sizes[0]):
        raise ValueError("batches")
    for batch in batches:
        batch.validate()
    return batches
