"""Transactions, the only way to change an index.

A transaction holds the lock, starts from the current generation or from nothing, and publishes the
next generation when it is committed. Until then readers see no change; afterwards they see all of
it. Leaving the `with` block without a commit changes nothing.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from hashmatch._version import __version__
from hashmatch.errors import HashmatchError, IndexFormatError
from hashmatch.files import sync_folder
from hashmatch.index.changes import DEFAULT_OPTIONS, ChangeReport, StorageOptions
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
from hashmatch.index.list_rows import split_by_algorithm
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
from hashmatch.index.open import check_segment, load_current, open_overrides, open_segments
from hashmatch.index.overrides import EntryOverrides, digest_code
from hashmatch.index.row_lookup import rows_with_codes
from hashmatch.index.segment_writer import SegmentWriter, merge_segments
from hashmatch.index.segments import OpenSegment

Codes = NDArray[np.uint8]


class Transaction:
    """The next generation of a locked index; see `open_transaction`.

    Attributes may be set before `commit`. Appended rows are written to disk as they arrive;
    `commit` holds the codes of one new segment and their index, some 300 bytes a code of 256 bits.
    Not safe to use from several threads.
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
        self.segments: list[OpenSegment] = []
        self.n_entries = 0
        self.n_added = self.n_removed = 0
        self._writers: dict[str, SegmentWriter] = {}

    def restore(self, manifest: Manifest, *, verify: bool = False) -> None:
        """Start from a kept generation; with `verify` check every byte of its segments first."""
        self.segments = open_segments(self.directory, manifest, verify=verify)
        self.origins, self.lists = list(manifest.origins), list(manifest.lists)
        self.attributes = dict(manifest.attributes)
        self.n_entries = manifest.n_entries

    def append(self, rows: pa.Table) -> None:
        """Append rows of any algorithm, to new segments that `commit` puts last.

        They have the columns of `hashmatch.lists.SCHEMA`, `origin` (a position in `origins`) and
        `entry` (an ordinal below `n_entries`).
        """
        self.n_added += rows.num_rows
        for algorithm, is_of in split_by_algorithm(rows).items():
            self._writer(algorithm).append(rows.filter(pa.array(is_of)))

    def require_segment(self, algorithm: str) -> None:
        """Ensure that an algorithm has a segment; create an empty one if necessary."""
        if not self._segments_of(algorithm):
            self._writer(algorithm)

    def remove(self, number: int, rows: Rows) -> None:
        """Remove ascending rows of a segment."""
        segment = self.segments[number]
        new = rows[~contains(segment.removed, rows)]
        if new.size:
            removed = np.union1d(segment.removed, new)
            self.segments[number] = replace(segment, removed=removed)
            self.n_removed += new.size

    def remove_entries(self, list_name: str, entry_ids: Collection[str] | None) -> None:
        """Remove all rows of some entries of a list, or of all its entries if None."""
        for number, segment in enumerate(self.segments):
            self.remove(number, self._rows_of(segment, [list_name], entry_ids))

    def live_ids(self, list_name: str, entry_ids: Collection[str]) -> set[str]:
        """Return the ids in a list whose entries have a row that is not removed."""
        live: set[str] = set()
        for segment in self.segments:
            rows = self._rows_of(segment, [list_name], entry_ids)
            live.update(segment.entries.cells("entry_id", rows[~contains(segment.removed, rows)]))
        return live

    def live_codes(self, list_name: str, entry_ids: Collection[str]) -> dict[str, Codes]:
        """Return the distinct codes of entries, by algorithm, whose rows are not removed."""
        found: dict[str, Codes] = {}
        for segment in self.segments:
            rows = self._rows_of(segment, [list_name], entry_ids)
            codes = segment.codes[rows[~contains(segment.removed, rows)]]
            if codes.size:
                algorithm = segment.stored.algorithm
                codes = np.concatenate([found.get(algorithm, codes[:0]), codes])
                found[algorithm] = np.unique(codes, axis=0)
        return found

    def digest_unlisted(self, list_name: str, codes: Mapping[str, Codes]) -> set[str]:
        """Return digests of those codes that no row of the list has, other than removed rows."""
        digests = {
            (name, code.tobytes()): digest_code(name, code.tobytes())
            for name, of_algorithm in codes.items()
            for code in of_algorithm
        }
        for segment in self.segments:
            name = segment.stored.algorithm
            if name in codes:
                rows = rows_with_codes(segment, self.is_of([list_name]), codes[name])
                for code in segment.codes[rows[~contains(segment.removed, rows)]]:
                    digests.pop((name, code.tobytes()), None)
        return {*digests.values()}

    def remove_hashes(self, list_name: str, digests: Collection[str]) -> None:
        """Remove all rows of a list whose hash has one of some digests."""
        for number, segment in enumerate(self.segments if digests else ()):
            rows = self._rows_of(segment, [list_name], None)
            name = segment.stored.algorithm
            found = [digest_code(name, code.tobytes()) in digests for code in segment.codes[rows]]
            self.remove(number, rows[np.array(found, dtype=np.bool_)])

    def is_of(self, list_names: Collection[str]) -> NDArray[np.bool_]:
        """Return whether each origin belongs to one of the lists, bool (n_origins,)."""
        return np.array([origin.list in list_names for origin in self.origins], dtype=np.bool_)

    def merge(self, threads: int = 1) -> int:
        """Merge the segments of each algorithm into one, without the rows that were removed.

        The bytes of the segments must have been checked. Returns the number of rows dropped.
        """
        n_dropped = sum(segment.removed.size for segment in self.segments)
        for algorithm in sorted({segment.stored.algorithm for segment in self.segments}):
            own = self._segments_of(algorithm)
            if len(own) > 1 or own[0].removed.size:
                self._replace(algorithm, own, threads)
        return n_dropped

    def commit(
        self, kind: ChangeKind, *, list_name: str | None = None, restored: int | None = None
    ) -> ChangeReport:
        """Publish the next generation if its contents differ, and delete old generations.

        Small segments are merged: each new one absorbs earlier segments that are not larger, so n
        additions leave about log2(n) segments, and each row is rewritten about log2(n) times.
        """
        for algorithm, writer in sorted(self._writers.items()):
            tail = self._smaller_tail(algorithm, writer.n_codes)
            for segment in tail:
                if segment.n_kept:  # damage must not get a new digest
                    check_segment(self.directory, segment.stored, verify=True)
            self._replace(algorithm, tail)
        counts = {"n_added": self.n_added, "n_removed": self.n_removed}
        counts |= {"n_disabled": 0, "n_enabled": 0}
        stored = []
        for segment in self.segments:
            disabled = self.disabled_rows(segment)
            hidden = np.union1d(segment.removed, disabled)
            if restored is None:  # a rollback has counted them: they match again or no longer
                counts["n_disabled"] += np.setdiff1d(disabled, segment.disabled).size
                counts["n_enabled"] += np.setdiff1d(segment.disabled, hidden).size
            stored.append(self._store_tombstones(segment, disabled))
        change = Change(kind=kind, list=list_name, restored=restored, **counts)
        manifest = self._draft_manifest(change, stored)
        current = self.before
        if current is None or current.digest != manifest.digest:
            current = manifest
            self.folder.publish(manifest)
        else:
            sync_folder(self.folder.path)  # damaged files were written again
        kept = kept_generations(self.directory)[-self.options.kept_generations :]
        self.folder.collect_garbage(kept)
        return ChangeReport.of(current, is_new=current is manifest, **counts)

    def store_rows(self, algorithm: str, rows: Rows, suffix: str) -> StoredFile | None:
        """Write a deletion vector; None for an empty one."""
        return self.folder.write(encode_rows(rows), algorithm, suffix) if rows.size else None

    def disabled_rows(self, segment: OpenSegment) -> Rows:
        """Return the rows of a segment that are disabled and not removed.

        They are disabled by name, with their whole list, or by the recipe.
        """
        off = {name for name, attributes in self.attributes.items() if not attributes.enabled}
        whole = self.overrides.disabled_lists | off
        found = [self._rows_of(segment, whole, None)] if whole else []
        for list_name in sorted({name for name, _ in self.overrides.disabled} - whole):
            ids = self.overrides.disabled_of(list_name)
            found.append(self._rows_of(segment, [list_name], ids))
        return np.setdiff1d(np.concatenate([NO_ROWS, *found]), segment.removed)

    def close(self) -> None:
        """Close staged files."""
        for writer in self._writers.values():
            writer.close()

    def _rows_of(
        self, segment: OpenSegment, list_names: Collection[str], entry_ids: Collection[str] | None
    ) -> Rows:
        """Return the rows of some entries of each list, or of all its entries if None."""
        ids = None if entry_ids is None else pa.array(list(entry_ids), pa.string())
        return segment.entries.rows_of(self.is_of(list_names), ids)

    def _segments_of(self, algorithm: str) -> list[OpenSegment]:
        return [segment for segment in self.segments if segment.stored.algorithm == algorithm]

    def _writer(self, algorithm: str) -> SegmentWriter:
        if algorithm not in self._writers:
            writer = SegmentWriter(self.folder, algorithm, self.options.batch_rows)
            self._writers[algorithm] = writer
        return self._writers[algorithm]

    def _smaller_tail(self, algorithm: str, n_codes: int) -> list[OpenSegment]:
        """Return the last segments of an algorithm, which a new one of `n_codes` absorbs."""
        tail: list[OpenSegment] = []
        for segment in reversed(self._segments_of(algorithm)):
            n_together = segment.n_kept + n_codes
            is_small = segment.n_kept <= n_codes and n_together <= self.options.merged_codes
            if segment.n_kept and not is_small:
                break
            tail.insert(0, segment)
            n_codes = n_together
        return tail

    def _replace(self, algorithm: str, before: list[OpenSegment], threads: int = 1) -> None:
        """Replace several segments and the appended rows with one segment."""
        merged = merge_segments(
            self.folder,
            algorithm,
            before,
            self._writers.get(algorithm),
            batch_rows=self.options.batch_rows,
            threads=threads,
        )
        self.segments = [one for one in self.segments if one not in before] + [merged]

    def _draft_manifest(self, change: Change, segments: list[Segment]) -> Manifest:
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

    def _store_tombstones(self, segment: OpenSegment, disabled: Rows) -> Segment:
        stored, files = segment.stored, {}
        if segment.removed.size != stored.n_removed:  # removed rows only ever become more
            files["removed"] = self.store_rows(stored.algorithm, segment.removed, REMOVED_SUFFIX)
        if stored.disabled is None or not np.array_equal(disabled, segment.disabled):
            files["disabled"] = self.store_rows(stored.algorithm, disabled, DISABLED_SUFFIX)
        return msgspec.structs.replace(stored, **files)

    def _store_overrides(self) -> StoredFile | None:
        if self.before is not None and self.overrides == self._overrides_before:
            return self.before.overrides
        if self.overrides == EntryOverrides():
            return None
        return self.folder.write(self.overrides.encode(), "names", OVERRIDES_SUFFIX)


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
    """Lock an index and yield the transaction for its next generation.

    Parameters
    ----------
    directory : Path
        A built folder.
    wait_s : float
        Seconds to wait for another writer to finish.
    empty : bool
        Start without rows; the folder need not be built. The overrides are kept.
    recover : bool
        Start even if the current manifest or overrides are damaged; their contents are lost.
    verify : bool
        Check every byte of the current generation first.
    options : StorageOptions

    Raises
    ------
    HashmatchError
        The folder was never built, another writer has the lock, or the folder cannot be written.
    IndexFormatError
        The current generation is damaged.
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
    except OSError as error:
        doing = "built" if empty else "changed"
        where = "" if error.filename is None else f" ({os.fsdecode(error.filename)})"
        reason = error.strerror or type(error).__name__
        raise HashmatchError(f"{directory}: cannot be {doing}: {reason}{where}") from None


def _read_before(directory: Path, *, recover: bool) -> tuple[Manifest | None, EntryOverrides]:
    """Return the current manifest and overrides; None and empty if nothing is published."""
    try:
        current = decode_current(directory, read_pointer(directory))
        if current is not None:
            return current.manifest, open_overrides(directory, current.manifest)
    except IndexFormatError:
        if not recover:
            raise
    return None, EntryOverrides()
