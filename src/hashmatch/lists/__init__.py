"""Hash lists: files of several formats, read into one canonical table with provenance.

A list knows where its entries come from, not what a distance is: the index checks the widths of
codes and the names of algorithms.
"""

from __future__ import annotations

from hashmatch.lists.arrow_text import Column, cell_bytes
from hashmatch.lists.canonical import RawRows
from hashmatch.lists.formats.vpdq import read_vpdq, vpdq_lines
from hashmatch.lists.list_format import (
    Confidence,
    EntryFormat,
    ListFormat,
    format_problems,
    list_formats,
    register_format,
    unregister_format,
)
from hashmatch.lists.list_reading import ListFile, ListReading, is_encodable, redact
from hashmatch.lists.reading import inherit_reading, read_batches, read_list
from hashmatch.lists.records import Record, read_records
from hashmatch.lists.schema import SCHEMA, SOURCE_COLUMNS, STATUSES, HashList

__all__ = [
    "SCHEMA",
    "SOURCE_COLUMNS",
    "STATUSES",
    "Column",
    "Confidence",
    "EntryFormat",
    "HashList",
    "ListFile",
    "ListFormat",
    "ListReading",
    "RawRows",
    "Record",
    "cell_bytes",
    "format_problems",
    "inherit_reading",
    "is_encodable",
    "list_formats",
    "read_batches",
    "read_list",
    "read_records",
    "read_vpdq",
    "redact",
    "register_format",
    "unregister_format",
    "vpdq_lines",
]
