"""Earlier generations: listed, rolled back to, and purged."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from hashmatch.errors import HashmatchError, IndexFormatError
from hashmatch.index.change_report import ChangeReport
from hashmatch.index.dedup import MISSING, KeyMap, RowKeys
from hashmatch.index.deletion_vector import NO_ROWS, Rows, renumber
from hashmatch.index.directory import (
    DISABLED_SUFFIX,
    REMOVED_SUFFIX,
    Current,
    decode_pointer,
    kept_generations,
    manifest_path,
    read_manifest,
    read_pointer,
)
from hashmatch.index.draft_segment import DraftSegment, RowSlice, merge_segments
from hashmatch.index.manifest import Change, Manifest, Segment, StoredFile
from hashmatch.index.open import load_current, not_built, open_overrides, open_segments
from hashmatch.index.row_lookup import key_slices, map_keys
from hashmatch.index.segments import OpenSegment
from hashmatch.index.storage_options import DEFAULT_OPTIONS, StorageOptions
from hashmatch.index.transaction import Transaction, open_transaction


@dataclass(frozen=True, slots=True)
class GenerationInfo:
    """A kept generation.

    Parameters
    ----------
    generation : int
    is_current : bool
    published : datetime
        When its manifest was written, in UTC; by the clock of the file system, not part of the
        contents.
    digest : str
        Of its contents, as decisions name it.
    hashmatch_version : str
        The version that wrote it.
    change : Change
        What it changed in the one before it.
    n_rows : int
        Rows that are not removed.
    n_purged : int
        Rows that were deleted from it for good after it was published.
    """

    generation: int
    is_current: bool
    published: datetime
    digest: str
    hashmatch_version: str
    change: Change
    n_rows: int
    n_purged: int

    def to_dict(self) -> dict[str, Any]:
        """Return the facts as plain dicts, ready for JSON; `change` among the others."""
        facts: dict[str, Any] = msgspec.to_builtins(self)
        return {**facts.pop("change"), **facts}


def index_history(directory: str | os.PathLike[str]) -> list[GenerationInfo]:
    """Return the kept generations of an index, the current one last.

    Raises
    ------
    IndexFormatError
        A manifest is damaged.
    HashmatchError
        The folder was never built.
    """
    directory = Path(directory)

    def load(current: Current) -> list[GenerationInfo]:
        newest = current.manifest.generation
        numbers = [number for number in kept_generations(directory) if number <= newest]
        return [_describe(directory, number, newest) for number in numbers]

    return load_current(directory, load)


def rollback_index(
    directory: str | os.PathLike[str],
    generation: int,
    *,
    with_overrides: bool = False,
    dry_run: bool = False,
    wait_s: float = 0.0,
    options: StorageOptions = DEFAULT_OPTIONS,
) -> ChangeReport:
    """Publish a new generation with the rows of an earlier one.

    What was removed or disabled by name stays out, even if that happened later. The new generation
    has a number of its own; the earlier ones stay.

    Parameters
    ----------
    directory : path-like
        A built folder.
    generation : int
        One that `index_history` lists.
    with_overrides : bool
        Restore what was removed and disabled by name, too, as it was then. This works even if the
        current manifest is damaged or lost.
    dry_run : bool
        Report what would change, and change nothing.
    wait_s : float
        Seconds to wait for another writer to finish.
    options : StorageOptions
        Sizes, and how many generations are kept.

    Returns
    -------
    ChangeReport
        `n_added` and `n_removed` are rows that match again or no longer, `n_returned_entries`
        entries that match again.

    Raises
    ------
    IndexFormatError
        A file of the generation is damaged: every byte is checked first.
    HashmatchError
        The generation is not kept, the folder was never built, another writer has the lock, or the
        folder cannot be written.

    Notes
    -----
    Reads all rows of both generations and holds 48 bytes for each. No segment is rewritten. Killed
    at any moment, it leaves the generation before or the one after, whole.
    """
    directory = Path(directory)
    if not decode_pointer(directory, read_pointer(directory)).generation:
        raise not_built(directory)
    with open_transaction(
        directory, wait_s=wait_s, empty=True, recover=with_overrides, options=options
    ) as transaction:
        manifest = _read_kept(transaction, generation)
        transaction.name = manifest.name
        transaction.restore(manifest, verify=True)
        if with_overrides:
            transaction.overrides = open_overrides(directory, manifest)
        for list_name in {name for name, _ in transaction.overrides.removed}:
            removed = transaction.overrides.removed_of(list_name)
            transaction.remove_entries(list_name, removed)
        n_returned = _count_returned(transaction)
        if dry_run:
            now = transaction.before or manifest
            report = ChangeReport(
                name=now.name,
                generation=now.generation,
                digest=now.digest,
                is_new=False,
                n_added=transaction.n_added,
                n_removed=transaction.n_removed,
            )
        else:
            report = transaction.commit("rollback", restored=generation)
        return replace(report, n_returned_entries=n_returned)


def purge_history(transaction: Transaction, generation: int) -> int:
    """Delete from every earlier generation the rows that a committed one does not have.

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


