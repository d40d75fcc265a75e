"""Read hash lists, CSV or JSON Lines, into one canonical table with provenance; vPDQ text beside.

A list knows where its entries come from, not what a distance is: widths of codes and names of
algorithms are the business of the catalog.
"""

from __future__ import annotations

from hashmatch.errors import HashListError
from hashmatch.lists.reading import read_list
from hashmatch.lists.schema import SCHEMA, SOURCE_COLUMNS, STATUSES, HashList
from hashmatch.lists.vpdq_text import read_vpdq, vpdq_lines

__all__ = [
    "SCHEMA",
    "SOURCE_COLUMNS",
    "STATUSES",
    "HashList",
    "HashListError",
    "read_list",
    "read_vpdq",
    "vpdq_lines",
]
