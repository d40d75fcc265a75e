"""Open, check and verify the files of the generation that is published."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

import numpy as np

from hashmatch.errors import HashmatchError, IndexFormatError
from hashmatch.hamming import HammingIndex
from hashmatch.index.built_folder import (
    Published,
    build_command,
    built_path,
    read_manifest,
    sha256_of,
)
from hashmatch.index.entry_table import EntryTable
from hashmatch.index.ledger import decode_ledger
from hashmatch.index.manifest import MANIFEST_FILE, Manifest, Segment, StoredFile
from hashmatch.index.row_set import NO_ROWS, Rows, decode_rows
from hashmatch.index.segments import OpenSegment

_T = TypeVar("_T")


def load_published(directory: Path, load: Callable[[Published], _T]) -> _T:
    """Return `load` of what is published, of a newer generation should there be one meanwhile.

    A writer removes the files of the generation before, perhaps between our reading the manifest
    and opening them; then there is a new manifest, and that one is taken. Nobody is waited for.
    """
    while True:
        published = read_manifest(directory)
        if published is None:
            raise _not_built(directory)
        try:
            return load(published)
        except IndexFormatError:
            again = read_manifest(directory)
            if again is None or again.seal == published.seal:
                raise


def open_segments(
    directory: Path, manifest: Manifest, *, verify: bool, open_already: Iterable[OpenSegment] = ()
) -> list[OpenSegment]:
    """Map every segment, in order; with `verify` read and check every byte first.

    Segments among those `open_already` are not opened again: what a name holds never changes.
    """
    reusable = {(one.stored.codes, one.stored.entries): one for one in open_already}
    return [
        _open_segment(
            directory, segment, reusable.get((segment.codes, segment.entries)), verify=verify
        )
        for segment in manifest.segments
    ]


def read_ledger(directory: Path, manifest: Manifest) -> bytes | None:
    """Return the ledger as it was written; IndexFormatError where it is not, None for an empty one.

    `decode_ledger` tells what it says.
    """
    if manifest.ledger is None:
        return None
    path = built_path(directory) / manifest.ledger.file
    # What it says is nowhere else; starting again without it is for people to say.
    return _read_checked(
        path, manifest.ledger, f"restore it, or delete {path.parent} and build again"
    )


def verify_index(directory: str | os.PathLike[str]) -> list[str]:
    """Read every file of a built folder and compare it with the digests taken when it was written.

    Returns the names of the files, all of them sound. IndexFormatError names the first that is not;
    HashmatchError where the folder was never built.
    """
    directory = Path(directory)

    def load(published: Published) -> list[str]:
        manifest = published.manifest
        open_segments(directory, manifest, verify=True)
        decode_ledger(read_ledger(directory, manifest), str(directory))
        return [MANIFEST_FILE, *(stored.file for stored in manifest.files)]

    return load_published(directory, load)


def _not_built(directory: Path) -> HashmatchError:
    if not directory.is_dir():
        return HashmatchError(f"{directory}: there is no such folder")
    return HashmatchError(f"{directory} is not built; run: {build_command(directory)}")


def _check_file(directory: Path, stored: StoredFile, *, verify: bool) -> None:
    path = built_path(directory) / stored.file
    remedy = f"run: {build_command(directory)}"
    try:
        size_bytes = path.stat().st_size
        digest = sha256_of(path) if verify else stored.sha256
    except FileNotFoundError:
        raise IndexFormatError(f"{path}: missing; {remedy}") from None
    except OSError as error:
        raise HashmatchError(f"{path}: cannot be read: {error.strerror}") from None
    if size_bytes != stored.size_bytes:
        expected = f"{size_bytes} bytes instead of {stored.size_bytes}"
        raise IndexFormatError(f"{path}: damaged, {expected}; {remedy}")
    if digest != stored.sha256:
        raise IndexFormatError(f"{path}: damaged, its SHA-256 is another; {remedy}")


def _open_segment(
    directory: Path, segment: Segment, before: OpenSegment | None, *, verify: bool
) -> OpenSegment:
    path = built_path(directory) / segment.codes.file
    remedy = f"run: {build_command(directory)}"
    if before is not None and not verify:
        index, entries = before.index, before.entries
    else:
        for stored in (segment.codes, segment.entries):
            _check_file(directory, stored, verify=verify)
        try:
            index = HammingIndex.open(path, verify=verify)
            entries = EntryTable.open(built_path(directory) / segment.entries.file, segment.n_codes)
        except OSError as error:
            raise IndexFormatError(f"{path}: cannot be opened: {error.strerror}") from None
    if len(index) != segment.n_codes or index.algorithm != segment.algorithm:
        expected = f"expected {segment.n_codes} codes of {segment.algorithm}"
        raise IndexFormatError(f"{path}: damaged, {expected}; {remedy}")
    removed = _open_rows(directory, segment.removed, segment.n_codes)
    disabled = _open_rows(directory, segment.disabled, segment.n_codes)
    hidden = np.union1d(removed, disabled) if removed.size and disabled.size else removed
    return OpenSegment(
        segment, index, entries, removed, disabled, hidden if removed.size else disabled
    )


def _open_rows(directory: Path, stored: StoredFile | None, n_rows: int) -> Rows:
    """Read a set of rows, and check all of it, as all of it is read."""
    if stored is None:
        return NO_ROWS
    path = built_path(directory) / stored.file
    remedy = f"run: {build_command(directory)}"
    try:
        return decode_rows(_read_checked(path, stored, remedy), n_rows)
    except ValueError:
        raise IndexFormatError(f"{path}: damaged, not a set of rows; {remedy}") from None


def _read_checked(path: Path, stored: StoredFile, remedy: str) -> bytes:
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise IndexFormatError(f"{path}: missing; {remedy}") from None
    except OSError as error:
        raise HashmatchError(f"{path}: cannot be read: {error.strerror}") from None
    if len(raw) != stored.size_bytes or hashlib.sha256(raw).hexdigest() != stored.sha256:
        raise IndexFormatError(f"{path}: damaged, its SHA-256 is another; {remedy}")
    return raw