def _describe(directory: Path, number: int, newest: int) -> GenerationInfo:
    manifest = read_manifest(directory, number)
    written_s = manifest_path(directory, number).stat().st_mtime
    return GenerationInfo(
        generation=number,
        is_current=number == newest,
        published=datetime.fromtimestamp(written_s, UTC),
        digest=manifest.digest,
        hashmatch_version=manifest.hashmatch_version,
        change=manifest.change,
        n_rows=manifest.n_rows,
        n_purged=manifest.n_purged,
    )


def _read_kept(transaction: Transaction, generation: int) -> Manifest:
    directory = transaction.directory
    newest = transaction.folder.pointer().generation
    kept = [number for number in kept_generations(directory) if number <= newest]
    if generation not in kept:
        numbers = ", ".join(map(str, kept))
        raise HashmatchError(f"{directory}: generation {generation} is not kept, only: {numbers}")
    return read_manifest(directory, generation)


def _count_returned(transaction: Transaction) -> int:
    """Set the row counts of a rollback; return how many entries match again."""
    keys = RowKeys()
    before = KeyMap(), KeyMap()
    if transaction.before is not None:
        opened = open_segments(transaction.directory, transaction.before, verify=False)
        parts = ((segment.stored.algorithm, _except(segment, segment.hidden)) for segment in opened)
        before = map_keys(keys, transaction.before.origins, parts)
    parts = (
        (
            segment.stored.algorithm,
            _except(segment, np.union1d(segment.removed, transaction.disabled_rows(segment))),
        )
        for segment in transaction.segments
    )
    after = map_keys(keys, transaction.origins, parts)
    transaction.n_added = _count_missing(before[0], after[0])
    transaction.n_removed = _count_missing(after[0], before[0])
    return _count_missing(before[1], after[1])


def _except(segment: OpenSegment | DraftSegment, hidden: Rows) -> RowSlice:
    rows = np.delete(np.arange(len(segment.codes)), hidden)
    return RowSlice(segment.codes, segment.entries, rows)


def _count_missing(there: KeyMap, wanted: KeyMap) -> int:
    return int((there.get(wanted.keys()) == MISSING).sum())


class _Purge:
    """The rows that stay, and the segments that were rewritten without the others."""

    def __init__(self, transaction: Transaction) -> None:
        self.n_purged = 0
        self._transaction = transaction
        self._keys = RowKeys()
        parts = ((one.stored.algorithm, one.kept()) for one in transaction.segments)
        self._staying, _ = map_keys(self._keys, transaction.origins, parts)
        self._open: list[OpenSegment] = []
        self._rewritten: dict[tuple[StoredFile, StoredFile], tuple[Segment, Rows]] = {}

    def rewrite(self, generation: int) -> bool:
        """Rewrite a generation without rows that go; return False if it cannot be read."""
        transaction = self._transaction
        try:
            manifest = read_manifest(transaction.directory, generation)
            opened = open_segments(
                transaction.directory, manifest, verify=True, already_open=self._open
            )
        except IndexFormatError:
            return False
        self._open += opened
        segments = [self._rewrite_segment(manifest, segment) for segment in opened]
        if tuple(segments) != manifest.segments:
            purged = msgspec.structs.replace(manifest, segments=tuple(segments))
            n_purged = manifest.n_purged + manifest.n_rows - purged.n_rows
            transaction.folder.rewrite_manifest(msgspec.structs.replace(purged, n_purged=n_purged))
        return True

    def _rewrite_segment(self, manifest: Manifest, segment: OpenSegment) -> Segment:
        files = segment.stored.codes, segment.stored.entries
        if files not in self._rewritten:
            self._rewritten[files] = self._drop_rows(manifest, segment)
        stored, kept = self._rewritten[files]
        if kept.size == segment.stored.n_codes:
            return segment.stored
        return msgspec.structs.replace(
            stored,
            removed=self._store(stored, renumber(segment.removed, kept), REMOVED_SUFFIX),
            disabled=self._store(stored, renumber(segment.disabled, kept), DISABLED_SUFFIX),
        )

    def _drop_rows(self, manifest: Manifest, segment: OpenSegment) -> tuple[Segment, Rows]:
        """Return a segment with the rows that stay alone, and which these are."""
        every = _except(segment, NO_ROWS)
        is_staying = [
            self._staying.get(row_keys) != MISSING
            for _, row_keys in key_slices(
                self._keys, manifest.origins, segment.stored.algorithm, every
            )
        ]
        kept = np.flatnonzero(np.concatenate([np.empty(0, dtype=np.bool_), *is_staying]))
        if kept.size == segment.stored.n_codes:
            return segment.stored, kept
        self.n_purged += segment.stored.n_codes - kept.size
        draft = DraftSegment.of(segment)
        draft.removed = np.setdiff1d(every.rows, kept)
        options = self._transaction.options
        merged = merge_segments(
            self._transaction.folder,
            segment.stored.algorithm,
            [draft],
            batch_rows=options.batch_rows,
        )
        return merged.stored, kept

    def _store(self, segment: Segment, rows: Rows, suffix: str) -> StoredFile | None:
        return self._transaction.store_rows(segment.algorithm, rows, suffix)
