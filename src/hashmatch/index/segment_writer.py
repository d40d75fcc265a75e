"""Writing of segments: rows spilled to disk as they arrive, and segments merged into one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from hashmatch.files import map_file, sync_file
from hashmatch.hamming import HammingIndex
from hashmatch.hashing import get_algorithm
from hashmatch.index.deletion_vector import NO_ROWS, renumber
from hashmatch.index.directory import CODES_SUFFIX, ENTRIES_SUFFIX, LockedDirectory
from hashmatch.index.entry_table import ENTRY_SCHEMA, EntryTable, EntryWriter
from hashmatch.index.list_rows import codes_of
from hashmatch.index.manifest import Segment
from hashmatch.index.segments import OpenSegment, RowSlice


class SegmentWriter:
    """Codes and entries of one algorithm, written to staged files as they arrive."""

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
    before: Sequence[OpenSegment],
    writer: SegmentWriter | None = None,
    *,
    batch_rows: int,
    threads: int = 1,
) -> OpenSegment:
    """Write one segment: the rows of the segments `before`, without removed ones, and of `writer`.

    Memory holds codes and index of the segment, and `batch_rows` entries at a time. `disabled` of
    the new segment is renumbered, but not stored yet.
    """
    slices = [segment.rows_except(segment.removed) for segment in before]
    if writer is not None:
        slices.append(writer.finish())
    if writer is not None and not before:
        entry_name = writer.entry_path.name  # is the entry table already
    else:
        entry_name = "merged"
        with folder.create(entry_name) as file:
            merged = EntryWriter(file, batch_rows)
            for batch in (batch for part in slices for batch in part.split(batch_rows)):
                merged.append(batch.entries.take(ENTRY_SCHEMA.names, batch.rows))
            merged.close()
            sync_file(file)
    parts = [part.select_codes() for part in slices]
    codes = parts[0] if len(parts) == 1 else np.concatenate(parts)
    HammingIndex.build(codes, algorithm=algorithm, threads=threads).save(folder.staged("index"))
    stored = Segment(
        algorithm=algorithm,
        n_codes=len(codes),
        codes=folder.commit_file("index", algorithm, CODES_SUFFIX),
        entries=folder.commit_file(entry_name, algorithm, ENTRIES_SUFFIX),
    )
    index = HammingIndex.open(folder.path / stored.codes.file)
    entries = EntryTable.open(folder.path / stored.entries.file, stored.n_codes)
    starts = np.cumsum([0, *(part.rows.size for part in slices)])
    disabled = [
        renumber(segment.disabled, part.rows) + start
        for segment, part, start in zip(before, slices, starts, strict=False)
    ]
    return OpenSegment(stored, index, entries, NO_ROWS, np.concatenate([NO_ROWS, *disabled]))
