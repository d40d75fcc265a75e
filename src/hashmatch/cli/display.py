"""Output: tables and notes for people on stderr, JSON for programs on stdout."""

from __future__ import annotations

import csv
import io
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, BinaryIO


def write_csv(file: BinaryIO, columns: Sequence[str], rows: Iterable[Iterable[object]]) -> None:
    """Write rows as CSV in UTF-8; names that are not UTF-8 keep their bytes."""
    text = io.TextIOWrapper(file, encoding="utf-8", errors="surrogateescape", newline="")
    try:
        # The csv module quotes a field for the characters of its line terminator, so CR is quoted
        # only if it is among them.
        writer = csv.writer(_UnixLines(text), lineterminator="\r\n")
        writer.writerow(columns)
        writer.writerows(rows)
        text.flush()
    finally:
        text.detach()


class _UnixLines:
    """A file for the csv module, whose lines end in a line feed alone."""

    def __init__(self, text: io.TextIOBase) -> None:
        self._text = text

    def write(self, line: str) -> int:
        """Write one line."""
        return self._text.write(line.removesuffix("\r\n") + "\n")


def print_json(value: Any) -> None:
    """Print one JSON document on stdout."""
    import json

    print(json.dumps(value, indent=1))


def print_table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], *, caption: str = ""
) -> None:
    """Print a table for people on stderr."""
    from rich import box
    from rich.table import Column
    from rich.text import Text

    folded = [Column(name, overflow="fold") for name in columns]
    options = {"caption": Text(caption) if caption else None, "caption_justify": "left"}
    _print_table(title, folded, rows, box=box.SIMPLE_HEAD, **options)


def print_facts(title: str, facts: Mapping[str, object]) -> None:
    """Print names and values, one pair per line, for people on stderr."""
    from rich.table import Column

    columns = [Column(no_wrap=True), Column(overflow="fold")]
    _print_table(title, columns, facts.items(), show_header=False, box=None)


def _print_table(
    title: str, columns: list[Any], rows: Iterable[Iterable[object]], **options: Any
) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*columns, title=Text(title, "bold"), title_justify="left", **options)
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    # A pipe has no width: avoid folding.  rich takes a width of 0 as given and prints nothing.
    given = os.environ.get("COLUMNS", "")
    is_given = given.isdecimal() and int(given) > 0
    width = 160 if not sys.stderr.isatty() and not is_given else None
    environment = {**os.environ, "COLUMNS": given if is_given else ""}
    Console(stderr=True, highlight=False, width=width, _environ=environment).print(table)


def print_note(text: str) -> None:
    """Print a line for people on stderr."""
    print(printable(text), file=sys.stderr)


def printable(value: object) -> str:
    """Return text safe for any terminal, with control characters and stray bytes escaped."""
    text = f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape", "surrogatepass").decode()
        for char in text
    )
