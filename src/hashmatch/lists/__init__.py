"""Read hash lists, CSV, JSON Lines or vPDQ text, into one canonical table with provenance.

A list knows where its entries come from, not what a distance is: widths of codes and names of
algorithms are the business of the index.
"""

from __future__ import annotations

from hashmatch.errors import HashListError
from hashmatch.lists.reading import is_vpdq_text, read_list
from hashmatch.lists.schema import SCHEMA, SOURCE_COLUMNS, STATUSES, HashList
from hashmatch.lists.vpdq_text import read_vpdq, vpdq_lines

__all__ = [
    "SCHEMA",
    "SOURCE_COLUMNS",
    "STATUSES",
    "HashList",
    "HashListError",
    "is_vpdq_text",
    "read_list",
    "read_vpdq",
    "vpdq_lines",
]
