"""Hashes given to `hashmatch match`: as arguments, or on stdin in one of several forms.

A line of stdin is a hash, or the name of its algorithm and a hash, as ``tx hash`` prints them.
Otherwise stdin is the output of `hashmatch hash`, as CSV or JSON Lines.
"""

from __future__ import annotations

import codecs
import csv
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

import typer

from hashmatch.errors import HashmatchError

if TYPE_CHECKING:
    from hashmatch.hashing import Algorithm
    from hashmatch.values import Hash

_MAX_LINE_BYTES = 1 << 20
_CSV_COLUMNS = {"path", "hash"}
_WHOLE_NUMBER = re.compile(r"[0-9]{1,9}")


class Query(NamedTuple):
    """A hash to match, and the file that it is of; `path` is empty if that is unknown."""

    hash: Hash
    path: str = ""


class _Row(NamedTuple):
    """One hash as text, before it is parsed; `place` says where it was found."""

    place: str
    hash: str
    algorithm: str = ""
    path: str = ""
    quality: int | None = None
    error: str = ""


def read_queries(
    hasher: Algorithm, texts: Sequence[str], stdin: BinaryIO
) -> tuple[list[Query], int]:
    """Return the hashes of the arguments and, for ``-``, of stdin; and the number of rows left out.

    Rows that record an error have no hash and are left out. BadParameter says which hash is wrong
    without showing it.
    """
    rows = [_Row(f"hash {at}", text) for at, text in enumerate(texts, start=1) if text != "-"]
    if "-" in texts:
        rows += _read_rows(stdin)
    queries = [_parse(hasher, row) for row in rows if not row.error]
    return queries, len(rows) - len(queries)


def _parse(hasher: Algorithm, row: _Row) -> Query:
    from hashmatch.fingerprint import parse_hash
    from hashmatch.values import Hash

    try:
        if row.algorithm not in ("", hasher.name):
            raise ValueError(f"not a hash by {hasher.name}; say which with --algorithm")
        parsed = parse_hash(hasher, row.hash)
        return Query(Hash(parsed.algorithm, parsed.code, row.quality), row.path)
    except ValueError as error:
        raise typer.BadParameter(f"{row.place}: {error}", param_hint="HASH") from None


def _read_rows(stdin: BinaryIO) -> Iterator[_Row]:
    lines = _read_lines(stdin)
    first = next(lines, "")
    lines = chain([first], lines)
    if first.startswith("{"):
        yield from _read_json(line for line in lines if line.strip())
    elif {*first.strip().split(",")} >= _CSV_COLUMNS:
        yield from _read_csv(lines)
    else:
        for number, line in enumerate(lines, start=1):
            words = line.split()
            if len(words) == 2:
                yield _Row(f"line {number}", words[1], algorithm=words[0])
            elif words:
                yield _Row(f"line {number}", line.strip())


def _read_line(stdin: BinaryIO) -> bytes:
    try:
        return stdin.readline(_MAX_LINE_BYTES + 1)
    except OSError as error:
        raise HashmatchError(f"stdin cannot be read: {error.strerror or error}") from None


def _read_lines(stdin: BinaryIO) -> Iterator[str]:
    """Yield lines as text, the first without a byte order mark; names keep all their bytes."""
    number = 0
    while line := _read_line(stdin):
        number += 1
        if len(line) > _MAX_LINE_BYTES:
            problem = f"line {number}: more than {_MAX_LINE_BYTES} bytes"
            raise typer.BadParameter(problem, param_hint="HASH")
        if number == 1:
            line = line.removeprefix(codecs.BOM_UTF8)
        yield line.decode("utf-8", "surrogateescape")


def _read_csv(lines: Iterator[str]) -> Iterator[_Row]:
    reader = csv.DictReader(lines, strict=True)
    number = 0
    try:
        for number, cells in enumerate(reader, start=1):
            yield _make_row(f"row {number}", cells)
    except csv.Error as error:
        problem = f"row {number + 1}: not CSV: {error}"
        raise typer.BadParameter(problem, param_hint="HASH") from None


def _read_json(lines: Iterable[str]) -> Iterator[_Row]:
    for number, line in enumerate(lines, start=1):
        try:
            cells = json.loads(line)
        except (ValueError, RecursionError):
            cells = None
        if not isinstance(cells, dict):
            problem = f"line {number}: not a JSON object"
            raise typer.BadParameter(problem, param_hint="HASH")
        yield _make_row(f"line {number}", cells)


def _make_row(place: str, cells: dict[str, Any]) -> _Row:
    """Return a row of `hashmatch hash`; the cells of CSV are text, and empty for none."""
    names = ("hash", "algorithm", "path", "quality", "error")
    text = {name: "" if (cell := cells.get(name)) is None else cell for name in names}
    quality = text.pop("quality")
    if not all(isinstance(value, str) and _is_encodable(value) for value in text.values()):
        raise typer.BadParameter(f"{place}: expected text in every column", param_hint="HASH")
    if quality != "" and _WHOLE_NUMBER.fullmatch(str(quality)) is None:
        problem = f"{place}: quality must be a whole number"
        raise typer.BadParameter(problem, param_hint="HASH")
    return _Row(place, **text, quality=None if quality == "" else int(quality))


def _is_encodable(text: str) -> bool:
    """Return whether text can be written again: half a surrogate pair cannot."""
    try:
        text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False
    return True
