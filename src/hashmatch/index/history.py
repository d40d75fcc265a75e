"""The history of an index: earlier generations, listed or rolled back to."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from hashmatch.errors import HashmatchError
from hashmatch.index.changes import DEFAULT_OPTIONS, ChangeReport, StorageOptions
from hashmatch.index.dedup import MISSING, KeyMap, RowKeys
from hashmatch.index.directory import (
    Current,
    decode_pointer,
    kept_generations,
    manifest_path,
    read_manifest,
    read_pointer,
)
from hashmatch.index.manifest import Change, Manifest
from hashmatch.index.open import load_current, not_built, open_overrides, open_segments
from hashmatch.index.row_lookup import map_keys
from hashmatch.index.segments import OpenSegment, RowSlice
from hashmatch.index.transaction import Transaction, open_transaction


@dataclass(frozen=True, slots=True)
class GenerationInfo:
    """A kept generation.

    `published` is when its manifest was written, in UTC, by the clock of the file system; `digest`
    is its contents digest, as in decisions; `hashmatch_version` is the version that wrote it;
    `change` is the change from the generation before. `n_rows` counts rows that are not removed,
    `n_purged` the rows deleted from it for good after it was published.
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
        """Return the facts as a plain dict, ready for JSON, with those of `change` merged in."""
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

    def describe(number: int, *, is_current: bool) -> GenerationInfo:
        manifest = read_manifest(directory, number)
        written_s = manifest_path(directory, number).stat().st_mtime
        return GenerationInfo(
            generation=number,
            is_current=is_current,
            published=datetime.fromtimestamp(written_s, UTC),
            digest=manifest.digest,
            hashmatch_version=manifest.hashmatch_version,
            change=manifest.change,
            n_rows=manifest.n_rows,
            n_purged=manifest.n_purged,
        )

    def load(current: Current) -> list[GenerationInfo]:
        newest = current.manifest.generation
        numbers = [number for number in kept_generations(directory) if number <= newest]
        return [describe(number, is_current=number == newest) for number in numbers]

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
        The number of a generation that `index_history` lists.
    with_overrides : bool
        Also restore what was removed and disabled by name at that time. This works even if the
        current manifest is damaged or lost.
    dry_run : bool
        Report what would change, and change nothing.
    wait_s, options
        As in `add_list`.

    Returns
    -------
    ChangeReport
        `n_added` rows match again and `n_removed` no longer match; `n_returned_entries` is the
        number of entries that match again.

    Raises
    ------
    IndexFormatError
        A file of the generation is damaged: every byte is checked first.
    HashmatchError
        The generation is not kept, the folder was never built, another writer has the lock, or the
        folder cannot be written.

    Notes
    -----
    Reads all rows of both generations and holds 48 bytes for each. Rewrites no segment. A rollback
    killed at any moment leaves either the old or the new generation, complete.
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
        overrides = transaction.overrides
        for list_name in {name for name, _ in overrides.removed | overrides.removed_hashes}:
            transaction.remove_entries(list_name, overrides.removed_of(list_name))
            transaction.remove_hashes(list_name, overrides.removed_hashes_of(list_name))
        n_returned = _count_returned(transaction)
        if dry_run:
            report = ChangeReport.of(
                transaction.before or manifest,
                is_new=False,
                n_added=transaction.n_added,
                n_removed=transaction.n_removed,
            )
        else:
            report = transaction.commit("rollback", restored=generation)
        return replace(report, n_returned_entries=n_returned)


def _read_kept(transaction: Transaction, generation: int) -> Manifest:
    directory = transaction.directory
    newest = transaction.folder.pointer().generation
    kept = [number for number in kept_generations(directory) if number <= newest]
    if generation not in kept:
        numbers = ", ".join(map(str, kept))
        raise HashmatchError(f"{directory}: generation {generation} is not kept; kept: {numbers}")
    return read_manifest(directory, generation)


def _count_returned(transaction: Transaction) -> int:
    """Set the row counts of a rollback; return how many entries match again."""
    keys = RowKeys()
    rows_before = entries_before = KeyMap()
    if transaction.before is not None:
        opened = open_segments(transaction.directory, transaction.before, verify=False)
        origins = transaction.before.origins
        rows_before, entries_before = map_keys(keys, origins, _select_shown(opened))
    drafts = (replace(one, disabled=transaction.disabled_rows(one)) for one in transaction.segments)
    rows, entries = map_keys(keys, transaction.origins, _select_shown(drafts))
    transaction.n_added = _count_missing(rows_before, rows)
    transaction.n_removed = _count_missing(rows, rows_before)
    return _count_missing(entries_before, entries)


def _select_shown(segments: Iterable[OpenSegment]) -> Iterator[tuple[str, RowSlice]]:
    for segment in segments:
        yield segment.stored.algorithm, segment.rows_except(segment.hidden)


def _count_missing(there: KeyMap, wanted: KeyMap) -> int:
    return int((there.get(wanted.keys()) == MISSING).sum())
