"""CSV: RFC 4180 with a header row, in UTF-8, parsed a block at a time.

Fields may also be separated by semicolons or tabs, where the header says so.

Parsers tolerate a quotation mark that is never closed, or text around a quoted field, and swallow
the rows that follow into one field: entries would be lost silently. So a guard passes the bytes on
to the parser and refuses quoting that violates RFC 4180.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator
from typing import Any, BinaryIO, Literal, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
from numpy.typing import NDArray

from hashmatch.lists.arrow_text import Column, json_objects, split_labels
from hashmatch.lists.canonical import RawRows
from hashmatch.lists.list_format import Confidence
from hashmatch.lists.list_reading import ListFile, redact
from hashmatch.lists.schema import REQUIRED_COLUMNS, SOURCE_COLUMNS

_QUOTE, _LF, _CR = b'"\n\r'
_DELIMITERS = (",", ";", "\t")
_BLOCK_BYTES = 1 << 20


class Csv:
    """CSV as a list format.

    Rows without any content, such as blank lines, count in row numbers but are left out.
    """

    name = "csv"
    suffixes = (".csv",)

    def matches(self, head: bytes) -> Confidence:
        """Return LIKELY if a header row names the columns that a list needs."""
        if b"\0" in head or head.lstrip()[:1] in (b"{", b"[", b"<"):
            return Confidence.NO
        header = head.removeprefix(codecs.BOM_UTF8).splitlines()[:1]
        for line in header:
            for delimiter in _DELIMITERS:
                names = {name.strip(b' "') for name in line.split(delimiter.encode())}
                if names.issuperset(name.encode() for name in REQUIRED_COLUMNS):
                    return Confidence.LIKELY
        return Confidence.POSSIBLE

    def read(self, stream: BinaryIO, file: ListFile) -> Iterator[RawRows]:
        """Yield the rows in order, block by block.

        HashListError if the header, the quoting, the encoding or the number of fields is wrong.
        """
        header = _read_header(stream, file)
        stream.seek(0)
        try:
            yield from _read_body(stream, header, file)
        except MisplacedQuoteError as error:
            stream.seek(0)
            row = row_at(stream, error.offset)
            problem = f"{error}; double it inside a quoted field, as in RFC 4180"
        else:
            return
        raise file.error(problem, row=row)


CSV = Csv()


class Header(NamedTuple):
    """The names of the columns, empty for those without, and the character between fields."""

    names: list[str]
    delimiter: str


def _read_header(stream: BinaryIO, file: ListFile) -> Header:
    hash_name = file.reading.column("hash")
    found = [(_read_names(stream, delimiter, file), delimiter) for delimiter in _DELIMITERS]
    names, delimiter = next((one for one in found if hash_name in one[0]), found[0])
    if not any(names):
        raise file.error("expected a header row of column names", row=1)
    for position, name in enumerate(names, start=1):
        if any("\udc80" <= character <= "\udcff" for character in name):
            raise file.error(f"the name of column {position} is not UTF-8", row=1)
        if name and name in names[: position - 1]:
            raise file.error(f"two columns have the name {redact(name)}", row=1)
    required = list(REQUIRED_COLUMNS)
    if file.reading.harm is None:
        required.append("harm")
    if file.reading.column("status") in names:  # a withdrawal needs one of hash and entry id
        required = required[:1] * (file.reading.column("entry_id") not in names)
    for canonical in (*required, *(file.reading.columns or ())):
        if file.reading.column(canonical) not in names:
            raise file.missing_column(canonical, [name for name in names if name])
    return Header(names, delimiter)


def _read_names(stream: BinaryIO, delimiter: str, file: ListFile) -> list[str]:
    stream.seek(0)
    text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="surrogateescape", newline="")
    try:
        header = next(csv.reader(text, delimiter=delimiter), None)
    except csv.Error:
        header = []
    finally:
        text.detach()
    if header is None:
        raise file.error("the file is empty; expected a header row of column names")
    return [name.strip() for name in header]


def _read_body(stream: BinaryIO, header: Header, file: ListFile) -> Iterator[RawRows]:
    n_columns = len(header.names)
    misfits: list[Any] = []
    next_row = 2
    for batch in _parse(stream, header, misfits, file):
        end_row = next_row + batch.num_rows
        if misfits:
            end_row = max(next_row, min(end_row, misfits[0].number))
        yield _raw_rows(batch.slice(0, end_row - next_row), next_row, header.names, file)
        next_row = end_row  # rows after a misfit have lost their numbers and are not checked
        if misfits and next_row == misfits[0].number:
            break
    if misfits:
        problem = f"expected {n_columns} fields, found {misfits[0].actual_columns}"
        raise file.error(
            f"{problem}; put a field with commas in quotation marks", row=misfits[0].number
        )


def _parse(
    stream: BinaryIO, header: Header, misfits: list[Any], file: ListFile
) -> Iterator[pa.RecordBatch]:
    """Yield blocks of rows as binary columns; rows with too many or few cells go to `misfits`."""

    def set_aside(row: Any) -> Literal["skip"]:
        misfits.append(row)
        return "skip"

    keys = [str(position) for position in range(len(header.names))]
    guarded: Any = QuotingGuard(stream, header.delimiter)
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
                delimiter=header.delimiter,
                newlines_in_values=True,
                ignore_empty_lines=False,
                invalid_row_handler=set_aside,
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
    raise file.error(f"a row is longer than {block_bytes >> 20} MiB, or the file is not CSV")


def _raw_rows(batch: pa.RecordBatch, first_row: int, names: list[str], file: ListFile) -> RawRows:
    numbers = pa.array(np.arange(first_row, first_row + batch.num_rows))
    filled = _find_filled(batch.columns)
    if filled is not None:
        batch, numbers = batch.filter(filled), numbers.filter(filled)
    _refuse_unnamed(batch, names, numbers, file)
    cells = {
        name: _decode(cells, name, numbers, file)
        for name, cells in zip(names, batch.columns, strict=True)
        if name
    }
    own_names = {canonical: file.reading.column(canonical) for canonical in SOURCE_COLUMNS}
    columns = {canonical: cells[name] for canonical, name in own_names.items() if name in cells}
    if "labels" in columns:
        columns["labels"] = split_labels(columns["labels"])
    columns |= {"row_number": numbers, "record": json_objects(cells)}
    return RawRows(pa.RecordBatch.from_pydict(columns))


def _refuse_unnamed(
    batch: pa.RecordBatch, names: list[str], numbers: Column, file: ListFile
) -> None:
    """Raise HashListError for content in a column without a name; an empty one is left out."""
    for position, name in enumerate(names, start=1):
        cells: Any = batch.column(position - 1)
        has_content: Column = pc.binary_length(cells).cast(pa.bool_())
        filled = -1 if name else pc.index(has_content, pa.scalar(value=True)).as_py()
        if filled >= 0:
            row = numbers[filled].as_py()
            raise file.error(f"column {position} has no name but is filled in", row=row)


def _find_filled(columns: list[Column]) -> Column:
    """Return which rows have any content; None if all have."""
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
        is_bad = [cell != cell.decode(errors="ignore").encode() for cell in cells.to_pylist()]
    row = numbers[is_bad.index(True)].as_py()
    raise file.error("not UTF-8; save the list as UTF-8", row=row, column=name)


class MisplacedQuoteError(Exception):
    """A quotation mark, `offset` bytes into the file, that breaks the quoting."""

    def __init__(self, offset: int, problem: str) -> None:
        super().__init__(problem)
        self.offset = offset


class QuotingGuard(io.RawIOBase):
    """A readable stream of a CSV file, without its byte order mark and with a final line break.

    `read` raises `MisplacedQuoteError` for wrong quoting. Not thread-safe.
    """

    def __init__(self, file: BinaryIO, delimiter: str = ",") -> None:
        super().__init__()
        self._file = file
        self._beside_quote = np.array([ord(delimiter), _LF, _CR, _QUOTE], dtype=np.uint8)
        has_mark = file.read(len(codecs.BOM_UTF8)) == codecs.BOM_UTF8
        self._offset = len(codecs.BOM_UTF8) if has_mark else 0
        file.seek(self._offset)
        self._before = _LF  # last byte of the block before
        self._is_quoted = False  # whether that byte lies in a quoted field
        self._opened_at = 0
        self._is_ended = False

    def readable(self) -> bool:
        """Return True."""
        return True

    def read(self, size: int = -1, /) -> bytes:
        """Return `size` checked bytes, fewer only at the end; all if it is negative."""
        if size < 0:
            return b"".join(iter(lambda: self.read(_BLOCK_BYTES), b""))
        if self._is_ended or size == 0:
            return b""
        block = self._file.read(size)
        if block:
            self._check(np.frombuffer(block, dtype=np.uint8))
        if len(block) == size:
            return block
        self._is_ended = True
        if self._is_quoted:
            raise MisplacedQuoteError(self._opened_at, "a quotation mark is never closed")
        return block if self._before in (_LF, _CR) else block + b"\n"

    def _check(self, block: NDArray[np.uint8]) -> None:
        if self._before == _QUOTE and not self._is_quoted and block[0] not in self._beside_quote:
            raise MisplacedQuoteError(self._offset, "text after a quoted field")
        quotes = np.flatnonzero(block == _QUOTE)
        opening, closing = quotes[int(self._is_quoted) :: 2], quotes[int(not self._is_quoted) :: 2]
        before = np.where(opening > 0, block[opening - 1], np.uint8(self._before))
        # A quote at the end is its own successor here, and so allowed: the next block decides.
        behind = block[np.minimum(closing + 1, block.size - 1)]
        bad = [
            *opening[~np.isin(before, self._beside_quote)][:1],
            *closing[~np.isin(behind, self._beside_quote)][:1],
        ]
        if bad:
            raise MisplacedQuoteError(
                self._offset + int(min(bad)), "quotation mark inside an unquoted field"
            )
        fields = opening[before != _QUOTE]
        if fields.size:
            self._opened_at = self._offset + int(fields[-1])
        self._is_quoted ^= bool(quotes.size % 2)
        self._before = int(block[-1])
        self._offset += block.size


def row_at(file: BinaryIO, offset: int) -> int:
    """Return the number, from 1, of the row that holds the byte at `offset`.

    Quoting must be valid before that byte. Reads the file up to it.
    """
    row, is_quoted, before = 1, False, 0
    while data := file.read(min(offset, _BLOCK_BYTES)):
        offset -= len(data)
        block = np.frombuffer(data, dtype=np.uint8)
        inside = np.bitwise_xor.accumulate(block == _QUOTE) ^ is_quoted
        shifted = np.concatenate([np.array([before], dtype=np.uint8), block[:-1]])
        ends = (block == _CR) | ((block == _LF) & (shifted != _CR))
        row += int(np.count_nonzero(ends & ~inside))
        is_quoted, before = bool(inside[-1]), int(block[-1])
    return row
