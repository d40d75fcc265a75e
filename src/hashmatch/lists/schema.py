"""The canonical form of a hash list: its columns and their types."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pyarrow as pa

REQUIRED_COLUMNS = ("hash", "entry_id")
SOURCE_COLUMNS = (
    *REQUIRED_COLUMNS,
    *("algorithm", "harm", "classification", "member_id", "media_type"),
    *("quality", "timestamp_s", "severity", "labels", "status", "first_seen", "last_seen"),
)
"""Columns that describe an entry in a list file; any other column is kept only in `record`."""

STATUSES = ("active", "withdrawn", "disputed")

_FIELDS: list[pa.Field[Any]] = [
    pa.field("row_number", pa.int64(), nullable=False),
    pa.field("entry_id", pa.string(), nullable=False),
    pa.field("algorithm", pa.string(), nullable=False),
    pa.field("code", pa.binary(), nullable=False),
    pa.field("quality", pa.int16()),
    pa.field("timestamp_s", pa.float64()),
    pa.field("harm", pa.string(), nullable=False),
    pa.field("classification", pa.string()),
    pa.field("severity", pa.string()),
    pa.field("labels", pa.list_(pa.string())),
    pa.field("status", pa.string(), nullable=False),
    pa.field("member_id", pa.string()),
    pa.field("media_type", pa.string()),
    pa.field("first_seen", pa.string()),
    pa.field("last_seen", pa.string()),
    pa.field("record", pa.string(), nullable=False),
]

SCHEMA = pa.schema(_FIELDS)
"""Columns of `HashList.table`. `row_number` counts the rows of the file from 1, a CSV header being
row 1; `code` holds packed bits, most significant first; `timestamp_s` is the time of the hashed
frame in its video, null for other hashes; `record` is the row as the source gave it, as a
JSON object. In a withdrawn row, one of `entry_id` and `code` may be empty, and `harm`, too."""


@dataclass(frozen=True, slots=True, eq=False)
class HashList:
    """Entries of one source: one row per hash, in file order, with the columns of `SCHEMA`.

    `n_ignored` counts rows left out for their algorithm, or for the low quality of their frame.
    """

    table: pa.Table
    n_ignored: int = 0
