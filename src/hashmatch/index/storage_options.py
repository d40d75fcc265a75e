"""Sizes that transactions work with."""

from __future__ import annotations

from dataclasses import dataclass, fields

from hashmatch.index.entry_table import BATCH_ROWS


@dataclass(frozen=True, slots=True)
class StorageOptions:
    """Sizes that a transaction works with; no answer depends on them.

    Parameters
    ----------
    kept_generations : int
        Generations kept after a commit, the current one included.
    merged_codes : int
        A commit merges small segments by itself up to this many codes.
    chunk_rows : int
        Rows of a list that are looked at together.
    batch_rows : int
        Rows in a record batch of an entry table.
    """

    kept_generations: int = 8
    merged_codes: int = 1 << 20
    chunk_rows: int = BATCH_ROWS
    batch_rows: int = BATCH_ROWS

    def __post_init__(self) -> None:
        """Check the numbers."""
        for field in fields(self):
            if getattr(self, field.name) < 1:
                raise ValueError(f"{field.name} must be at least 1")


DEFAULT_OPTIONS = StorageOptions()
