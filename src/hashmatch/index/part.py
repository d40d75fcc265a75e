"""Segments of a draft, and rows of a list found in them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from hashmatch.hamming import HammingIndex
from hashmatch.index.entry_table import EntryTable
from hashmatch.index.manifest import Segment
from hashmatch.index.row_set import NO_ROWS, Rows

IDENTITY_COLUMNS = ("harm", "classification", "entry_id", "algorithm", "code")
"""Rows of one list that have all of these alike say the same."""


@dataclass(slots=True, eq=False)
class Part:
    """A segment of the draft: rows as they are stored, and tombstones as they will be."""

    stored: Segment
    index: HammingIndex
    entries: EntryTable
    removed: Rows = field(default_factory=lambda: NO_ROWS)
    removed_before: Rows = field(default_factory=lambda: NO_ROWS)
    disabled_before: Rows = field(default_factory=lambda: NO_ROWS)

    def kept(self) -> Rows:
        """Return the rows that are not removed."""
        return np.delete(np.arange(len(self.index)), self.removed)


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """Rows of one list that are in the draft, removed ones with them.

    `table` has the `IDENTITY_COLUMNS` and the status; `part` and `row` say where each row is.
    """

    table: pa.Table
    part: NDArray[np.int64]
    row: Rows
    entry: NDArray[np.int64]
    is_live: NDArray[np.bool_]

    def live_ids(self) -> set[str]:
        """Return the ids of entries that have a row which is not removed."""
        ids: Any = self.table["entry_id"].filter(pa.array(self.is_live))
        return set(ids.to_pylist())
