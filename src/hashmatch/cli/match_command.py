"""`hashmatch match`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from operator import attrgetter
from typing import TYPE_CHECKING, Annotated

import typer

from hashmatch.cli.display import print_note, write_csv
from hashmatch.cli.given_hashes import Query, read_queries
from hashmatch.cli.options import (
    AlgorithmName,
    IndexDir,
    OptionalPolicyFile,
    open_index,
    warn_of_unreachable,
)

if TYPE_CHECKING:
    from hashmatch.index import Index

_FIELDS = ("list", "list_version", "entry_id", "harm", "distance", "radius", "entry_timestamp_s")
COLUMNS = ("query", "path", *_FIELDS)
_BATCH_QUERIES = 256


def match(
    hashes: Annotated[
        list[str],
        typer.Argument(
            metavar="HASH",
            help="Hashes in hex; - reads them from stdin: one a line, or the output of hashmatch "
            "hash.",
        ),
    ],
    *,
    index_dir: IndexDir,
    radius: Annotated[
        int | None,
        typer.Option(
            metavar="BITS",
            min=0,
            help="Largest distance, inclusive; by default that of the algorithm.",
        ),
    ] = None,
    algorithm: AlgorithmName = "pdq",
    policy: OptionalPolicyFile = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object a line instead of CSV.")
    ] = False,
) -> None:
    """Find the entries near given hashes.

    Prints a row for each on stdout, nearest first: query, path of the file if known, list, version,
    entry, harm, distance, radius, and the time of the frame if the entry is a video. With --policy
    it prints decision rows, as hashmatch scan does.

    Example: hashmatch hash uploads/ | hashmatch match - --index indexes/demo
    """
    from hashmatch.hashing import Digest, get_algorithm

    index = open_index(index_dir, algorithm)
    if policy is not None and radius is not None:
        raise typer.BadParameter("not with --policy, which sets the radius", param_hint="--radius")
    hasher = get_algorithm(algorithm)
    largest = 0 if isinstance(hasher, Digest) else hasher.bits
    if radius is None:
        radius = hasher.default_radius
    elif radius > largest:
        problem = f"the largest radius of {algorithm} is {largest} bits"
        raise typer.BadParameter(problem, param_hint="--radius")
    queries, n_left_out = read_queries(hasher, hashes, sys.stdin.buffer)
    if n_left_out:
        print_note(f"hashmatch: {n_left_out:,} rows without a hash were left out")
    if policy is not None:
        from hashmatch.backlog import json_row
        from hashmatch.screener import Screener

        screener = Screener.open(index_dir, policy)
        warn_of_unreachable(index_dir, policy)
        for query in queries:
            content_id = query.path or query.hash.hex
            decision = screener.screen_hashes({algorithm: query.hash}, content_id=content_id)
            sys.stdout.buffer.write(json_row(decision.to_dict()))
        return
    rows = _match(index, algorithm, queries, radius)
    if as_json:
        for row in rows:
            print(json.dumps(dict(zip(COLUMNS, row, strict=True))))
    else:
        write_csv(sys.stdout.buffer, COLUMNS, rows)


def _match(
    index: Index, algorithm: str, queries: list[Query], radius: int
) -> Iterator[list[object]]:
    from hashmatch.fingerprint import fingerprint_hashes
    from hashmatch.matching import match_many

    get_fields = attrgetter(*_FIELDS)
    for start in range(0, len(queries), _BATCH_QUERIES):
        batch = queries[start : start + _BATCH_QUERIES]
        contents = [fingerprint_hashes({algorithm: query.hash}) for query in batch]
        tables = match_many(index, contents, {algorithm: radius}, limit=None)
        for query, table in zip(batch, tables, strict=True):
            for found in table.matches:
                yield [query.hash.hex, query.path, *get_fields(found)]
