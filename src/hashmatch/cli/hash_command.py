"""`hashmatch hash`."""

from __future__ import annotations

# ruff: noqa: PLC0415  (heavy imports where they are used, so that help stays quick)
from pathlib import Path
from typing import Annotated

import typer

from hashmatch.cli.display import print_note
from hashmatch.cli.options import (
    DEFAULT_MEMORY_LIMIT_MIB,
    DEFAULT_TIME_LIMIT_S,
    Decode,
    Isolate,
    MemoryLimit,
    PicturePaths,
    TimeLimit,
    Truncated,
    Workers,
    make_isolation,
    missing_path_error,
)


def hash_pictures(
    paths: PicturePaths,
    *,
    algorithm: Annotated[
        str, typer.Option(help="Name of a hash or digest; hashmatch info lists them.")
    ] = "pdq",
    decode: Annotated[
        Decode,
        typer.Option(help="exact: equal to the reference; luma: less time, a few bits off."),
    ] = Decode.exact,
    workers: Workers,
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="A .csv, .jsonl or .parquet file; - is CSV on stdout.",
        ),
    ] = Path("-"),
    isolate: Isolate = False,
    time_limit: TimeLimit = DEFAULT_TIME_LIMIT_S,
    memory_limit: MemoryLimit = DEFAULT_MEMORY_LIMIT_MIB,
    truncated: Truncated = False,
) -> None:
    """Hash pictures, a row each.

    The digests md5, sha1 and sha256 take files of any kind and size; crop-resistant gives a row for
    each segment.

    Columns are path, algorithm, hash, quality and error; rows are in the order of the path. A
    file that cannot be hashed is a row too, with its error; the exit code is then 1.

    Example: hashmatch hash photos/ -o hashes.csv
    """
    from hashmatch.backlog import hash_files
    from hashmatch.cli.hash_output import SUFFIXES, open_hash_rows
    from hashmatch.hashing import get_algorithm

    if output != Path("-") and output.suffix.lower() not in SUFFIXES:
        raise typer.BadParameter(
            f"{output}: expected a name that ends in {', '.join(SUFFIXES)}", param_hint="--output"
        )
    isolation = make_isolation(
        isolate=isolate, time_limit=time_limit, memory_limit=memory_limit, truncated=truncated
    )
    try:
        get_algorithm(algorithm)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--algorithm") from None
    try:
        hashed = hash_files(
            paths,
            algorithm=algorithm,
            decode=decode.value,
            workers=workers,
            isolation=isolation,
        )
    except FileNotFoundError as error:
        raise missing_path_error(error) from None
    n_files = n_errors = 0
    before = None
    with open_hash_rows(output) as write:
        for row in hashed:
            write(row)
            n_files += row.path != before  # segments of one file follow one another
            n_errors += row.error is not None
            before = row.path
    if n_errors:
        print_note(f"hashmatch: {n_errors:,} of {n_files:,} files could not be hashed")
        raise typer.Exit(1)
