"""`hashmatch match`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from operator import attrgetter
from typing import TYPE_CHECKING, Annotated

import typer

from hashmatch.cli.display import write_csv
from hashmatch.cli.options import (
    AlgorithmName,
    IndexDir,
    OptionalPolicyFile,
    open_index,
    warn_of_unreachable,
)

if TYPE_CHECKING:
    from hashmatch.hashing import Algorithm
    from hashmatch.index import Index

_FIELDS = ("list", "list_version", "entry_id", "harm", "distance", "radius", "entry_timestamp_s")
COLUMNS = ("query", *_FIELDS)
_BATCH_QUERIES = 256


def match(
    hashes: Annotated[
        list[str],
        typer.Argument(metavar="HASH", help="Hashes in hex; - reads them from stdin, one a line."),
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

    Prints a row for each on stdout, nearest first: query, list, version, entry, harm, distance,
    radius, and the time of the frame if the entry is a video. With --policy it prints decision
    rows, as hashmatch scan does.

    Example: hashmatch match $(hashmatch hash a.jpg | tail -1 | cut -d, -f3) --index indexes/demo
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
    queries = list(_parse_hashes(hasher, hashes))
    if policy is not None:
        from hashmatch.screener import Screener

        screener = Screener.open(index_dir, policy)
        warn_of_unreachable(index_dir, policy)
        for query in queries:
            decision = screener.screen_hashes({algorithm: query}, content_id=query)
            print(json.dumps(decision.to_dict(), separators=(",", ":")))
        return
    rows = _match(index, algorithm, queries, radius)
    if as_json:
        for row in rows:
            print(json.dumps(dict(zip(COLUMNS, row, strict=True))))
    else:
        write_csv(sys.stdout.buffer, COLUMNS, rows)


def _parse_hashes(hasher: Algorithm, texts: list[str]) -> Iterator[str]:
    """Yield the hashes in canonical hex; BadParameter says which is wrong without showing it."""
    from hashmatch.fingerprint import parse_hash

    named = [(f"hash {number}", text) for number, text in enumerate(texts, start=1) if text != "-"]
    if "-" in texts:
        lines = (line.decode("utf-8", "replace").strip() for line in sys.stdin.buffer)
        named += [(f"line {number}", text) for number, text in enumerate(lines, start=1) if text]
    for name, text in named:
        try:
            yield parse_hash(hasher, text).hex
        except ValueError as error:
            raise typer.BadParameter(f"{name}: {error}", param_hint="HASH") from None


def _match(index: Index, algorithm: str, queries: list[str], radius: int) -> Iterator[list[object]]:
    from hashmatch.fingerprint import fingerprint_hashes
    from hashmatch.matching import match_many

    get_fields = attrgetter(*_FIELDS)
    for start in range(0, len(queries), _BATCH_QUERIES):
        batch = queries[start : start + _BATCH_QUERIES]
        contents = [fingerprint_hashes({algorithm: query}) for query in batch]
        tables = match_many(index, contents, {algorithm: radius}, limit=None)
        for query, table in zip(batch, tables, strict=True):
            for found in table.matches:
                yield [query, *get_fields(found)]
