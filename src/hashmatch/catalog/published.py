"""Open, check and verify the files of the generation that is published."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from hashmatch.catalog.built_folder import build_command, built_path, read_manifest, sha256_of
from hashmatch.catalog.entry_table import EntryTable
from hashmatch.catalog.manifest import MANIFEST_FILE, Manifest, Segment, StoredFile
from hashmatch.errors import HashmatchError, IndexFormatError
from hashmatch.index import HammingIndex

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class OpenSegment:
    """A segment whose files are mapped."""

    index: HammingIndex
    entries: EntryTable


def load_published(directory: Path, load: Callable[[Manifest], _T]) -> _T:
    """Return `load` of the published manifest, of a newer one should that be published meanwhile.

    A builder removes the files of the generation before, perhaps between our reading the manifest
    and opening them; then there is a new manifest, and that one is taken.
    """
    while True:
        published = read_manifest(directory)
        if published is None:
            raise _not_built(directory)
        raw, manifest = published
        try:
            return load(manifest)
        except IndexFormatError:
            again = read_manifest(directory)
            if again is None or again[0] == raw:
                raise


def open_segments(directory: Path, manifest: Manifest, *, verify: bool) -> dict[str, OpenSegment]:
    """Map every segment, by algorithm; with `verify` read and check every byte first."""
    for stored in manifest.files:
        _check_file(directory, stored, verify=verify)
    return {
        segment.algorithm: _open_segment(directory, segment, verify=verify)
        for segment in manifest.segments
    }


def verify_catalog(directory: str | os.PathLike[str]) -> list[str]:
    """Read every file of a built folder and compare it with the digests taken when it was written.

    Returns the names of the files, all of them sound. IndexFormatError names the first that is not;
    HashmatchError where the folder was never built.
    """
    directory = Path(directory)

    def load(manifest: Manifest) -> list[str]:
        open_segments(directory, manifest, verify=True)
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


def _open_segment(directory: Path, segment: Segment, *, verify: bool) -> OpenSegment:
    path = built_path(directory) / segment.codes.file
    try:
        index = HammingIndex.open(path, verify=verify)
        entries = EntryTable.open(built_path(directory) / segment.entries.file, segment.n_codes)
    except OSError as error:
        raise IndexFormatError(f"{path}: cannot be opened: {error.strerror}") from None
    if len(index) != segment.n_codes or index.algorithm != segment.algorithm:
        expected = f"expected {segment.n_codes} codes of {segment.algorithm}"
        raise IndexFormatError(f"{path}: damaged, {expected}; run: {build_command(directory)}")
    return OpenSegment(index, entries)
