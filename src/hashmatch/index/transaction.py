"""The next generation of a folder while it is put together: what every writer works on.

A writer holds the folder, changes the draft, and publishes it. Until then nothing that readers see
has changed, and afterwards all of it has.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from hashmatch._version import __version__
from hashmatch.errors import HashmatchError
from hashmatch.hamming import HammingIndex
from hashmatch.index.built_folder import (
    CODES_SUFFIX,
    DISABLED_SUFFIX,
    ENTRIES_SUFFIX,
    LEDGER_SUFFIX,
    REMOVED_SUFFIX,
    BuiltFolder,
    Published,
    built_path,
    sync,
)
from hashmatch.index.contents import code_column
from hashmatch.index.entry_table import EntryTable, write_entry_batches
from hashmatch.index.ledger import Ledger, decode_ledger
from hashmatch.index.manifest import (
    SEAL_BYTES,
    ListCounts,
    Manifest,
    Origin,
    Segment,
    StoredFile,
    contents_digest,
    encode_manifest,
)
from hashmatch.index.part import IDENTITY_COLUMNS, Known, Part
from hashmatch.index.published import load_published, open_segments, read_ledger
from hashmatch.index.row_set import NO_ROWS, Rows, among, encode_rows
from hashmatch.lists import Column


@dataclass(frozen=True, slots=True)
class ChangeReport:
    """What a change did; all counts but that of entries are of rows, one for each hash.

    Parameters
    ----------
    name, generation, digest
        Of what is published now.
    is_new : bool
        Whether the contents differ from those published before; else nothing was published.
    n_added, n_removed : int
        Rows that came in, and rows that were there and never match again.
    n_disabled, n_enabled : int
        Rows that are there and no longer match, or match again.
    n_returned_entries : int
        Entries removed earlier that are live again, because they were added.
    counts : ListCounts or None
        Where the rows of a list file went.
    """

    name: str
    generation: int
    digest: str
    is_new: bool
    n_added: int
    n_removed: int
    n_disabled: int
    n_enabled: int
    n_returned_entries: int = 0
    counts: ListCounts | None = None


class Draft:
    """A generation to be published in a held folder; starts empty, or as `of_published` says."""

    def __init__(
        self, name: str, folder: BuiltFolder, path: Path, before: Published | None, ledger: Ledger
    ) -> None:
        self.name = name
        self.before = before
        self.ledger = ledger
        self.origins: list[Origin] = []
        self.lists: list[ListCounts] = []
        self.n_entries = 0
        self.parts: list[Part] = []
        self._ledger_before = ledger
        self._folder = folder
        self._path = path
        self._n_added = self._n_removed = 0

    @classmethod
    def of_published(cls, directory: Path, folder: BuiltFolder, *, verify: bool = False) -> Draft:
        """Start from what is published; with `verify` read and check every byte of it first."""

        def load(before: Published) -> Draft:
            manifest = before.manifest
            ledger = decode_ledger(read_ledger(directory, manifest), str(directory))
            draft = cls(manifest.name, folder, built_path(directory), before, ledger)
            draft.origins, draft.lists = list(manifest.origins), list(manifest.lists)
            draft.n_entries = manifest.n_entries
            draft.parts = [
                Part(one.stored, one.index, one.entries, one.removed, one.removed, one.disabled)
                for one in open_segments(directory, manifest, verify=verify)
            ]
            return draft

        return load_published(directory, load)

    def known(self, list_name: str, entry_ids: Column) -> Known:
        """Find the rows of entries of a list, in every segment.

        Reads the ids of all segments that hold rows of the list, once, in native code.
        """
        is_of_list = self._is_of([list_name])
        rows = [part.entries.rows_of(is_of_list, entry_ids) for part in self.parts]
        tables = [self._identities(part, of) for part, of in zip(self.parts, rows, strict=True)]
        live = [~among(of, part.removed) for part, of in zip(self.parts, rows, strict=True)]
        table = pa.concat_tables([_NO_IDENTITIES, *tables])
        return Known(
            table=table.drop_columns(["entry"]),
            part=np.repeat(np.arange(len(rows)), [len(of) for of in rows]),
            row=np.concatenate([NO_ROWS, *rows]),
            entry=table["entry"].to_numpy(),
            is_live=np.concatenate([np.empty(0, dtype=np.bool_), *live]),
        )

    def remove(self, known: Known, mask: NDArray[np.bool_]) -> None:
        """Remove those of the known rows that `mask` is true for."""
        for number, part in enumerate(self.parts):
            self._remove(part, known.row[mask & (known.part == number)])

    def remove_list(self, list_name: str) -> None:
        """Remove every row of a list."""
        is_of_list = self._is_of([list_name])
        for part in self.parts:
            self._remove(part, part.entries.rows_of(is_of_list, None))

    def append(
        self,
        algorithm: str,
        codes: NDArray[np.uint8],
        schema: pa.Schema,
        entries: Iterable[pa.Table],
        threads: int = 1,
    ) -> Part:
        """Write a segment and put it behind the others; returns it.

        `entries` are tables with the columns of `schema`, as `write_entry_batches` takes them.
        """
        index = HammingIndex.build(codes, algorithm=algorithm, threads=threads)
        index.save(self._folder.staged("codes"))
        with self._folder.create("entries") as file:
            write_entry_batches(file, schema, entries)
            sync(file)
        stored = Segment(
            algorithm=algorithm,
            n_codes=len(codes),
            codes=self._folder.adopt("codes", algorithm, CODES_SUFFIX),
            entries=self._folder.adopt("entries", algorithm, ENTRIES_SUFFIX),
        )
        table = EntryTable.open(self._path / stored.entries.file, stored.n_codes)
        part = Part(stored, index, table)
        self.parts.append(part)
        self._n_added += len(codes)
        return part

    def publish(self) -> ChangeReport:
        """Publish the draft where it differs from what is published; sweep up what was left over.

        The report knows of rows; callers add what they know of entries and lists.
        """
        disabled = [self._disabled(part) for part in self.parts]
        manifest = self._manifest(disabled)
        encoded = encode_manifest(manifest)
        if self.before is None or encoded[:SEAL_BYTES] != self.before.seal:
            self._folder.publish(encoded)
        self._folder.remove_others({stored.file for stored in manifest.files})
        pairs = list(zip(self.parts, disabled, strict=True))
        enabled = (np.setdiff1d(part.disabled_before, rows) for part, rows in pairs)
        return ChangeReport(
            name=manifest.name,
            generation=manifest.generation,
            digest=manifest.digest,
            is_new=self.before is None or manifest.digest != self.before.manifest.digest,
            n_added=self._n_added,
            n_removed=self._n_removed,
            n_disabled=sum(np.setdiff1d(rows, part.disabled_before).size for part, rows in pairs),
            n_enabled=sum(
                int((~among(rows, part.removed)).sum())
                for part, rows in zip(self.parts, enabled, strict=True)
            ),
        )

    def _manifest(self, disabled: list[Rows]) -> Manifest:
        origins, lists = tuple(self.origins), tuple(self.lists)
        segments = tuple(
            self._with_tombstones(part, rows)
            for part, rows in zip(self.parts, disabled, strict=True)
        )
        ledger = self._stored_ledger()
        digest = contents_digest(origins, lists, segments, ledger)
        before = self.before.manifest if self.before else None
        return Manifest(
            name=self.name,
            generation=1 if before is None else before.generation + (before.digest != digest),
            digest=digest,
            hashmatch_version=__version__,
            n_entries=self.n_entries,
            origins=origins,
            lists=lists,
            segments=segments,
            ledger=ledger,
        )

    def _with_tombstones(self, part: Part, disabled: Rows) -> Segment:
        removed_file, disabled_file = part.stored.removed, part.stored.disabled
        if part.removed is not part.removed_before:
            removed_file = self._stored_rows(part, part.removed, REMOVED_SUFFIX)
        if not np.array_equal(disabled, part.disabled_before):
            disabled_file = self._stored_rows(part, disabled, DISABLED_SUFFIX)
        return replace(part.stored, removed=removed_file, disabled=disabled_file)

    def _stored_rows(self, part: Part, rows: Rows, suffix: str) -> StoredFile | None:
        if not rows.size:
            return None
        return self._folder.put(encode_rows(rows), part.stored.algorithm, suffix)

    def _stored_ledger(self) -> StoredFile | None:
        if self.ledger == self._ledger_before and self.before is not None:
            return self.before.manifest.ledger
        if self.ledger == Ledger():
            return None
        return self._folder.put(self.ledger.encode(), "names", LEDGER_SUFFIX)

    def _remove(self, part: Part, rows: Rows) -> None:
        new = rows[~among(rows, part.removed)]
        if new.size:
            part.removed = np.union1d(part.removed, new)
            self._n_removed += new.size

    def _disabled(self, part: Part) -> Rows:
        """Return the rows of a segment that are disabled by name and not removed anyway."""
        whole = self.ledger.disabled_lists
        found = [part.entries.rows_of(self._is_of(whole), None)] if whole else []
        for list_name in sorted({name for name, _ in self.ledger.disabled} - whole):
            ids = pa.array(sorted(self.ledger.disabled_of(list_name)), pa.string())
            found.append(part.entries.rows_of(self._is_of([list_name]), ids))
        rows = np.unique(np.concatenate([NO_ROWS, *found]))
        return rows[~among(rows, part.removed)]

    def _is_of(self, list_names: Collection[str]) -> NDArray[np.bool_]:
        return np.array([origin.list in list_names for origin in self.origins], dtype=np.bool_)

    def _identities(self, part: Part, rows: Rows) -> pa.Table:
        told = part.entries.take(["entry", "origin", "entry_id", "status"], rows)
        origin = told["origin"]
        harms = pa.array([one.harm for one in self.origins], pa.string())
        classes = pa.array([one.classification for one in self.origins], pa.string())
        return pa.table(
            {
                "harm": _chunked(harms).take(origin),
                "classification": _chunked(classes).take(origin),
                "entry_id": told["entry_id"],
                "algorithm": pa.repeat(pa.scalar(part.stored.algorithm), len(rows)),
                "code": code_column(part.index.codes[rows]),
                "status": told["status"],
                "entry": told["entry"],
            }
        )


_TYPES: dict[str, pa.DataType] = {
    **dict.fromkeys(IDENTITY_COLUMNS, pa.string()),
    "code": pa.binary(),
    "status": pa.string(),
    "entry": pa.int64(),
}
_NO_IDENTITIES = pa.schema(_TYPES).empty_table()


def _chunked(cells: Column) -> Column:
    return pa.chunked_array([cells])


@contextlib.contextmanager
def changing(directory: Path, wait_s: float, *, verify: bool = False) -> Iterator[Draft]:
    """Hold a built folder and give the draft of its next generation.

    HashmatchError where it was never built, where another writer still holds it after `wait_s`
    seconds, or where it cannot be written.
    """
    load_published(directory, lambda _: None)  # before a folder is made that nobody asked for
    try:
        with BuiltFolder.hold(directory, wait_s=wait_s) as folder:
            yield Draft.of_published(directory, folder, verify=verify)
            return
    except OSError as error:
        reason = error.strerror or type(error).__name__
    raise HashmatchError(f"{directory}: cannot be changed: {reason}")
