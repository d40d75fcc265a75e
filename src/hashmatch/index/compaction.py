"""Compaction to one segment per algorithm, without removed rows; purges of earlier generations."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import numpy as np

from hashmatch.errors import IndexFormatError
from hashmatch.index.changes import DEFAULT_OPTIONS, ChangeReport, StorageOptions
from hashmatch.index.dedup import MISSING, RowKeys
from hashmatch.index.deletion_vector import NO_ROWS, Rows, renumber
from hashmatch.index.directory import (
    DISABLED_SUFFIX,
    REMOVED_SUFFIX,
    kept_generations,
    read_manifest,
)
from hashmatch.index.manifest import Origin, Segment, StoredFile
from hashmatch.index.open import open_segments
from hashmatch.index.row_lookup import key_slices, map_keys
from hashmatch.index.segment_writer import merge_segments
from hashmatch.index.segments import OpenSegment
from hashmatch.index.transaction import Transaction, open_transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class CompactionReport(ChangeReport):
    """The result of a compaction.

    `n_segments_before` and `n_segments` count the segments of all algorithms, `n_dropped` the
    removed rows that the current generation no longer has on disk, `n_purged` the rows deleted for
    good from earlier generations.
    """

    n_segments_before: int
    n_segments: int
    n_dropped: int
    n_purged: int


def compact_index(
    directory: str | os.PathLike[str],
    *,
    threads: int = 1,
    purge: bool = False,
    wait_s: float = 0.0,
    options: StorageOptions = DEFAULT_OPTIONS,
) -> CompactionReport:
    """Merge the segments of each algorithm into one, without the rows that were removed.

    Every search finds the same entries before and after, though rows get new numbers. Disabled rows
    stay. Readers need not wait; other writers fail or wait until compaction is done. It may run in
    a background thread: the native work releases the GIL.

    Parameters
    ----------
    directory : path-like
        A built folder.
    threads : int
        Threads to build with; the result does not depend on it.
    purge : bool
        Delete from all kept generations the rows that the current one does not have: then no file
        holds a removed or withdrawn hash, and a rollback cannot bring such a hash back. Earlier
        generations that are damaged are deleted entirely.
    wait_s, options
        As in `add_list`.

    Returns
    -------
    CompactionReport

    Raises
    ------
    IndexFormatError
        A file is damaged: every byte is checked first, so that damage is never copied.
    HashmatchError
        The folder was never built, another writer has the lock, or the folder cannot be written.

    Notes
    -----
    Memory holds the codes of one algorithm twice and their index once, about 300 bytes per 256-bit
    code, and 65,536 entries at a time; `purge` needs another 24 bytes a row. If killed, compaction
    leaves either the old or the new generation, complete, and a purge can be repeated. For a while,
    both generations take up disk space.
    """
    with open_transaction(
        Path(directory), wait_s=wait_s, verify=True, options=options
    ) as transaction:
        n_before = len(transaction.segments)
        n_dropped = transaction.merge(threads)
        change = transaction.commit("compact")
        n_purged = _purge_history(transaction, change.generation) if purge else 0
        return change.extend(
            CompactionReport,
            n_segments_before=n_before,
            n_segments=len(transaction.segments),
            n_dropped=n_dropped,
            n_purged=n_purged,
        )


def _purge_history(transaction: Transaction, generation: int) -> int:
    """Delete from all earlier generations the rows that the committed `generation` lacks.

    Manifests keep their number and digest, which decisions refer to, and note how many rows were
    purged. A generation that cannot be read is deleted. Returns how many rows were deleted.
    """
    purge = _Purge(transaction)
    kept = [generation]
    for number in reversed(kept_generations(transaction.directory)):
        if number < generation and purge.rewrite(number):
            kept.append(number)
    transaction.folder.collect_garbage(kept)
    return purge.n_purged


class _Purge:
    """A purge in progress: the rows that stay, and the segments rewritten without other rows."""

    def __init__(self, transaction: Transaction) -> None:
        self.n_purged = 0
        self._transaction = transaction
        self._keys = RowKeys()
        segments = transaction.segments
        parts = ((one.stored.algorithm, one.rows_except(one.removed)) for one in segments)
        self._staying, _ = map_keys(self._keys, transaction.origins, parts)
        self._open: list[OpenSegment] = []
        self._origins: tuple[Origin, ...] = ()
        self._rewritten: dict[tuple[StoredFile, StoredFile], tuple[Segment, Rows]] = {}

    def rewrite(self, generation: int) -> bool:
        """Rewrite a generation with only the rows that stay; return False if it is unreadable."""
        directory, folder = self._transaction.directory, self._transaction.folder
        try:
            manifest = read_manifest(directory, generation)
            opened = open_segments(directory, manifest, verify=True, already_open=self._open)
        except IndexFormatError:
            return False
        self._open += opened
        self._share_origins(manifest.origins)
        segments = tuple(self._rewrite_segment(segment) for segment in opened)
        if segments != manifest.segments:
            purged = msgspec.structs.replace(manifest, segments=segments)
            n_purged = manifest.n_purged + manifest.n_rows - purged.n_rows
            folder.rewrite_manifest(msgspec.structs.replace(purged, n_purged=n_purged))
        return True

    def _share_origins(self, origins: tuple[Origin, ...]) -> None:
        """Forget the rewritten segments if origins are numbered differently in this generation."""
        n_common = min(len(origins), len(self._origins))
        if origins[:n_common] != self._origins[:n_common]:
            self._origins = ()
            self._rewritten.clear()
        self._origins = max(self._origins, origins, key=len)

    def _rewrite_segment(self, segment: OpenSegment) -> Segment:
        files = segment.stored.codes, segment.stored.entries
        if files not in self._rewritten:
            self._rewritten[files] = self._drop_rows(segment)
        stored, kept = self._rewritten[files]
        if kept.size == segment.stored.n_codes:
            return segment.stored
        store = self._transaction.store_rows
        removed, disabled = renumber(segment.removed, kept), renumber(segment.disabled, kept)
        return msgspec.structs.replace(
            stored,
            removed=store(stored.algorithm, removed, REMOVED_SUFFIX),
            disabled=store(stored.algorithm, disabled, DISABLED_SUFFIX),
        )

    def _drop_rows(self, segment: OpenSegment) -> tuple[Segment, Rows]:
        """Return a segment with only the rows that stay, and their old row numbers."""
        algorithm, every = segment.stored.algorithm, segment.rows_except(NO_ROWS)
        slices = key_slices(self._keys, self._origins, algorithm, every)
        is_staying = [self._staying.get(row_keys) != MISSING for _, row_keys in slices]
        kept = np.flatnonzero(np.concatenate([np.zeros(0, dtype=np.bool_), *is_staying]))
        if kept.size == segment.stored.n_codes:
            return segment.stored, kept
        self.n_purged += segment.stored.n_codes - kept.size
        merged = merge_segments(
            self._transaction.folder,
            algorithm,
            [replace(segment, removed=np.setdiff1d(every.rows, kept))],
            batch_rows=self._transaction.options.batch_rows,
        )
        return merged.stored, kept
