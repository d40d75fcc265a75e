"""`hashmatch hash`, and its rows as CSV, JSON Lines or Parquet."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict, astuple
from itertools import islice
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from hashmatch.cli.display import print_note, write_csv
from hashmatch.cli.options import (
    STDOUT,
    AlgorithmName,
    Decode,
    Output,
    PicturePaths,
    Workers,
    explain_missing,
    find_algorithm,
    open_output,
    with_isolation,
)

if TYPE_CHECKING:
    from hashmatch.backlog import HashedFile
    from hashmatch.workers import Isolation

COLUMNS = ("path", "algorithm", "hash", "quality", "error")
_PARQUET_ROWS = 65_536


@with_isolation
def hash_pictures(
    paths: PicturePaths,
    *,
    algorithm: AlgorithmName = "pdq",
    decode: Annotated[
        Decode,
        typer.Option(help="exact: equal to the reference; luma: faster, a few bits off."),
    ] = "exact",
    workers: Workers,
    output: Output = STDOUT,
    isolation: Isolation | None,
) -> None:
    """Hash pictures, one row per file.

    Columns are path, algorithm, hash, quality and error; rows are sorted by path. FILE ends in
    .csv, .jsonl or .parquet and appears once it is complete; on stdout the rows are CSV. A file
    that cannot be hashed also gets a row, with its error; the exit code is then 1.

    The digests md5, sha1 and sha256 take files of any kind and size; crop-resistant gives a row for
    each segment of a picture.

    Example: hashmatch hash photos/ -o hashes.csv
    """
    from hashmatch.backlog import OutputIsInputError, hash_files

    suffix = ".csv" if output == STDOUT else output.suffix.lower()
    if suffix not in _WRITERS:
        raise typer.BadParameter(
            f"{output}: expected a name that ends in {', '.join(_WRITERS)}", param_hint="--output"
        )
    find_algorithm(algorithm)
    try:
        hashed = hash_files(
            paths,
            algorithm=algorithm,
            decode=decode,
            workers=workers,
            isolation=isolation,
            output=sys.stdout.buffer if output == STDOUT else output,
        )
    except FileNotFoundError as error:
        raise explain_missing(error, paths) from None
    except OutputIsInputError as error:
        raise typer.BadParameter(str(error), param_hint="--output") from None
    n_files = n_errors = 0

    def count(rows: Iterable[HashedFile]) -> Iterator[HashedFile]:
        nonlocal n_files, n_errors
        before = None
        for row in rows:
            n_files += row.path != before  # segments of one file follow one another
            n_errors += row.error is not None
            before = row.path
            yield row

    with open_output(output) as file:
        _WRITERS[suffix](count(hashed), file)
    if n_errors:
        print_note(f"hashmatch: {n_errors:,} of {n_files:,} files could not be hashed")
        raise typer.Exit(1)


def _write_csv(rows: Iterator[HashedFile], file: BinaryIO) -> None:
    write_csv(file, COLUMNS, map(astuple, rows))


def _write_jsonl(rows: Iterator[HashedFile], file: BinaryIO) -> None:
    from hashmatch.backlog import json_row

    file.writelines(json_row(asdict(row)) for row in rows)


def _write_parquet(rows: Iterator[HashedFile], file: BinaryIO) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    types = {"quality": pa.int16()}
    schema = pa.schema([(name, types.get(name, pa.string())) for name in COLUMNS])
    # Parquet text is UTF-8; other bytes of a name are written as \xNN.
    records = (
        {**asdict(row), "path": os.fsencode(row.path).decode("utf-8", "backslashreplace")}
        for row in rows
    )
    with pq.ParquetWriter(file, schema) as writer:
        while batch := list(islice(records, _PARQUET_ROWS)):
            writer.write_table(pa.Table.from_pylist(batch, schema))


_WRITERS = {".csv": _write_csv, ".jsonl": _write_jsonl, ".parquet": _write_parquet}
