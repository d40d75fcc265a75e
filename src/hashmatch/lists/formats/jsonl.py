"""JSON Lines: one object per line, in UTF-8."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from itertools import count
from typing import Any, BinaryIO, NoReturn

from hashmatch.lists.canonical import RawRows
from hashmatch.lists.list_format import Confidence
from hashmatch.lists.list_reading import ListFile, redact
from hashmatch.lists.records import Record, read_records

MAX_ROW_BYTES = 4 << 20
"""Longest line that is read, line feed included, as in CSV."""


class JsonLines:
    """JSON Lines as a list format.

    Blank lines count as rows but are left out. Cells hold what `Record` allows.
    """

    name = "jsonl"
    suffixes = (".jsonl", ".ndjson")

    def matches(self, head: bytes) -> Confidence:
        """Return LIKELY if the first line is a JSON object."""
        lines = head.removeprefix(codecs.BOM_UTF8).lstrip().splitlines()
        if not lines or not lines[0].startswith(b"{"):
            return Confidence.NO
        try:
            _parse(lines[0])
        except _LineError:
            return Confidence.POSSIBLE
        return Confidence.LIKELY

    def read(self, stream: BinaryIO, file: ListFile) -> Iterator[RawRows]:
        """Yield the rows in order, block by block."""
        return read_records(_records(stream, file), file)


JSONL = JsonLines()


def _records(stream: BinaryIO, file: ListFile) -> Iterator[Record]:
    for row in count(1):
        try:
            line = stream.readline(MAX_ROW_BYTES + 1)
            if len(line) > MAX_ROW_BYTES:
                raise _LineError(f"longer than {MAX_ROW_BYTES >> 20} MiB")
            stripped = (line.removeprefix(codecs.BOM_UTF8) if row == 1 else line).strip()
            record = Record(row, *_parse(stripped)) if stripped else None
        except _LineError as fault:
            problem = str(fault)
            break
        if not line:
            return
        if record is not None:
            yield record
    raise file.error(problem, row=row)


class _LineError(Exception):
    """A line that cannot be read; the message says why."""


def _parse(line: bytes) -> tuple[dict[str, Any], str]:
    """Return the cells and the text of a line."""
    try:
        text = line.decode()
    except UnicodeDecodeError:
        raise _LineError("not UTF-8; save the list as UTF-8") from None
    try:
        cells = json.loads(text, object_pairs_hook=_unique_keys, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise _LineError("not JSON; expected one object a line") from None
    if not isinstance(cells, dict):
        raise _LineError("expected a JSON object")
    return cells, text


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    cells = dict(pairs)
    if len(cells) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _LineError(f"the name {redact(twice)} occurs twice in one object")
    return cells


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)
