"""`hashmatch match`."""

from __future__ import annotations

# ruff: noqa: PLC0415  (heavy imports where they are used, so that help stays quick)
import csv
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hashmatch.cli.display import utf8_text
from hashmatch.cli.options import IndexDir

if TYPE_CHECKING:
    from hashmatch.hashing import Algorithm
    from hashmatch.index import Index
    from hashmatch.values import Hash

COLUMNS = (
    "query",
    "list",
    "list_version",
    "entry_id",
    "harm",
    "distance",
    "radius",
    "entry_timestamp_s",
)
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
            help="Largest distance, inclusive; the algorithm's own if left out.",
        ),
    ] = None,
    algorithm: Annotated[str, typer.Option(help="Which hash these are.")] = "pdq",
    policy: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Decide by this policy, in TOML: one decision row of JSON for each hash.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object a line instead of CSV.")
    ] = False,
) -> None:
    """Find the entries near given hashes.

    One row for each on stdout, nearest first: query, list, version, entry, harm, distance, radius,
    and the time of the frame where the entry is a video. With --policy, decision rows as of scan.

    Example: hashmatch match $(hashmatch hash a.jpg | tail -1 | cut -d, -f3) --index indexes/demo
    """
    from hashmatch.hashing import get_algorithm
    from hashmatch.index import Index

    index = Index.open(index_dir)
    if algorithm not in index.algorithms:
        held = ", ".join(index.algorithms) or "nothing"
        raise typer.BadParameter(f"the index holds {held}", param_hint="--algorithm")
    if policy is not None and radius is not None:
        raise typer.BadParameter("the policy says how near", param_hint="--radius")
    hasher = get_algorithm(algorithm)
    within = _check_radius(hasher, radius)
    queries = [parsed.hex for parsed in _parse_hashes(hasher, hashes)]
    if policy is not None:
        _print_decisions(index_dir, policy, algorithm, queries)
        return
    rows = _match(index, algorithm, queries, within)
    if as_json:
        for row in rows:
            print(json.dumps(row))
        return
    with utf8_text(sys.stdout.buffer) as text:
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(row.values() for row in rows)


def _check_radius(hasher: Algorithm, radius: int | None) -> int:
    from hashmatch.hashing import Digest

    if radius is None:
        return hasher.default_radius
    if radius and isinstance(hasher, Digest):
        raise typer.BadParameter(
            f"{hasher.name} is a digest, equal or not; leave it out", param_hint="--radius"
        )
    if radius > hasher.bits:
        limit = f"{hasher.name} has {hasher.bits} bits only"
        raise typer.BadParameter(limit, param_hint="--radius")
    return radius


def _parse_hashes(hasher: Algorithm, texts: list[str]) -> Iterator[Hash]:
    """Yield the hashes; BadParameter says which one is wrong and does not show it."""
    from hashmatch.fingerprint import parse_hash

    named = [(f"hash {number}", text) for number, text in enumerate(texts, start=1) if text != "-"]
    if "-" in texts:
        lines = (line.strip() for line in sys.stdin)
        named += [(f"line {number}", text) for number, text in enumerate(lines, start=1) if text]
    for name, text in named:
        try:
            yield parse_hash(hasher, text)
        except ValueError as error:
            raise typer.BadParameter(f"{name}: {error}", param_hint="HASH") from None


def _match(
    index: Index, algorithm: str, queries: list[str], radius: int
) -> Iterator[dict[str, Any]]:
    from hashmatch.fingerprint import fingerprint_hashes
    from hashmatch.matching import match_many

    for start in range(0, len(queries), _BATCH_QUERIES):
        batch = queries[start : start + _BATCH_QUERIES]
        contents = [fingerprint_hashes({algorithm: query}) for query in batch]
        tables = match_many(index, contents, {algorithm: radius}, limit=None)
        for query, table in zip(batch, tables, strict=True):
            for found in table.matches:
                row = asdict(found)
                yield {"query": query, **{name: row[name] for name in COLUMNS[1:]}}


def _print_decisions(index_dir: Path, policy: Path, algorithm: str, queries: list[str]) -> None:
    from hashmatch.screener import Screener

    screener = Screener.open(index_dir, policy)
    for query in queries:
        decision = screener.screen_hashes({algorithm: query}, content_id=query)
        print(json.dumps(decision.to_dict(), separators=(",", ":")))
