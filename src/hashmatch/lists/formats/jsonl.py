"""Rows of a JSON Lines file as columns of text, block by block."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, BinaryIO, NoReturn

import pyarrow as pa

from hashmatch.lists.canonical import RawRows
from hashmatch.lists.list_file import ListFile
from hashmatch.lists.redaction import redact
from hashmatch.lists.schema import SOURCE_COLUMNS

_TEXT_COLUMNS = tuple(name for name in SOURCE_COLUMNS if name != "labels")
_BOM = b"\xef\xbb\xbf"


class _RowError(Exception):
    """What is wrong with one line, and in which of its columns."""

    def __init__(self, problem: str, column: str | None = None) -> None:
        super().__init__(problem)
        self.column = column


def read_jsonl(stream: BinaryIO, file: ListFile) -> Iterator[RawRows]:
    """Yield the rows of a JSON Lines file (UTF-8, an object a line) in order.

    Blank lines count as rows but are left out. HashListError where a line is not an object with
    text, whole numbers or null in the canonical columns (any number in `timestamp_s`) and a list of
    text in `labels`, and where a name given in `columns` appears in no line.
    """
    block = _Block(file)
    unseen = {file.column(canonical): canonical for canonical in file.reading.columns or ()}
    seen: dict[str, None] = {}
    for row, line in enumerate(stream, start=1):
        stripped = (line.removeprefix(_BOM) if row == 1 else line).strip()
        if not stripped:
            continue
        fault, cells = _parse_into(block, row, stripped)
        if fault is not None:
            yield block.take()  # an earlier row may be at fault too, and goes first
            raise file.error(str(fault), row=row, column=fault.column)
        if unseen:
            seen.update(dict.fromkeys(list(cells)[: 100 - len(seen)]))
            for name in unseen.keys() & cells.keys():
                del unseen[name]
        if block.is_full:
            yield block.take()
    yield block.take()
    if unseen and seen:
        raise file.missing_column(next(iter(unseen.values())), seen)


class _Block:
    """Rows gathered until there are enough of them."""

    def __init__(self, file: ListFile) -> None:
        self._names = {canonical: file.column(canonical) for canonical in _TEXT_COLUMNS}
        self._labels_name = file.column("labels")
        self._reading = file.reading
        self._clear()

    def _clear(self) -> None:
        self._n_bytes = 0
        self._numbers: list[int] = []
        self._records: list[str] = []
        self._labels: list[list[str] | None] = []
        self._text: dict[str, list[str | None]] = {name: [] for name in self._names}

    @property
    def is_full(self) -> bool:
        return (
            len(self._numbers) >= self._reading.block_rows
            or self._n_bytes >= self._reading.block_bytes
        )

    def add(self, row: int, record: str, cells: Mapping[str, Any]) -> None:
        """Add one row whole, or nothing of it and raise."""
        labels = _labels(cells.get(self._labels_name), self._labels_name)
        text = [
            _text(cells.get(name), name, is_any_number=canonical == "timestamp_s")
            for canonical, name in self._names.items()
        ]
        for column, value in zip(self._text.values(), text, strict=True):
            column.append(value)
        self._labels.append(labels)
        self._numbers.append(row)
        self._records.append(record)
        self._n_bytes += len(record)

    def take(self) -> RawRows:
        """Return the rows gathered and start anew."""
        rows = RawRows(
            numbers=pa.array(self._numbers, pa.int64()),
            text={name: pa.array(cells, pa.string()) for name, cells in self._text.items()},
            labels=pa.array(self._labels, pa.list_(pa.string())),
            record=pa.array(self._records, pa.string()),
        )
        self._clear()
        return rows


def _parse_into(block: _Block, row: int, line: bytes) -> tuple[_RowError | None, Mapping[str, Any]]:
    """Add a line to the block and return its cells, or what is wrong with it."""
    try:
        record, cells = _parse(line)
        block.add(row, record, cells)
    except _RowError as fault:
        return fault, {}
    return None, cells


def _parse(line: bytes) -> tuple[str, dict[str, Any]]:
    try:
        record = line.decode()
    except UnicodeDecodeError:
        raise _RowError("not UTF-8; save the list as UTF-8") from None
    try:
        cells = json.loads(record, object_pairs_hook=_unique_keys, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise _RowError("not JSON; expected one object a line") from None
    if not isinstance(cells, dict):
        raise _RowError("expected a JSON object")
    return record, cells


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    cells = dict(pairs)
    if len(cells) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _RowError(f"the name {redact(twice)} stands twice in one object")
    return cells


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _text(value: object, name: str, *, is_any_number: bool) -> str | None:
    if isinstance(value, str):
        return _encodable(value, name)
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if is_any_number and isinstance(value, float):
        return f"{Decimal(repr(value)):f}"
    kind = "number" if is_any_number else "whole number"
    raise _RowError(f"expected text, a {kind} or null", name)


def _labels(value: object, name: str) -> list[str] | None:
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(label, str) for label in value):
        raise _RowError('expected a list of text, such as ["a", "b"]', name)
    labels = [_encodable(label, name).strip() for label in value]
    return [label for label in labels if label] or None


def _encodable(value: str, name: str) -> str:
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise _RowError("there is half a surrogate pair in it", name) from None
    return value
