"""JSON Lines: an object a line, in UTF-8."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, BinaryIO, NoReturn

from hashmatch.lists.canonical import RawRows
from hashmatch.lists.list_format import Confidence
from hashmatch.lists.list_reading import ListFile
from hashmatch.lists.records import Record, read_records
from hashmatch.lists.redaction import redact

_BOM = b"\xef\xbb\xbf"


class JsonLines:
    """JSON Lines as a list format.

    Blank lines count as rows but are left out. What the cells may hold, `Record` says.
    """

    name = "jsonl"
    suffixes = (".jsonl", ".ndjson")

    def matches(self, head: bytes) -> Confidence:
        """Return LIKELY if the first line is a JSON object."""
        lines = head.removeprefix(_BOM).lstrip().splitlines()
        if not lines or not lines[0].startswith(b"{"):
            return Confidence.NO
        fault, _ = _try_parse(lines[0])
        return Confidence.POSSIBLE if fault else Confidence.LIKELY

    def read(self, stream: BinaryIO, file: ListFile) -> Iterator[RawRows]:
        """Yield the rows in order, block by block."""
        return read_records(_records(stream, file), file)


def _records(stream: BinaryIO, file: ListFile) -> Iterator[Record]:
    for row, line in enumerate(stream, start=1):
        stripped = (line.removeprefix(_BOM) if row == 1 else line).strip()
        if not stripped:
            continue
        fault, parsed = _try_parse(stripped)
        if fault:
            raise file.error(fault, row=row)
        yield Record(row, *parsed)


class _LineError(Exception):
    """A line that cannot be read; the message says why."""


def _try_parse(line: bytes) -> tuple[str | None, tuple[dict[str, Any], str]]:
    """Return what is wrong with a line or None, and its cells and text."""
    try:
        return None, _parse(line)
    except _LineError as fault:
        return str(fault), ({}, "")


def _parse(line: bytes) -> tuple[dict[str, Any], str]:
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


JSONL = JsonLines()
