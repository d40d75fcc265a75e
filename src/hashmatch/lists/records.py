"""Records of a list, one at a time, as blocks of rows."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

import pyarrow as pa

from hashmatch.errors import HashListError
from hashmatch.lists.arrow_text import Column
from hashmatch.lists.canonical import RawRows
from hashmatch.lists.list_reading import ListFile, ListReading
from hashmatch.lists.schema import SOURCE_COLUMNS

_TEXT_COLUMNS = tuple(name for name in SOURCE_COLUMNS if name != "labels")
_MAX_NAMES = 100  # of columns, in an error that lists those seen


class Record(NamedTuple):
    """One row of a list.

    `row` is its number in the file, counted from 1. `cells` are keyed by the file's own column
    names: text, whole numbers or null (any number in `timestamp_s`), and a list of text in
    `labels`; columns that are not canonical are kept only in `text`. `text` is the row as the
    source gave it, as a JSON object; by default it is made from `cells`.
    """

    row: int
    cells: Mapping[str, Any]
    text: str | None = None


def read_records(records: Iterable[Record], file: ListFile) -> Iterator[RawRows]:
    """Yield the records in blocks, for a format that reads row by row.

    HashListError if a cell is not of a type that `Record` allows, or if a name in
    `ListReading.columns` appears in no record. Rows before a faulty one are yielded first, as they
    may hold an earlier fault.
    """
    reading = file.reading
    unseen = {reading.column(canonical): canonical for canonical in reading.columns or ()}
    seen: dict[str, None] = {}
    error: HashListError | None = None
    block, row = _Block(reading), 0
    try:
        for record in records:
            row = record.row
            block.add(record)
            if unseen:
                seen.update(dict.fromkeys(list(record.cells)[: _MAX_NAMES - len(seen)]))
                for name in unseen.keys() & record.cells.keys():
                    del unseen[name]
            if len(block.numbers) >= reading.block_rows or block.n_bytes >= reading.block_bytes:
                yield block.rows()
                block = _Block(reading)
    except _CellError as fault:
        problem, column = fault.args
        error = file.error(problem, row=row, column=column)
    except HashListError as fault:
        error = fault
    yield block.rows()
    if error is not None:
        raise error
    if unseen and seen:
        raise file.missing_column(next(iter(unseen.values())), seen)


class _CellError(Exception):
    """A cell that cannot be read; its arguments are the problem and the file's column."""


class _Block:
    """Rows gathered until there are enough of them."""

    def __init__(self, reading: ListReading) -> None:
        self._names = {canonical: reading.column(canonical) for canonical in _TEXT_COLUMNS}
        self._labels_name = reading.column("labels")
        self._labels: list[list[str] | None] = []
        self._text: dict[str, list[str | None]] = {canonical: [] for canonical in _TEXT_COLUMNS}
        self._records: list[str] = []
        self.numbers: list[int] = []
        self.n_bytes = 0

    def add(self, record: Record) -> None:
        """Add a whole row, or raise an error and add nothing."""
        cells = record.cells
        labels = _parse_labels(cells.get(self._labels_name), self._labels_name)
        text = [
            cell
            if cell is None or (isinstance(cell, str) and cell.isascii())  # nearly every cell
            else _parse_text(
                cell,
                name,
                is_any_number=canonical == "timestamp_s",
                is_hash=canonical == "hash",
            )
            for canonical, name in self._names.items()
            for cell in (cells.get(name),)
        ]
        whole = json.dumps(cells, ensure_ascii=False) if record.text is None else record.text
        for column, value in zip(self._text.values(), text, strict=True):
            column.append(value)
        self._labels.append(labels)
        self._records.append(whole)
        self.numbers.append(record.row)
        self.n_bytes += len(whole)

    def rows(self) -> RawRows:
        columns: dict[str, Column] = {
            "row_number": pa.array(self.numbers, pa.int64()),
            "record": pa.array(self._records, pa.string()),
            "labels": pa.array(self._labels, pa.list_(pa.string())),
            **{name: pa.array(cells, pa.string()) for name, cells in self._text.items()},
        }
        return RawRows(pa.RecordBatch.from_pydict(columns))


def _parse_text(value: object, name: str, *, is_any_number: bool, is_hash: bool) -> str:
    if isinstance(value, str):
        return _check_encodable(value, name)
    if isinstance(value, int) and not isinstance(value, bool) and not is_hash:
        return str(value)
    if is_any_number and isinstance(value, float):
        return f"{Decimal(repr(value)):f}"
    if is_hash:  # whose digits mean another hash if they are read as hex
        raise _CellError("expected text or null", name)
    kind = "number" if is_any_number else "whole number"
    raise _CellError(f"expected text, a {kind} or null", name)


def _parse_labels(value: object, name: str) -> list[str] | None:
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(label, str) for label in value):
        raise _CellError('expected a list of text, such as ["a", "b"]', name)
    labels = [_check_encodable(label, name).strip() for label in value]
    return [label for label in labels if label] or None


def _check_encodable(value: str, name: str) -> str:
    if not value.isascii() and value.encode(errors="ignore").decode() != value:
        raise _CellError("it contains half a surrogate pair", name)
    return value
