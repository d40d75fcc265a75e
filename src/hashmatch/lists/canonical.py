"""From text as a file has it to the canonical columns, whole blocks of rows at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

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
from hashmatch.lists.list_file import ListFile
from hashmatch.lists.schema import SCHEMA, STATUSES

_FREE_TEXT = (
    "classification",
    "severity",
    "member_id",
    "media_type",
    "first_seen",
    "last_seen",
)


@dataclass(frozen=True, slots=True)
class RawRows:
    """A block of rows as a file has them.

    `text` holds the cells of each canonical column that the file has, null or empty where a row
    leaves it out; `labels` is split already. `n_left_out` rows are not among them, as they are to
    be ignored.
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


class _Fault(NamedTuple):
    row: int
    canonical: str
    problem: str


def canonical_rows(raw: RawRows, file: ListFile) -> tuple[pa.RecordBatch, int]:
    """Return the rows in the form of `SCHEMA`, and how many were left out as to be ignored.

    HashListError for the first row that cannot be taken as it stands.
    """
    n_rows = len(raw.numbers)
    algorithm: Column = pc.utf8_lower(_trimmed(raw, "algorithm", file.reading.default_algorithm))
    if file.reading.ignore_algorithms:
        ignored = pa.array(sorted(file.reading.ignore_algorithms), pa.string())
        is_ignored: Column = pc.is_in(algorithm, ignored)
        kept = pc.invert(is_ignored)
        raw, algorithm = raw.filter(kept), algorithm.filter(kept)
    block = _Block(raw, file)
    digits = block.hash_digits()
    columns = {
        "row_number": raw.numbers,
        "entry_id": block.required("entry_id", None, "give every entry an id"),
        "algorithm": algorithm,
        "harm": block.required(
            "harm", file.reading.harm, "name it there or give the whole list a harm"
        ),
        "status": block.status(),
        "quality": block.quality(),
        "timestamp_s": block.timestamp_s(),
        "labels": raw.labels,
        "record": raw.record,
    }
    if raw.labels is None:
        columns["labels"] = pa.nulls(len(raw.numbers), pa.list_(pa.string()))
    for canonical in _FREE_TEXT:
        columns[canonical] = block.optional(canonical)
    block.raise_first_fault()
    columns["code"] = pack_hex(digits)
    batch = pa.RecordBatch.from_arrays([columns[name] for name in SCHEMA.names], schema=SCHEMA)
    return batch, n_rows - len(raw.numbers) + raw.n_left_out


class _Block:
    """Columns of one block of rows, and the faults found while taking them."""

    def __init__(self, raw: RawRows, file: ListFile) -> None:
        self._raw = raw
        self._file = file
        self._faults: list[_Fault] = []

    def optional(self, canonical: str) -> Column:
        """Trimmed text, null where there is none."""
        default = None
        if canonical == "classification":
            default = self._file.reading.classification
        return _trimmed(self._raw, canonical, default)

    def required(self, canonical: str, default: str | None, remedy: str) -> Column:
        """Trimmed text on one line, a fault where there is none."""
        cells = _trimmed(self._raw, canonical, default)
        self._fault(pc.is_null(cells), canonical, f"empty; {remedy}")
        self._fault(
            has_control(cells), canonical, "there is a line break or control character in it"
        )
        return cells

    def hash_digits(self) -> Column:
        cells = pc.fill_null(_trimmed(self._raw, "hash", None), "")
        self._fault(pc.equal(cells, pa.scalar("")), "hash", "empty; every entry needs a hash")
        self._fault(
            has_other_than_hex(cells),
            "hash",
            "expected hex digits; leave out rows of another kind by ignore_algorithms",
        )
        odd = _is_odd(pc.binary_length(cells))
        self._fault(odd, "hash", "expected an even number of hex digits; is it cut short?")
        return cells

    def status(self) -> Column:
        cells = pc.utf8_lower(_trimmed(self._raw, "status", "active"))
        known: Column = pc.is_in(cells, pa.array(STATUSES))
        self._fault(pc.invert(known), "status", f"expected one of: {', '.join(STATUSES)}")
        return cells

    def quality(self) -> Column:
        cells = _trimmed(self._raw, "quality", None)
        fits: Column = pc.match_substring_regex(cells, r"^(100|[0-9]{1,2})$")
        self._fault(pc.invert(fits), "quality", "expected a whole number from 0 to 100")
        if self._faults:
            return pa.nulls(len(cells), pa.int16())
        return cells.cast(pa.int16())

    def timestamp_s(self) -> Column:
        cells = _trimmed(self._raw, "timestamp_s", None)
        fits: Column = pc.match_substring_regex(cells, r"^[0-9]{1,15}(\.[0-9]{1,30})?$")
        self._fault(pc.invert(fits), "timestamp_s", "expected seconds from 0 on, such as 12.5")
        if self._faults:
            return pa.nulls(len(cells), pa.float64())
        return cells.cast(pa.float64())

    def _fault(self, bad: Column, canonical: str, problem: str) -> None:
        first = pc.index(bad, True).as_py()
        if first >= 0:
            self._faults.append(_Fault(self._raw.numbers[first].as_py(), canonical, problem))

    def raise_first_fault(self) -> None:
        if self._faults:
            fault = min(self._faults, key=lambda fault: fault.row)  # ties: the first found
            column = self._file.column(fault.canonical)
            raise self._file.error(fault.problem, row=fault.row, column=column)


def _trimmed(raw: RawRows, canonical: str, default: str | None) -> Column:
    cells = raw.text.get(canonical)
    if cells is None:
        return pa.repeat(pa.scalar(default, pa.string()), len(raw.numbers))
    cells = empty_to_null(trim(cells))
    return cells if default is None else pc.fill_null(cells, default)


def _is_odd(numbers: Column) -> Column:
    return pc.bit_wise_and(numbers, pa.scalar(1, pa.int32())).cast(pa.bool_())
