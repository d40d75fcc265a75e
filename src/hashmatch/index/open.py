"""Opening, checking and verifying the files of a generation."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TypeVar

from hashmatch.errors import IndexFormatError
from hashmatch.hamming import HammingIndex
from hashmatch.index.deletion_vector import NO_ROWS, Rows, decode_rows
from hashmatch.index.directory import (
    POINTER_FILE,
    Current,
    build_command,
    built_path,
    decode_current,
    explain_errors,
    kept_generations,
    manifest_path,
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
    """Return the result of `load` for the current generation, or one published meanwhile.

    A writer may prune or purge a generation while its files are being opened. Then pointer or
    manifests have changed, and `load` is called again. Never waits for a writer.

    Raises
    ------
    IndexFormatError
        The folder was never built, or pointer or manifest is damaged.
    """
    while True:
        state = _read_state(directory)
        try:
            current = decode_current(directory, state[0])
            if current is None:
                raise not_built(directory)
            return load(current)
        except (IndexFormatError, FileNotFoundError):
            if _read_state(directory) == state:
                raise


def open_segments(
    directory: Path, manifest: Manifest, *, verify: bool, already_open: Iterable[OpenSegment] = ()
) -> list[OpenSegment]:
    """Map every segment, in order; with `verify` read and check every byte first.

    Segments among those `already_open` are not opened again: a file of a given name never changes.
    """
    reusable = {(segment.stored.codes, segment.stored.entries): segment for segment in already_open}
    opened = []
    for segment in manifest.segments:
        before = reusable.get((segment.codes, segment.entries))
        opened.append(_open_segment(directory, segment, before, verify=verify))
    return opened


def open_overrides(directory: Path, manifest: Manifest) -> EntryOverrides:
    """Return the overrides of a generation; IndexFormatError if they are damaged."""
    if manifest.overrides is None:
        return EntryOverrides()
    # They are stored nowhere else: only a person may decide to start without them.
    remedy = f"restore it, or delete {built_path(directory)} and build again"
    decode = EntryOverrides.decode
    return _read_checked(directory, manifest.overrides, decode, "overrides", remedy)


def verify_index(directory: str | os.PathLike[str]) -> list[str]:
    """Read every file of an index and compare it with the digest taken when it was written.

    Returns
    -------
    list of str
        The names of the verified files in the built folder: those of the current generation and of
        the earlier ones that are kept.

    Raises
    ------
    IndexFormatError
        The folder was never built, or a file is damaged or missing; the error names the first.
    """
    directory = Path(directory)

    def load(current: Current) -> list[str]:
        newest = current.manifest.generation
        numbers = [number for number in kept_generations(directory) if number < newest]
        earlier = [read_manifest(directory, number) for number in reversed(numbers)]
        opened: list[OpenSegment] = []
        names = [POINTER_FILE]
        for manifest in (current.manifest, *earlier):
            path = manifest_path(directory, manifest.generation)
            names.append(str(path.relative_to(built_path(directory))))
            try:
                opened += open_segments(directory, manifest, verify=True, already_open=opened)
                open_overrides(directory, manifest)
            except IndexFormatError as error:
                if manifest is current.manifest:
                    raise
                remedy = f"drop earlier generations: hashmatch index compact {directory} --keep 1"
                raise IndexFormatError(f"{str(error).partition(';')[0]}; {remedy}") from None
            names += (stored.file for stored in manifest.files)
        return list(dict.fromkeys(names))

    return load_current(directory, load)


def check_segment(directory: Path, segment: Segment, *, verify: bool) -> None:
    """Check the sizes of codes and entries; with `verify` read and check every byte.

    IndexFormatError names a file that is missing or differs.
    """
    remedy = f"run: {build_command(directory)}"
    for stored in (segment.codes, segment.entries):
        path = built_path(directory) / stored.file
        with explain_errors(path, remedy):
            size_bytes = path.stat().st_size
            digest = sha256_of(path) if verify else stored.sha256
        if size_bytes != stored.size_bytes:
            expected = f"{size_bytes} bytes instead of {stored.size_bytes}"
            raise IndexFormatError(f"{path}: damaged, {expected}; {remedy}")
        if digest != stored.sha256:
            raise IndexFormatError(f"{path}: damaged, its SHA-256 differs; {remedy}")


def not_built(directory: Path) -> IndexFormatError:
    """Return the error for a folder that has no index."""
    if not directory.is_dir():
        return IndexFormatError(f"{directory}: no such folder")
    return IndexFormatError(f"{directory} is not built; run: {build_command(directory)}")


def _read_state(directory: Path) -> tuple[bytes | None, int]:
    """Return the pointer, and when a manifest was last written or removed, in ns."""
    raw = read_pointer(directory)
    with contextlib.suppress(OSError):
        return raw, manifest_path(directory, 0).parent.stat().st_mtime_ns
    return raw, 0


def _open_segment(
    directory: Path, segment: Segment, before: OpenSegment | None, *, verify: bool
) -> OpenSegment:
    path = built_path(directory) / segment.codes.file
    if before is not None:
        index, entries = before.index, before.entries
    else:
        check_segment(directory, segment, verify=verify)
        with explain_errors(path, f"run: {build_command(directory)}"):
            index = HammingIndex.open(path, verify=verify)
            entries = EntryTable.open(built_path(directory) / segment.entries.file, segment.n_codes)
    if len(index) != segment.n_codes or index.algorithm != segment.algorithm:
        expected = f"expected {segment.n_codes} codes of {segment.algorithm}"
        raise IndexFormatError(f"{path}: damaged, {expected}; run: {build_command(directory)}")
    removed = _open_vector(directory, segment.removed, segment.n_codes)
    disabled = _open_vector(directory, segment.disabled, segment.n_codes)
    return OpenSegment(segment, index, entries, removed, disabled)


def _open_vector(directory: Path, stored: StoredFile | None, n_rows: int) -> Rows:
    if stored is None:
        return NO_ROWS
    decode = partial(decode_rows, n_rows=n_rows)
    remedy = f"run: {build_command(directory)}"
    return _read_checked(directory, stored, decode, "deletion vector", remedy)


def _read_checked(
    directory: Path, stored: StoredFile, decode: Callable[[bytes], _T], kind: str, remedy: str
) -> _T:
    """Read a small file and check every byte of it."""
    path = built_path(directory) / stored.file
    with explain_errors(path, remedy):
        raw = path.read_bytes()
    if len(raw) != stored.size_bytes or hashlib.sha256(raw).hexdigest() != stored.sha256:
        raise IndexFormatError(f"{path}: damaged, its SHA-256 differs; {remedy}")
    try:
        return decode(raw)
    except ValueError:
        raise IndexFormatError(f"{path}: damaged, no {kind}; {remedy}") from None
