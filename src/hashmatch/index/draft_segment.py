"""Segments of the next generation: those that stay, and those that are written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from hashmatch.files import map_file, sync_file
from hashmatch.hamming import HammingIndex
from hashmatch.hashing import get_algorithm
from hashmatch.index.deletion_vector import NO_ROWS, Rows, renumber
from hashmatch.index.directory import CODES_SUFFIX, ENTRIES_SUFFIX, LockedDirectory
from hashmatch.index.entry_table import ENTRY_SCHEMA, EntryTable, EntryWriter
from hashmatch.index.list_rows import codes_of
from hashmatch.index.manifest import Segment
from hashmatch.index.segments import OpenSegment

_MERGED = "merged"


class RowSlice(NamedTuple):
    """Some rows of codes and entries, in ascending order."""

    codes: NDArray[np.uint8]
    entries: EntryTable
    rows: Rows

    def select_codes(self) -> NDArray[np.uint8]:
        """Return the codes of the rows, without a copy where they are all."""
        return self.codes if self.rows.size == len(self.codes) else self.codes[self.rows]


@dataclass(slots=True, eq=False)
class DraftSegment:
    """A segment of the next generation: rows as stored, tombstones as they will be."""

    stored: Segment
    codes: NDArray[np.uint8]
    entries: EntryTable
    removed: Rows
    removed_before: Rows
    disabled_before: Rows

    @classmethod
    def of(cls, segment: OpenSegment) -> DraftSegment:
        """Return a segment that is there already."""
        removed, disabled = segment.removed, segment.disabled
        return cls(segment.stored, segment.index.codes, segment.entries, removed, removed, disabled)

    @property
    def n_kept(self) -> int:
        """Rows that are not removed."""
        return len(self.codes) - self.removed.size

    def kept(self) -> RowSlice:
        """Return the rows that are not removed."""
        rows = np.delete(np.arange(len(self.codes)), self.removed)
        return RowSlice(self.codes, self.entries, rows)


class SegmentWriter:
    """Codes and entries of one algorithm, spilled to staged files as they come."""

    def __init__(self, folder: LockedDirectory, algorithm: str, batch_rows: int) -> None:
        self.n_codes = 0
        self._bits = get_algorithm(algorithm).bits
        self._code_path = folder.staged(f"{algorithm}.codes")
        self.entry_path = folder.staged(f"{algorithm}.entries")
        self._code_file = folder.create(self._code_path.name)
        self._entry_file = folder.create(self.entry_path.name)
        self._entries = EntryWriter(self._entry_file, batch_rows)

    def append(self, rows: pa.Table) -> None:
        """Append rows with the column `code` and those of `ENTRY_SCHEMA`."""
        self._code_file.write(codes_of(rows, self._bits).data)
        self._entries.append(rows)
        self.n_codes += rows.num_rows

    def close(self) -> None:
        """Close the files; the lock's release removes them."""
        self._code_file.close()
        self._entry_file.close()

    def finish(self) -> RowSlice:
        """Return all rows, mapped; the entries are synced."""
        self._entries.close()
        sync_file(self._entry_file)
        self.close()
        codes = np.frombuffer(map_file(self._code_path), np.uint8).reshape(-1, self._bits // 8)
        entries = EntryTable.open(self.entry_path, self.n_codes)
        return RowSlice(codes, entries, np.arange(self.n_codes))


def merge_segments(
    folder: LockedDirectory,
    algorithm: str,
    before: Sequence[DraftSegment],
    writer: SegmentWriter | None = None,
    *,
    batch_rows: int,
    threads: int = 1,
) -> DraftSegment:
    """Write one segment: the rows of those `before` that are not removed, then those of `writer`.

    Holds codes and index of the segment, and 65,536 entries at a time.
    """
    slices = [segment.kept() for segment in before]
    entry_name = _MERGED
    if writer is not None:
        slices.append(writer.finish())
        if not before:
            entry_name = writer.entry_path.name  # is the entry table already
    if entry_name == _MERGED:
        with folder.create(_MERGED) as file:
            _write_entries(EntryWriter(file, batch_rows), slices, batch_rows)
            sync_file(file)
    codes = [part.select_codes() for part in slices]
    together = codes[0] if len(codes) == 1 else np.concatenate(codes)
    stored = store_segment(folder, algorithm, together, entry_name, threads)
    index = HammingIndex.open(folder.path / stored.codes.file)
    entries = EntryTable.open(folder.path / stored.entries.file, stored.n_codes)
    starts = np.cumsum([0, *(part.rows.size for part in slices)])
    disabled = [
        renumber(segment.disabled_before, part.rows) + start
        for segment, part, start in zip(before, slices, starts, strict=False)
    ]
    return DraftSegment(
        stored, index.codes, entries, NO_ROWS, NO_ROWS, np.concatenate([NO_ROWS, *disabled])
    )


def store_segment(
    folder: LockedDirectory,
    algorithm: str,
    codes: NDArray[np.uint8],
    entry_name: str,
    threads: int = 1,
) -> Segment:
    """Build the index of codes, uint8 (n, bits / 8), and commit it with staged entries."""
    HammingIndex.build(codes, algorithm=algorithm, threads=threads).save(folder.staged("index"))
    return Segment(
        algorithm=algorithm,
        n_codes=len(codes),
        codes=folder.commit_file("index", algorithm, CODES_SUFFIX),
        entries=folder.commit_file(entry_name, algorithm, ENTRIES_SUFFIX),
    )


def _write_entries(writer: EntryWriter, slices: Sequence[RowSlice], batch_rows: int) -> None:
    for part in slices:
        for start in range(0, part.rows.size, batch_rows):
            rows = part.rows[start : start + batch_rows]
            writer.append(part.entries.take(ENTRY_SCHEMA.names, rows))
    writer.close()
