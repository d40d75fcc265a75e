"""Rows of `hashmatch hash` as CSV, JSON Lines or Parquet."""

from __future__ import annotations

import csv
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, astuple, fields
from pathlib import Path
from typing import BinaryIO

from hashmatch.backlog import HashedFile, json_row
from hashmatch.cli.display import utf8_text
from hashmatch.files import write_file

Write = Callable[[HashedFile], None]

COLUMNS = tuple(field.name for field in fields(HashedFile))
_PARQUET_ROWS = 65_536


@contextmanager
def open_hash_rows(output: Path) -> Iterator[Write]:
    """Open an output for rows; ``-`` is CSV on stdout.

    A file appears under its name when it is complete, or not at all; its owner alone can read it.
    """
    if output == Path("-"):
        with _csv_rows(sys.stdout.buffer) as write:
            yield write
        return
    with write_file(output) as file, SUFFIXES[output.suffix.lower()](file) as write:
        yield write


@contextmanager
def _csv_rows(file: BinaryIO) -> Iterator[Write]:
    with utf8_text(file) as text:
        rows = csv.writer(text, lineterminator="\n")
        rows.writerow(COLUMNS)

        def write(row: HashedFile) -> None:
            rows.writerow(astuple(row))

        yield write


@contextmanager
def _jsonl_rows(file: BinaryIO) -> Iterator[Write]:
    def write(row: HashedFile) -> None:
        file.write(json_row(asdict(row)))

    yield write


@contextmanager
def _parquet_rows(file: BinaryIO) -> Iterator[Write]:
    import pyarrow as pa  # noqa: PLC0415  (not needed for the other two)
    import pyarrow.parquet as pq  # noqa: PLC0415

    types = {"quality": pa.int16()}
    schema = pa.schema([(name, types.get(name, pa.string())) for name in COLUMNS])
    held: list[dict[str, object]] = []
    with pq.ParquetWriter(file, schema) as writer:

        def flush() -> None:
            writer.write_table(pa.Table.from_pylist(held, schema))
            held.clear()

        def write(row: HashedFile) -> None:
            # Parquet text is UTF-8; other bytes of a name are written as \xNN.
            path = os.fsencode(row.path).decode("utf-8", "backslashreplace")
            held.append({**asdict(row), "path": path})
            if len(held) == _PARQUET_ROWS:
                flush()

        yield write
        flush()


SUFFIXES = {".csv": _csv_rows, ".jsonl": _jsonl_rows, ".parquet": _parquet_rows}
