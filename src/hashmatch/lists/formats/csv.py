"""CSV: RFC 4180 with a header row, in UTF-8, parsed a block at a time."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any, BinaryIO, Literal, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from hashmatch.lists.arrow_text import Column, json_objects, split_labels
from hashmatch.lists.canonical import RawRows
from hashmatch.lists.formats.csv_quoting import MisplacedQuoteError, QuotingGuard, row_at
from hashmatch.lists.list_format import Confidence
from hashmatch.lists.list_reading import ListFile
from hashmatch.lists.redaction import redact
from hashmatch.lists.schema import REQUIRED_COLUMNS, SOURCE_COLUMNS


class _Misfit(NamedTuple):
    row: int
    n_fields: int


class Csv:
    """CSV as a list format.

    Rows without any content, such as blank lines, count as rows but are left out.
    """

    name = "csv"
    suffixes = (".csv",)

    def matches(self, head: bytes) -> Confidence:
        """Return LIKELY if there is a header row that names the columns a list needs."""
        if b"\0" in head or head.lstrip()[:1] in (b"{", b"[", b"<"):
            return Confidence.NO
        header = head.removeprefix(b"\xef\xbb\xbf").splitlines()[:1]
        names = {name.strip(b' "') for line in header for name in line.split(b",")}
        is_list = names.issuperset(name.encode() for name in REQUIRED_COLUMNS)
        return Confidence.LIKELY if is_list else Confidence.POSSIBLE

    def read(self, stream: BinaryIO, file: ListFile) -> Iterator[RawRows]:
        """Yield the rows in order, block by block.

        HashListError if the header, the quoting, the encoding or the number of fields is wrong.
        """
        names = _read_header(stream, file)
        stream.seek(0)
        try:
            yield from _read_body(stream, names, file)
        except MisplacedQuoteError as error:
            stream.seek(0)
            row = row_at(stream, error.offset)
            problem = f"{error}; double it inside a quoted field, as in RFC 4180"
        else:
            return
        raise file.error(problem, row=row)


def _read_header(stream: BinaryIO, file: ListFile) -> list[str]:
    text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="surrogateescape", newline="")
    try:
        header = next(csv.reader(text), None)
    except csv.Error:
        header = []
    finally:
        text.detach()
    if header is None:
        raise file.error("the file is empty; expected a header row of column names")
    names = [name.strip() for name in header]
    if not any(names):
        raise file.error("expected a header row of column names", row=1)
    for position, name in enumerate(names, start=1):
        if not name:
            raise file.error(f"column {position} has no name", row=1)
        if any("\udc80" <= character <= "\udcff" for character in name):
            raise file.error(f"the name of column {position} is not UTF-8", row=1)
        if name in names[: position - 1]:
            raise file.error(f"two columns have the name {redact(name)}", row=1)
    _check_names(names, file)
    return names


def _check_names(names: list[str], file: ListFile) -> None:
    needed = [*REQUIRED_COLUMNS, *(file.reading.columns or ())]
    if file.reading.harm is None:
        needed.append("harm")
    for canonical in needed:
        if file.column(canonical) not in names:
            raise file.missing_column(canonical, names)


def _read_body(stream: BinaryIO, names: list[str], file: ListFile) -> Iterator[RawRows]:
    misfits: list[_Misfit] = []
    next_row = 2
    for batch in _parse(stream, len(names), misfits, file):
        end_row = next_row + batch.num_rows
        if misfits:
            end_row = max(next_row, min(end_row, misfits[0].row))
        yield _raw_rows(batch.slice(0, end_row - next_row), next_row, names, file)
        next_row = end_row  # rows behind a misfit have lost their numbers and are not looked at
        if misfits and next_row == misfits[0].row:
            break
    if misfits:
        problem = f"expected {len(names)} fields, found {misfits[0].n_fields}"
        raise file.error(
            f"{problem}; put a field with commas in quotation marks", row=misfits[0].row
        )


def _parse(
    stream: BinaryIO, n_columns: int, misfits: list[_Misfit], file: ListFile
) -> Iterator[pa.RecordBatch]:
    """Yield blocks of rows as binary columns; a row of another width goes to `misfits` instead."""

    def set_aside(row: Any) -> Literal["skip"]:
        misfits.append(_Misfit(row.number, row.actual_columns))
        return "skip"

    keys = [str(position) for position in range(n_columns)]
    guarded: Any = QuotingGuard(stream)
    block_bytes = file.reading.block_bytes
    try:
        yield from pa_csv.open_csv(
            guarded,
            pa_csv.ReadOptions(
                use_threads=False,  # else rows would have no numbers
                block_size=block_bytes,
                column_names=keys,
                skip_rows_after_names=1,
            ),
            pa_csv.ParseOptions(
                newlines_in_values=True, ignore_empty_lines=False, invalid_row_handler=set_aside
            ),
            pa_csv.ConvertOptions(
                column_types={key: pa.binary() for key in keys},
                null_values=[],
                strings_can_be_null=False,
            ),
        )
    except pa.ArrowInvalid:
        pass  # its text may quote the row
    else:
        return
    raise file.error(f"a row is longer than {block_bytes >> 20} MiB, or not CSV at all")


def _raw_rows(batch: pa.RecordBatch, first_row: int, names: list[str], file: ListFile) -> RawRows:
    numbers = pa.array(np.arange(first_row, first_row + batch.num_rows))
    filled = _filled(batch.columns)
    if filled is not None:
        batch, numbers = batch.filter(filled), numbers.filter(filled)
    cells = {
        name: _decode(cells, name, numbers, file)
        for name, cells in zip(names, batch.columns, strict=True)
    }
    text = {
        canonical: cells[file.column(canonical)]
        for canonical in SOURCE_COLUMNS
        if file.column(canonical) in cells
    }
    labels = text.pop("labels", None)
    return RawRows(
        numbers=numbers,
        text=text,
        labels=None if labels is None else split_labels(labels),
        record=json_objects(cells),
    )


def _filled(columns: list[Column]) -> Column:
    """Return which rows have any content; None where all have."""
    filled: Column = None
    for cells in columns:
        has_content: Column = pc.binary_length(cells).cast(pa.bool_())
        filled = has_content if filled is None else pc.or_(filled, has_content)
        if filled.true_count == len(filled):
            return None
    return filled


def _decode(cells: Column, name: str, numbers: Column, file: ListFile) -> Column:
    try:
        return cells.cast(pa.string())
    except pa.ArrowInvalid:
        bad = next(i for i, cell in enumerate(cells) if not _is_utf8(cell.as_py()))
    raise file.error("not UTF-8; save the list as UTF-8", row=numbers[bad].as_py(), column=name)


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


CSV = Csv()
