"""Output: tables and notes for people on stderr, JSON for programs on stdout."""

from __future__ import annotations

# ruff: noqa: PLC0415  (rich and json are loaded where they are used, so that help stays quick)
import io
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO, TextIO

if TYPE_CHECKING:
    from rich.console import Console


@contextmanager
def utf8_text(file: BinaryIO) -> Iterator[TextIO]:
    """Wrap a binary file as text; names that are not UTF-8 are written as their own bytes."""
    text = io.TextIOWrapper(file, encoding="utf-8", errors="surrogateescape", newline="")
    try:
        yield text
        text.flush()
    finally:
        text.detach()


def print_json(value: Any) -> None:
    """Print one JSON document on stdout."""
    import json

    print(json.dumps(value, indent=1))


def print_table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], *, caption: str = ""
) -> None:
    """Print a table for people on stderr."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(
        title=Text(title, "bold"),
        title_justify="left",
        caption=Text(caption) if caption else None,
        caption_justify="left",
        box=box.SIMPLE_HEAD,
    )
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    _console().print(table)


def print_facts(title: str, facts: dict[str, object]) -> None:
    """Print names and values, one pair a line, for people on stderr."""
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(title, "bold"), title_justify="left", show_header=False, box=None)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts.items():
        table.add_row(Text(printable(name)), Text(printable(value)))
    _console().print(table)


def _console() -> Console:
    from rich.console import Console

    # A pipe has no width: avoid folding.
    is_wide = not sys.stderr.isatty() and "COLUMNS" not in os.environ
    return Console(stderr=True, highlight=False, width=160 if is_wide else None)


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
