"""Opening, checking and verifying the files of a generation."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

import numpy as np

from hashmatch.errors import HashmatchError, IndexFormatError
from hashmatch.hamming import HammingIndex
from hashmatch.index.deletion_vector import NO_ROWS, Rows, decode_rows
from hashmatch.index.directory import (
    POINTER_FILE,
    Current,
    build_command,
    built_path,
    decode_current,
    kept_generations,
    manifest_path,
    read_file,
    read_manifest,
    read_pointer,
    sha256_of,
)
from hashmatch.index.entry_table import EntryTable
from hashmatch.index.manifest import Manifest, Segment, StoredFile
from hashmatch.index.overrides import EntryOverrides
from hashmatch.index.segments import OpenSegment

_T = TypeVar("_T")


def load_current(directory: Path, load: Callable[[Current], _T]) -> _T:
    """Return `load` of the current generation, or of a newer one if that is published meanwhile.

    A writer may prune the generation between our reading the pointer and opening its files; then
    there is a new pointer, and that one is followed. Waits for nobody.

    Raises
    ------
    HashmatchError
        The folder was never built.
    IndexFormatError
        Pointer or manifest is damaged.
    """
    while True:
        raw = read_pointer(directory)
        try:
            current = decode_current(directory, raw)
            if current is None:
                raise not_built(directory)
            return load(current)
        except IndexFormatError:
            if read_pointer(directory) == raw:
                raise


def open_segments(
    directory: Path, manifest: Manifest, *, verify: bool, already_open: Iterable[OpenSegment] = ()
) -> list[OpenSegment]:
    """Map every segment, in order; with `verify` read and check every byte first.

    Segments among those `already_open` are not opened again: the contents of a name never change.
    """
    reusable = {(segment.stored.codes, segment.stored.entries): segment for segment in already_open}
    return [
        _open_segment(
            directory, segment, reusable.get((segment.codes, segment.entries)), verify=verify
        )
        for segment in manifest.segments
    ]


def open_overrides(directory: Path, manifest: Manifest) -> EntryOverrides:
    """Return the overrides of a generation; IndexFormatError where they are damaged."""
    if manifest.overrides is None:
        return EntryOverrides()
    path = built_path(directory) / manifest.overrides.file
    # They are stored nowhere else; people must decide to start again without them.
    remedy = f"restore it, or delete {path.parent} and build again"
    try:
        return EntryOverrides.decode(_read_checked(path, manifest.overrides, remedy))
    except ValueError:
        raise IndexFormatError(f"{path}: damaged, no overrides; {remedy}") from None


def verify_index(directory: str | os.PathLike[str]) -> list[str]:
    """Read every file of an index and compare it with the digest taken when it was written.

    Returns
    -------
    list of str
        The names of the files in the built folder, all sound: those of the current generation and
        of the earlier ones that are kept.

    Raises
    ------
    IndexFormatError
        Names the first file that is not sound.
    HashmatchError
        The folder was never built.
    """
    directory = Path(directory)

    def load(current: Current) -> list[str]:
        manifests = [current.manifest]
        for generation in reversed(kept_generations(directory)):
            if generation < current.manifest.generation:
                manifests.append(read_manifest(directory, generation))
        opened: list[OpenSegment] = []
        names: dict[str, None] = {POINTER_FILE: None}
        for manifest in manifests:
            path = manifest_path(directory, manifest.generation)
            names[str(path.relative_to(built_path(directory)))] = None
            opened += open_segments(directory, manifest, verify=True, already_open=opened)
            open_overrides(directory, manifest)
            names |= dict.fromkeys(stored.file for stored in manifest.files)
        return list(names)

    return load_current(directory, load)


def verify_segment(directory: Path, segment: Segment) -> None:
    """Read every byte of a segment's codes and entries; IndexFormatError where one differs."""
    for stored in (segment.codes, segment.entries):
        _check_file(directory, stored, verify=True)


def not_built(directory: Path) -> HashmatchError:
    """Return the error for a folder that has no index."""
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
        raise IndexFormatError(f"{path}: damaged, its SHA-256 differs; {remedy}")


def _open_segment(
    directory: Path, segment: Segment, before: OpenSegment | None, *, verify: bool
) -> OpenSegment:
    path = built_path(directory) / segment.codes.file
    if before is not None:
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
        raise IndexFormatError(f"{path}: damaged, {expected}; run: {build_command(directory)}")
    removed = _open_vector(directory, segment.removed, segment.n_codes)
    disabled = _open_vector(directory, segment.disabled, segment.n_codes)
    hidden = np.union1d(removed, disabled) if removed.size and disabled.size else removed
    return OpenSegment(
        segment, index, entries, removed, disabled, hidden if removed.size else disabled
    )


def _open_vector(directory: Path, stored: StoredFile | None, n_rows: int) -> Rows:
    """Read a deletion vector and check every byte of it."""
    if stored is None:
        return NO_ROWS
    path = built_path(directory) / stored.file
    remedy = f"run: {build_command(directory)}"
    try:
        return decode_rows(_read_checked(path, stored, remedy), n_rows)
    except ValueError:
        raise IndexFormatError(f"{path}: damaged, no deletion vector; {remedy}") from None


def _read_checked(path: Path, stored: StoredFile, remedy: str) -> bytes:
    raw = read_file(path, remedy)
    if len(raw) != stored.size_bytes or hashlib.sha256(raw).hexdigest() != stored.sha256:
        raise IndexFormatError(f"{path}: damaged, its SHA-256 differs; {remedy}")
    return raw
