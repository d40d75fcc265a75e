"""Conversion of blocks of rows, as text of a file, to the canonical columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from hashmatch.lists.arrow_text import (
    Column,
    empty_to_null,
    has_control,
    has_other_than_hex,
    pack_hex,
    trim,
)
from hashmatch.lists.list_reading import ListFile
from hashmatch.lists.schema import SCHEMA, STATUSES

_PERCENT = r"^(100|[0-9]{1,2})$"
_DECIMAL = r"^[0-9]{1,15}(\.[0-9]{1,30})?$"
_FREE_TEXT = ("severity", "member_id", "media_type", "first_seen", "last_seen")


@dataclass(frozen=True, slots=True)
class RawRows:
    """A block of rows as a file has them.

    `numbers` (int64) are the rows' numbers in the file; `text` has the cells of each canonical
    column that the file has, null or empty where a row leaves it out; `labels` are lists of text;
    `record` is each row as a JSON object. `n_left_out` rows were ignored and are not in the block.
    """

    numbers: Column
    text: Mapping[str, Column]
    labels: Column | None
    record: Column
    n_left_out: int = 0

    def filter(self, mask: Column) -> RawRows:
        """Return the rows where `mask` is true."""
        return RawRows(
            self.numbers.filter(mask),
            {canonical: cells.filter(mask) for canonical, cells in self.text.items()},
            None if self.labels is None else self.labels.filter(mask),
            self.record.filter(mask),
            self.n_left_out,
        )


def canonical_rows(raw: RawRows, file: ListFile) -> tuple[pa.RecordBatch, int]:
    """Return the rows in the form of `SCHEMA`, and how many were ignored.

    HashListError for the first row that cannot be accepted as it stands.
    """
    n_rows, reading = len(raw.numbers), file.reading
    algorithm: Column = pc.utf8_lower(_trim(raw, "algorithm", reading.default_algorithm))
    if reading.ignore_algorithms:
        ignored = pa.array(sorted(reading.ignore_algorithms), pa.string())
        is_kept = pc.invert(pc.is_in(algorithm, ignored))
        raw, algorithm = raw.filter(is_kept), algorithm.filter(is_kept)
    block = _Block(raw, file)
    digits = block.hash_digits()
    columns = {
        "row_number": raw.numbers,
        "entry_id": block.required("entry_id", None, "give every entry an id"),
        "algorithm": algorithm,
        "harm": block.required("harm", reading.harm, "name it there or give the whole list a harm"),
        "classification": _trim(raw, "classification", reading.classification),
        "status": block.status(),
        "quality": block.number("quality", pa.int16(), _PERCENT, "a whole number from 0 to 100"),
        "timestamp_s": block.number(
            "timestamp_s", pa.float64(), _DECIMAL, "seconds from 0 on, such as 12.5"
        ),
        "labels": raw.labels,
        "record": raw.record,
        **{canonical: _trim(raw, canonical, None) for canonical in _FREE_TEXT},
    }
    if raw.labels is None:
        columns["labels"] = pa.nulls(len(raw.numbers), pa.list_(pa.string()))
    block.raise_first_fault()
    columns["code"] = pack_hex(digits)
    batch = pa.RecordBatch.from_arrays([columns[name] for name in SCHEMA.names], schema=SCHEMA)
    return batch, n_rows - len(raw.numbers) + raw.n_left_out


class _Block:
    """Columns of one block of rows, and the first fault of each check: (row, column, problem)."""

    def __init__(self, raw: RawRows, file: ListFile) -> None:
        self._raw = raw
        self._file = file
        self._faults: list[tuple[int, str, str]] = []

    def required(self, canonical: str, default: str | None, remedy: str) -> Column:
        """Return trimmed text on one line, a fault where there is none."""
        cells = _trim(self._raw, canonical, default)
        self._check(pc.is_null(cells), canonical, f"empty; {remedy}")
        problem = "there is a line break or control character in it"
        self._check(has_control(cells), canonical, problem)
        return cells

    def hash_digits(self) -> Column:
        """Return hex digits, two for each byte."""
        cells = pc.fill_null(_trim(self._raw, "hash", None), "")
        self._check(pc.equal(cells, pa.scalar("")), "hash", "empty; every entry needs a hash")
        problem = "expected hex digits; leave out rows of another kind by ignore_algorithms"
        self._check(has_other_than_hex(cells), "hash", problem)
        is_odd = pc.bit_wise_and(pc.binary_length(cells), pa.scalar(1, pa.int32()))
        problem = "expected an even number of hex digits; is it cut short?"
        self._check(is_odd.cast(pa.bool_()), "hash", problem)
        return cells

    def status(self) -> Column:
        cells = pc.utf8_lower(_trim(self._raw, "status", "active"))
        is_unknown = pc.invert(pc.is_in(cells, pa.array(STATUSES)))
        self._check(is_unknown, "status", f"expected one of: {', '.join(STATUSES)}")
        return cells

    def number(self, canonical: str, kind: Any, pattern: str, expected: str) -> Column:
        """Return numbers of text that matches a pattern, null where there is none."""
        cells = _trim(self._raw, canonical, None)
        is_other: Column = pc.invert(pc.match_substring_regex(cells, pattern))
        self._check(is_other, canonical, f"expected {expected}")
        return pa.nulls(len(cells), kind) if self._faults else cells.cast(kind)

    def raise_first_fault(self) -> None:
        """Raise HashListError for the fault in the lowest row; in one row, the first found."""
        if self._faults:
            row, canonical, problem = min(self._faults, key=lambda fault: fault[0])
            column = self._file.reading.column(canonical)
            raise self._file.error(problem, row=row, column=column)

    def _check(self, is_bad: Column, canonical: str, problem: str) -> None:
        first = pc.index(is_bad, True).as_py()
        if first >= 0:
            self._faults.append((self._raw.numbers[first].as_py(), canonical, problem))


def _trim(raw: RawRows, canonical: str, default: str | None) -> Column:
    cells = raw.text.get(canonical)
    if cells is None:
        return pa.repeat(pa.scalar(default, pa.string()), len(raw.numbers))
    cells = empty_to_null(trim(cells))
    return cells if default is None else pc.fill_null(cells, default)
