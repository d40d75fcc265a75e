"""Screening: the steps from bytes or hashes to a decision.

`ingest` reads an item, `fingerprint` hashes it, `nominate` finds the luma-decoded contents to
confirm by an exact decode, `matching` finds the entries, and `decide` puts the decision together.
`Screener` calls them in this order; each is useful on its own.
"""

from hashmatch.screener.decision import decide
from hashmatch.screener.ingestion import Item, ingest
from hashmatch.screener.nomination import nominate
from hashmatch.screener.options import DEFAULT_OPTIONS, ScreeningOptions
from hashmatch.screener.screener import Screener
from hashmatch.screener.unreachable import UnreachableHashes, find_unreachable

__all__ = [
    "DEFAULT_OPTIONS",
    "Item",
    "Screener",
    "ScreeningOptions",
    "UnreachableHashes",
    "decide",
    "find_unreachable",
    "ingest",
    "nominate",
]
