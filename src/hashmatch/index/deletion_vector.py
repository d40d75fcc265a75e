"""Deletion vectors: row numbers of a segment in ascending order, 4 bytes each, little-endian.

A row in a deletion vector is a tombstone.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]

NO_ROWS: Rows = np.empty(0, dtype=np.int64)
NO_ROWS.flags.writeable = False


def encode_rows(rows: Rows) -> bytes:
    """Return the bytes of ascending rows."""
    return rows.astype("<u4").tobytes()


def decode_rows(raw: bytes, n_rows: int) -> Rows:
    """Return the rows in `raw`; ValueError unless they ascend and are below `n_rows`."""
    rows = np.frombuffer(raw, "<u4").astype(np.int64)
    if rows.size and not ((np.diff(rows) > 0).all() and rows[-1] < n_rows):
        raise ValueError("rows")
    return rows


def contains(vector: Rows, rows: Rows) -> NDArray[np.bool_]:
    """Return whether each of `rows` is in a deletion vector; O(log size) per row."""
    if not vector.size:
        return np.zeros(rows.size, dtype=np.bool_)
    places = np.searchsorted(vector, rows)
    is_in: NDArray[np.bool_] = vector[np.minimum(places, vector.size - 1)] == rows
    return is_in


def renumber(vector: Rows, kept: Rows) -> Rows:
    """Return a vector renumbered for a segment that has only the rows `kept` (ascending)."""
    return np.flatnonzero(contains(vector, kept))
