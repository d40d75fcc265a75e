"""Conversion of blocks of rows from the text of a file to the canonical columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from hashmatch.lists import arrow_text
from hashmatch.lists.arrow_text import Column
from hashmatch.lists.list_reading import ListFile
from hashmatch.lists.schema import SCHEMA, STATUSES

_PERCENT = r"^(100|[0-9]{1,2})$"
_DECIMAL = r"^[0-9]{1,15}(\.[0-9]{1,30})?$"
_REMEDIES = {
    "entry_id": "give every entry an id",
    "harm": "name it there or give the whole list a harm",
}
_FREE_TEXT = ("severity", "member_id", "media_type", "first_seen", "last_seen")


@dataclass(frozen=True, slots=True)
class RawRows:
    """A block of rows as a file has them.

    The columns of `rows` are `row_number`, int64; `record`, each row as a JSON object; and those
    `SOURCE_COLUMNS` that the file has: text, null or empty if a row leaves it out, or lists of text
    in `labels`. `n_left_out` further rows were ignored.
    """

    rows: pa.RecordBatch
    n_left_out: int = 0


def canonical_rows(raw: RawRows, file: ListFile) -> tuple[pa.RecordBatch, int]:
    """Return the rows in the form of `SCHEMA`, and the number ignored.

    HashListError for the first row that cannot be accepted.
    """
    rows, reading = raw.rows, file.reading
    algorithm: Column = pc.utf8_lower(_trim(rows, "algorithm", reading.default_algorithm))
    if reading.ignore_algorithms:
        ignored = pa.array(sorted(reading.ignore_algorithms), pa.string())
        is_kept: Column = pc.invert(pc.is_in(algorithm, ignored))
        rows, algorithm = rows.filter(is_kept), algorithm.filter(is_kept)
    block = _Block(rows, file)
    status = block.status()
    # A withdrawal may name an entry without a hash, or a hash without an entry.
    is_withdrawn: Column = pc.equal(status, pa.scalar("withdrawn"))
    names_entry: Column = pc.and_(is_withdrawn, pc.is_valid(_trim(rows, "entry_id")))
    digits = block.hash_digits(names_entry)
    has_labels = "labels" in rows.schema.names
    columns = {
        "row_number": rows["row_number"],
        "entry_id": block.optional("entry_id", is_withdrawn),
        "algorithm": algorithm,
        "harm": block.optional("harm", is_withdrawn, reading.harm),
        "classification": _trim(rows, "classification", reading.classification),
        "status": status,
        "quality": block.number("quality", pa.int16(), _PERCENT, "a whole number from 0 to 100"),
        "timestamp_s": block.number(
            "timestamp_s", pa.float64(), _DECIMAL, "seconds from 0 on, such as 12.5"
        ),
        "labels": rows["labels"] if has_labels else pa.nulls(len(rows), pa.list_(pa.string())),
        "record": rows["record"],
        **{canonical: _trim(rows, canonical) for canonical in _FREE_TEXT},
    }
    block.raise_first_fault()
    columns["code"] = arrow_text.pack_hex(digits)
    batch = pa.RecordBatch.from_arrays([columns[name] for name in SCHEMA.names], schema=SCHEMA)
    return batch, len(raw.rows) - len(rows) + raw.n_left_out


class _Block:
    """Columns of one block of rows, and the first fault of each check: (row, column, problem)."""

    def __init__(self, rows: pa.RecordBatch, file: ListFile) -> None:
        self._rows = rows
        self._file = file
        self._faults: list[tuple[int, str, str]] = []

    def optional(self, canonical: str, may_be_empty: Column, default: str | None = None) -> Column:
        """Return trimmed text on one line, empty if missing; a fault unless it may be."""
        cells = _trim(self._rows, canonical, default)
        is_missing: Column = pc.and_not(pc.is_null(cells), may_be_empty)
        self._check(is_missing, canonical, f"empty; {_REMEDIES[canonical]}")
        cells = pc.fill_null(cells, "")
        problem = "it contains a line break or control character"
        self._check(arrow_text.has_control(cells), canonical, problem)
        return cells

    def hash_digits(self, may_be_empty: Column) -> Column:
        """Return hex digits, two for each byte."""
        cells = pc.fill_null(_trim(self._rows, "hash"), "")
        is_missing: Column = pc.and_not(pc.equal(cells, pa.scalar("")), may_be_empty)
        self._check(is_missing, "hash", "empty; every entry needs a hash")
        problem = "expected hex digits; use ignore_algorithms to leave out other kinds of rows"
        self._check(arrow_text.has_other_than_hex(cells), "hash", problem)
        is_odd = pc.bit_wise_and(pc.binary_length(cells), pa.scalar(1, pa.int32()))
        problem = "expected an even number of hex digits; is it cut short?"
        self._check(is_odd.cast(pa.bool_()), "hash", problem)
        return cells

    def status(self) -> Column:
        cells = pc.utf8_lower(_trim(self._rows, "status", "active"))
        is_unknown = pc.invert(pc.is_in(cells, pa.array(STATUSES)))
        self._check(is_unknown, "status", f"expected one of: {', '.join(STATUSES)}")
        return cells

    def number(self, canonical: str, kind: Any, pattern: str, expected: str) -> Column:
        """Return a column as numbers: its text must match `pattern`, and an empty cell is null."""
        cells = _trim(self._rows, canonical)
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
            self._faults.append((self._rows["row_number"][first].as_py(), canonical, problem))


def _trim(rows: pa.RecordBatch, canonical: str, default: str | None = None) -> Column:
    if canonical not in rows.schema.names:
        return pa.repeat(pa.scalar(default, pa.string()), len(rows))
    cells = arrow_text.empty_to_null(arrow_text.trim(rows[canonical]))
    return cells if default is None else pc.fill_null(cells, default)
