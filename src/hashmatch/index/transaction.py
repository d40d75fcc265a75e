"""Transactions: the one way in which an index changes.

A transaction holds the lock, starts from the current generation or from nothing, and publishes the
next generation when it is committed. Until then readers see no change; afterwards they see all of
it. Leaving the `with` block without a commit changes nothing.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from hashmatch._version import __version__
from hashmatch.errors import HashmatchError, IndexFormatError
from hashmatch.index.change_report import ChangeReport
from hashmatch.index.deletion_vector import NO_ROWS, Rows, contains, encode_rows
from hashmatch.index.directory import (
    DISABLED_SUFFIX,
    OVERRIDES_SUFFIX,
    REMOVED_SUFFIX,
    LockedDirectory,
    decode_current,
    kept_generations,
    read_pointer,
)
from hashmatch.index.draft_segment import DraftSegment, SegmentWriter, merge_segments
from hashmatch.index.list_rows import distinct, has_algorithm
from hashmatch.index.manifest import (
    Change,
    ChangeKind,
    ListAttributes,
    ListCounts,
    Manifest,
    Origin,
    Segment,
    StoredFile,
    contents_digest,
)
from hashmatch.index.open import load_current, open_overrides, open_segments, verify_segment
from hashmatch.index.overrides import EntryOverrides
from hashmatch.index.storage_options import DEFAULT_OPTIONS, StorageOptions


class Transaction:
    """The next generation of a locked index; see `open_transaction`.

    Attributes may be set before `commit`. Appended rows are spilled to disk as they come; `commit`
    holds the codes of one new segment and their index, some 300 bytes a code of 256 bits. Not safe
    to use from several threads.
    """

    def __init__(
        self,
        folder: LockedDirectory,
        before: Manifest | None,
        overrides: EntryOverrides,
        options: StorageOptions,
    ) -> None:
        self.folder = folder
        self.directory = folder.directory
        self.before = before
        self.options = options
        self.name = "" if before is None else before.name
        self.overrides = self._overrides_before = overrides
        self.origins: list[Origin] = []
        self.lists: list[ListCounts] = []
        self.attributes: dict[str, ListAttributes] = {}
        self.segments: list[DraftSegment] = []
        self.n_entries = 0
        self.n_added = self.n_removed = 0
        self._writers: dict[str, SegmentWriter] = {}

    def restore(self, manifest: Manifest, *, verify: bool = False) -> None:
        """Start from the rows, lists and attributes of a kept generation.

        With `verify` every byte of its segments is checked first.
        """
        opened = open_segments(self.directory, manifest, verify=verify)
        self.segments = [DraftSegment.of(segment) for segment in opened]
        self.origins, self.lists = list(manifest.origins), list(manifest.lists)
        self.attributes = dict(manifest.attributes)
        self.n_entries = manifest.n_entries

    def append(self, rows: pa.Table) -> None:
        """Append rows of any algorithm, to segments that `commit` puts behind the others.

        They have the columns of `hashmatch.lists.SCHEMA`, `origin` (a position in `origins`) and
        `entry` (an ordinal below `n_entries`).
        """
        self.n_added += rows.num_rows
        for algorithm in sorted(distinct(rows["algorithm"])):
            own = rows.filter(pa.array(has_algorithm(rows, algorithm)))
            self._writer(algorithm).append(own)

    def require_segment(self, algorithm: str) -> None:
        """Let there be a segment of an algorithm, empty if need be."""
        if all(segment.stored.algorithm != algorithm for segment in self.segments):
            self._writer(algorithm)

    def remove(self, number: int, rows: Rows) -> None:
        """Remove ascending rows of a segment."""
        segment = self.segments[number]
        new = rows[~contains(segment.removed, rows)]
        if new.size:
            segment.removed = np.union1d(segment.removed, new)
            self.n_removed += new.size

    def remove_entries(self, list_name: str, entry_ids: Collection[str] | None) -> None:
        """Remove every row of entries of a list; None means all of its entries."""
        is_of_list = self.is_of([list_name])
        ids = None if entry_ids is None else pa.array(sorted(entry_ids), pa.string())
        for number, segment in enumerate(self.segments):
            self.remove(number, segment.entries.rows_of(is_of_list, ids))

    def live_ids(self, list_name: str, entry_ids: Collection[str]) -> set[str]:
        """Return those ids of a list whose entry has a row that is not removed."""
        is_of_list = self.is_of([list_name])
        ids = pa.array(sorted(entry_ids), pa.string())
        live: set[str] = set()
        for segment in self.segments:
            rows = segment.entries.rows_of(is_of_list, ids)
            live.update(segment.entries.cells("entry_id", rows[~contains(segment.removed, rows)]))
        return live

    def is_of(self, list_names: Collection[str]) -> NDArray[np.bool_]:
        """Return whether each origin is of one of the lists, bool (n_origins,)."""
        return np.array([origin.list in list_names for origin in self.origins], dtype=np.bool_)

    def merge(self, threads: int = 1) -> int:
        """Merge the segments of each algorithm into one, without the rows that were removed.

        Their bytes must have been checked. Returns how many rows were dropped.
        """
        n_dropped = 0
        for algorithm in sorted({segment.stored.algorithm for segment in self.segments}):
            own = [one for one in self.segments if one.stored.algorithm == algorithm]
            n_removed = sum(segment.removed.size for segment in own)
            if len(own) > 1 or n_removed:
                self._replace(algorithm, own, None, threads)
                n_dropped += n_removed
        return n_dropped

    def commit(
        self, kind: ChangeKind, *, list_name: str | None = None, restored: int | None = None
    ) -> ChangeReport:
        """Publish the next generation if its contents differ, and remove what is not kept.

        Small segments are merged on the way: each new one takes in those before it that are not
        larger, so that n additions leave some log2(n) segments, and each row is rewritten as often.
        """
        for algorithm, writer in sorted(self._writers.items()):
            tail = self._smaller_tail(algorithm, writer.n_codes)
            for segment in tail:
                if segment.n_kept:  # damage must not get a new digest
                    verify_segment(self.directory, segment.stored)
            self._replace(algorithm, tail, writer)
        disabled = [self.disabled_rows(segment) for segment in self.segments]
        pairs = list(zip(self.segments, disabled, strict=True))
        enabled = [np.setdiff1d(segment.disabled_before, rows) for segment, rows in pairs]
        change = Change(
            kind=kind,
            list=list_name,
            restored=restored,
            n_added=self.n_added,
            n_removed=self.n_removed,
            n_disabled=sum(np.setdiff1d(rows, one.disabled_before).size for one, rows in pairs),
            n_enabled=sum(
                int((~contains(segment.removed, rows)).sum())
                for segment, rows in zip(self.segments, enabled, strict=True)
            ),
        )
        manifest = self._manifest(change, [self._store_vectors(*pair) for pair in pairs])
        is_new = self.before is None or self.before.digest != manifest.digest
        if is_new:
            self.folder.publish(manifest)
        elif self.before is not None:
            manifest = self.before
        kept = kept_generations(self.directory)[-self.options.kept_generations :]
        self.folder.collect_garbage(kept)
        return ChangeReport(
            name=manifest.name,
            generation=manifest.generation,
            digest=manifest.digest,
            is_new=is_new,
            n_added=change.n_added,
            n_removed=change.n_removed,
            n_disabled=change.n_disabled,
            n_enabled=change.n_enabled,
        )

    def close(self) -> None:
        """Close staged files."""
        for writer in self._writers.values():
            writer.close()

    def _writer(self, algorithm: str) -> SegmentWriter:
        if algorithm not in self._writers:
            writer = SegmentWriter(self.folder, algorithm, self.options.batch_rows)
            self._writers[algorithm] = writer
        return self._writers[algorithm]

    def _smaller_tail(self, algorithm: str, n_codes: int) -> list[DraftSegment]:
        """Return the last segments of an algorithm that a new one of `n_codes` takes in."""
        tail: list[DraftSegment] = []
        own = [one for one in self.segments if one.stored.algorithm == algorithm]
        for segment in reversed(own):
            n_together = segment.n_kept + n_codes
            is_small = segment.n_kept <= n_codes and n_together <= self.options.merged_codes
            if segment.n_kept and not is_small:
                break
            tail.insert(0, segment)
            n_codes = n_together
        return tail

    def _replace(
        self,
        algorithm: str,
        before: list[DraftSegment],
        writer: SegmentWriter | None,
        threads: int = 1,
    ) -> None:
        """Put one segment in the place of several and of what was appended."""
        merged = merge_segments(
            self.folder,
            algorithm,
            before,
            writer,
            batch_rows=self.options.batch_rows,
            threads=threads,
        )
        self.segments = [one for one in self.segments if one not in before] + [merged]

    def _manifest(self, change: Change, segments: list[Segment]) -> Manifest:
        manifest = Manifest(
            name=self.name,
            generation=self.folder.pointer().next_generation,
            digest="",
            hashmatch_version=__version__,
            change=change,
            n_entries=self.n_entries,
            origins=tuple(self.origins),
            lists=tuple(self.lists),
            segments=tuple(segments),
            attributes=self.attributes,
            overrides=self._store_overrides(),
        )
        return msgspec.structs.replace(manifest, digest=contents_digest(manifest))

    def _store_vectors(self, segment: DraftSegment, disabled: Rows) -> Segment:
        algorithm = segment.stored.algorithm
        files = {}
        if segment.removed is not segment.removed_before:
            files["removed"] = self.store_rows(algorithm, segment.removed, REMOVED_SUFFIX)
        if segment.stored.disabled is None or not np.array_equal(disabled, segment.disabled_before):
            files["disabled"] = self.store_rows(algorithm, disabled, DISABLED_SUFFIX)
        return msgspec.structs.replace(segment.stored, **files)

    def store_rows(self, algorithm: str, rows: Rows, suffix: str) -> StoredFile | None:
        """Write a deletion vector; None for an empty one."""
        return self.folder.write(encode_rows(rows), algorithm, suffix) if rows.size else None

    def _store_overrides(self) -> StoredFile | None:
        if self.before is not None and self.overrides == self._overrides_before:
            return self.before.overrides
        if self.overrides == EntryOverrides():
            return None
        return self.folder.write(self.overrides.encode(), "names", OVERRIDES_SUFFIX)

    def disabled_rows(self, segment: DraftSegment) -> Rows:
        """Return the rows of a segment that are disabled by name and not removed."""
        whole = self.overrides.disabled_lists
        found = [segment.entries.rows_of(self.is_of(whole), None)] if whole else []
        for list_name in sorted({name for name, _ in self.overrides.disabled} - whole):
            ids = pa.array(sorted(self.overrides.disabled_of(list_name)), pa.string())
            found.append(segment.entries.rows_of(self.is_of([list_name]), ids))
        rows = np.unique(np.concatenate([NO_ROWS, *found]))
        return rows[~contains(segment.removed, rows)]


@contextlib.contextmanager
def open_transaction(
    directory: Path,
    *,
    wait_s: float = 0.0,
    empty: bool = False,
    recover: bool = False,
    verify: bool = False,
    options: StorageOptions = DEFAULT_OPTIONS,
) -> Iterator[Transaction]:
    """Lock an index and give the transaction of its next generation.

    Parameters
    ----------
    directory : Path
        A built folder.
    wait_s : float
        Seconds to wait for another writer to finish.
    empty : bool
        Start without rows; the folder need not be built. Overrides stay.
    recover : bool
        Start even if the current manifest or overrides are damaged; what they said is lost.
    verify : bool
        Check every byte of the current generation first.
    options : StorageOptions

    Raises
    ------
    HashmatchError
        The folder was never built, another writer has the lock, or the folder cannot be written.
    IndexFormatError
        What is there is damaged.
    """
    if not empty:
        load_current(directory, lambda _: None)  # before a folder appears that nobody asked for
    try:
        with LockedDirectory.lock(directory, wait_s=wait_s) as folder:
            before, overrides = _read_before(directory, recover=recover)
            transaction = Transaction(folder, before, overrides, options)
            if before is not None and not empty:
                transaction.restore(before, verify=verify)
            with contextlib.closing(transaction):
                yield transaction
            return
    except OSError as error:
        reason = error.strerror or type(error).__name__
    doing = "built" if empty else "changed"
    raise HashmatchError(f"{directory}: cannot be {doing}: {reason}")


def _read_before(directory: Path, *, recover: bool) -> tuple[Manifest | None, EntryOverrides]:
    """Return the current manifest and overrides, None and none where nothing is published."""
    try:
        current = decode_current(directory, read_pointer(directory))
        if current is not None:
            return current.manifest, open_overrides(directory, current.manifest)
    except IndexFormatError:
        if not recover:
            raise
    return None, EntryOverrides()
