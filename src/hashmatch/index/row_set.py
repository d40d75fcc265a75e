"""Sets of rows of a segment, as files: row numbers in ascending order, 4 bytes each.

Little-endian and unsigned. A tombstone is a row in such a set.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]

NO_ROWS: Rows = np.empty(0, dtype=np.int64)
NO_ROWS.flags.writeable = False


def encode_rows(rows: Rows) -> bytes:
    """Return the bytes of rows that ascend."""
    return rows.astype("<u4").tobytes()


def decode_rows(raw: bytes, n_rows: int) -> Rows:
    """Return the rows in `raw`; ValueError unless they ascend and are below `n_rows`."""
    rows = np.frombuffer(raw, "<u4").astype(np.int64)
    if rows.size and not ((np.diff(rows) > 0).all() and rows[-1] < n_rows):
        raise ValueError("rows")
    return rows


def among(rows: Rows, row_set: Rows) -> NDArray[np.bool_]:
    """Return which of the rows are in an ascending set; time grows with the log of its size."""
    if not row_set.size:
        return np.zeros(rows.size, dtype=np.bool_)
    places = np.searchsorted(row_set, rows)
    is_among: NDArray[np.bool_] = row_set[np.minimum(places, row_set.size - 1)] == rows
    return is_among
