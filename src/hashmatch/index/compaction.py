"""Merge the segments of an index and drop what was removed; answers stay what they are."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from hashmatch.index.draft import Draft, changing
from hashmatch.index.entry_table import BATCH_ROWS, ENTRY_SCHEMA, TIMELESS_SCHEMA
from hashmatch.index.part import Part
from hashmatch.index.row_set import Rows


@dataclass(frozen=True, slots=True)
class CompactionReport:
    """What a compaction did.

    Parameters
    ----------
    name, generation, digest
        Of what is published now.
    is_new : bool
        Whether there was something to merge or to drop; else nothing was published.
    n_segments_before, n_segments : int
        Segments of all algorithms.
    n_dropped : int
        Removed rows that are gone from disk.
    """

    name: str
    generation: int
    digest: str
    is_new: bool
    n_segments_before: int
    n_segments: int
    n_dropped: int


def compact_index(
    directory: str | os.PathLike[str], *, threads: int = 1, wait_s: float = 0.0
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
    wait_s : float
        Seconds to wait for another writer to finish.

    Returns
    -------
    CompactionReport

    Raises
    ------
    IndexFormatError
        A file is damaged: every byte is checked first, so that damage is never carried on.
    HashmatchError
        The folder was never built, another process changes it now, or it cannot be written.

    Notes
    -----
    Holds the codes of one algorithm twice and their index once, about 300 bytes a code of 256
    bits, and 65,536 entries at a time. Killed at any moment, it leaves the generation before or the
    one after, whole; on disk, both lie side by side for a while.
    """
    with changing(Path(directory), wait_s, verify=True) as draft:
        n_before = len(draft.parts)
        n_dropped = 0
        for algorithm in sorted({part.stored.algorithm for part in draft.parts}):
            parts = [part for part in draft.parts if part.stored.algorithm == algorithm]
            n_removed = sum(part.removed.size for part in parts)
            if len(parts) > 1 or n_removed:
                _merge(draft, algorithm, parts, threads)
                n_dropped += n_removed
        published = draft.publish()
        return CompactionReport(
            name=published.name,
            generation=published.generation,
            digest=published.digest,
            is_new=published.is_new,
            n_segments_before=n_before,
            n_segments=len(draft.parts),
            n_dropped=n_dropped,
        )


def _merge(draft: Draft, algorithm: str, parts: Sequence[Part], threads: int) -> None:
    """Put one segment, with the rows that are not removed, in the place of all `parts`."""
    kept = [part.kept() for part in parts]
    codes = np.concatenate([part.index.codes[rows] for part, rows in zip(parts, kept, strict=True)])
    has_times = any(part.entries.schema.equals(ENTRY_SCHEMA) for part in parts)
    schema = ENTRY_SCHEMA if has_times else TIMELESS_SCHEMA
    draft.append(algorithm, codes, schema, _entries(parts, kept, schema.names), threads)
    draft.parts = [part for part in draft.parts if part not in parts]


def _entries(
    parts: Sequence[Part], kept: Sequence[Rows], names: Sequence[str]
) -> Iterator[pa.Table]:
    """Yield the entries of the kept rows, `BATCH_ROWS` at a time."""
    bounds = np.cumsum([0, *(rows.size for rows in kept)])
    for start in range(0, int(bounds[-1]), BATCH_ROWS):
        end = start + BATCH_ROWS
        pieces = [
            part.entries.take(names, rows[max(start - first, 0) : end - first])
            for part, rows, first in zip(parts, kept, bounds.tolist(), strict=False)
            if first < end and start < first + rows.size
        ]
        yield pa.concat_tables(pieces)
