"""`hashmatch match`."""

from __future__ import annotations

# ruff: noqa: PLC0415  (heavy imports where they are used, so that help stays quick)
import csv
import json
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hashmatch.cli.display import utf8_text
from hashmatch.cli.options import IndexDir

if TYPE_CHECKING:
    from hashmatch.index import Index

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
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object a line instead of CSV.")
    ] = False,
) -> None:
    """Find the entries near given hashes.

    One row for each on stdout, nearest first: query, list, version, entry, harm, distance, radius,
    and the time of the frame where the entry is a video.

    Example: hashmatch match $(hashmatch hash a.jpg | tail -1 | cut -d, -f3) --index indexes/demo
    """
    from hashmatch.hashing import Digest, get_algorithm
    from hashmatch.index import Index

    index = Index.open(index_dir)
    if algorithm not in index.algorithms:
        held = ", ".join(index.algorithms) or "nothing"
        raise typer.BadParameter(f"the index holds {held}", param_hint="--algorithm")
    bits = index.bits(algorithm)
    hasher = get_algorithm(algorithm)
    if radius is None:
        radius = hasher.default_radius
    elif radius and isinstance(hasher, Digest):
        raise typer.BadParameter(
            f"{algorithm} is a digest, equal or not; leave it out", param_hint="--radius"
        )
    elif radius > bits:
        raise typer.BadParameter(f"{algorithm} has {bits} bits only", param_hint="--radius")
    queries = _queries(hashes, bits)
    found = (row for query in queries for row in _matches(index, algorithm, query, radius))
    if as_json:
        for row in found:
            print(json.dumps(row))
        return
    with utf8_text(sys.stdout.buffer) as text:
        rows = csv.writer(text, lineterminator="\n")
        rows.writerow(COLUMNS)
        rows.writerows(row.values() for row in found)


def _queries(hashes: list[str], bits: int) -> list[str]:
    """Return the hashes in lower case; BadParameter says which one is wrong, not what it is."""
    named = [(f"hash {number}", text) for number, text in enumerate(hashes, start=1) if text != "-"]
    if "-" in hashes:
        lines = (line.strip() for line in sys.stdin)
        named += [(f"line {number}", text) for number, text in enumerate(lines, start=1) if text]
    for name, text in named:
        is_hex = text.isascii() and all(one in "0123456789abcdefABCDEF" for one in text)
        if not is_hex or 4 * len(text) != bits:
            found = f"{len(text)} characters" if is_hex else "something that is not hex"
            raise typer.BadParameter(
                f"{name}: expected {bits // 4} hex digits, found {found}", param_hint="HASH"
            )
    return [text.lower() for _, text in named]


def _matches(index: Index, algorithm: str, query: str, radius: int) -> Iterator[dict[str, Any]]:
    import numpy as np

    from hashmatch.screener import Found, one_per_entry

    code = np.frombuffer(bytes.fromhex(query), dtype=np.uint8)
    result = index.search(algorithm, code[None, :], radius)
    views = np.zeros(len(result.ids), dtype=np.int64)
    every = Found(algorithm, radius, result.ids, result.distances, views, (None,))
    found = one_per_entry(index, every)
    for match in found.nearest(index, ("as_stored",), (None,), limit=None):
        yield {
            "query": query,
            "list": match.list,
            "list_version": match.list_version,
            "entry_id": match.entry_id,
            "harm": match.harm,
            "distance": match.distance,
            "radius": match.radius,
            "entry_timestamp_s": match.entry_timestamp_s,
        }
