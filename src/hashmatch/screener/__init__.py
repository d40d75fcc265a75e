"""One content: decode, hash, search, decide. This floor alone knows the order.

`Screener` gives decisions; `reading` reads items and notes what became of them, `search` finds
candidates and confirms them, `matching` turns rows that an index found into one match for each
entry, `deciding` puts the decision together.
"""

from __future__ import annotations

from hashmatch.screener.matching import Found, one_per_entry
from hashmatch.screener.options import DEFAULT_OPTIONS, ScreeningOptions
from hashmatch.screener.reading import Item
from hashmatch.screener.screener import Screener
from hashmatch.screener.search import CONFIRM_BELOW_QUALITY, LUMA_MARGIN_BITS

__all__ = [
    "CONFIRM_BELOW_QUALITY",
    "DEFAULT_OPTIONS",
    "LUMA_MARGIN_BITS",
    "Found",
    "Item",
    "Screener",
    "ScreeningOptions",
    "one_per_entry",
]
