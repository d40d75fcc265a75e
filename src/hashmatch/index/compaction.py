"""Compaction: one segment an algorithm, without the rows that were removed."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from hashmatch.index.change_report import ChangeReport
from hashmatch.index.history import purge_history
from hashmatch.index.storage_options import DEFAULT_OPTIONS, StorageOptions
from hashmatch.index.transaction import open_transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class CompactionReport(ChangeReport):
    """The result of a compaction.

    Parameters
    ----------
    n_segments_before, n_segments : int
        Segments of all algorithms.
    n_dropped : int
        Removed rows that the current generation no longer has on disk.
    n_purged : int
        Rows deleted from earlier generations for good.
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
    stay. Readers are not held up; other writers are told, or wait, until it is done. Call it in a
    thread to go on meanwhile: the native work releases the GIL.

    Parameters
    ----------
    directory : path-like
        A built folder.
    threads : int
        Threads to build with; the result does not depend on it.
    purge : bool
        Delete from all kept generations the rows that the current one does not have: then no file
        holds a hash that was removed or withdrawn, and a rollback cannot bring one back. Earlier
        generations that are damaged are deleted whole.
    wait_s : float
        Seconds to wait for another writer to finish.
    options : StorageOptions
        Sizes, and how many generations are kept.

    Returns
    -------
    CompactionReport

    Raises
    ------
    IndexFormatError
        A file is damaged: every byte is checked first, so that damage is never carried on.
    HashmatchError
        The folder was never built, another writer has the lock, or the folder cannot be written.

    Notes
    -----
    Holds the codes of one algorithm twice and their index once, about 300 bytes a code of 256
    bits, and 65,536 entries at a time; `purge` holds 24 bytes a row besides. Killed at any moment,
    it leaves the generation before or the one after, whole, and a purge can be repeated; on disk,
    both lie side by side for a while.
    """
    with open_transaction(
        Path(directory), wait_s=wait_s, verify=True, options=options
    ) as transaction:
        n_before = len(transaction.segments)
        n_dropped = transaction.merge(threads)
        change = transaction.commit("compact")
        n_purged = purge_history(transaction, change.generation) if purge else 0
        return change.extend(
            CompactionReport,
            n_segments_before=n_before,
            n_segments=len(transaction.segments),
            n_dropped=n_dropped,
            n_purged=n_purged,
        )
