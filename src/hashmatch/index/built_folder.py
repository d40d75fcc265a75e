"""The folder `built/`: who may write it, and how files get there whole.

Files are made in `built/.building/`, synced, and renamed into place under names that hold the
start of their digest; the manifest is renamed last. Killed at any moment, a writer leaves the last
published generation as it was, and what it had begun is swept up by the next one.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import io
import os
import shutil
import time
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

from hashmatch.errors import HashmatchError
from hashmatch.index.manifest import (
    MANIFEST_FILE,
    SEAL_BYTES,
    Manifest,
    StoredFile,
    decode_manifest,
)

BUILT_FOLDER = "built"
LOCK_FILE = ".lock"
STAGING_FOLDER = ".building"
DIGEST_CHARACTERS = 12

CODES_SUFFIX = ".hmi"
ENTRIES_SUFFIX = ".entries.arrow"
REMOVED_SUFFIX = ".removed.rows"
DISABLED_SUFFIX = ".disabled.rows"
LEDGER_SUFFIX = ".ledger"
SUFFIXES = (CODES_SUFFIX, ENTRIES_SUFFIX, REMOVED_SUFFIX, DISABLED_SUFFIX, LEDGER_SUFFIX)

_POLL_S = 0.05


class Published(NamedTuple):
    """A manifest as it was published; no two have the same `seal`."""

    seal: bytes
    manifest: Manifest


def built_path(directory: Path) -> Path:
    """Return where the built files of an index folder are."""
    return directory / BUILT_FOLDER


def build_command(directory: Path) -> str:
    """Return the command that builds an index folder, for the remedy of an error."""
    return f"hashmatch index build {directory}"


def read_manifest(directory: Path) -> Published | None:
    """Return the published manifest, None where nothing was published.

    IndexFormatError where it is damaged or of another format.
    """
    raw = _read(directory, -1)
    if raw is None:
        return None
    path = built_path(directory) / MANIFEST_FILE
    # The number of the generation is lost with the manifest; starting again is for people to say.
    remedy = (
        f"restore it, or delete {path.parent} (live changes are lost) "
        f"and run: {build_command(directory)}"
    )
    return Published(raw[:SEAL_BYTES], decode_manifest(raw, str(path), remedy))


def read_seal(directory: Path) -> bytes | None:
    """Return the seal of the published manifest, None where nothing is; costs one short read."""
    return _read(directory, SEAL_BYTES)


def _read(directory: Path, n_bytes: int) -> bytes | None:
    path = built_path(directory) / MANIFEST_FILE
    try:
        with path.open("rb") as file:
            return file.read(n_bytes)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise HashmatchError(f"{path}: cannot be read: {error.strerror}") from None


class BuiltFolder:
    """A `built/` folder held for writing. One writer at a time holds it; see `hold`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._staging = path / STAGING_FOLDER

    @classmethod
    @contextlib.contextmanager
    def hold(cls, directory: Path, *, wait_s: float = 0.0) -> Iterator[BuiltFolder]:
        """Hold `directory/built` for writing, making it where it is missing.

        The lock ends with the process that has it, however that ends. HashmatchError where another
        writer, be it a thread of this process, still holds it after `wait_s` seconds.
        """
        path = built_path(directory)
        with contextlib.suppress(FileExistsError):
            path.mkdir(mode=0o700)
        if path.stat().st_mode & 0o077:
            path.chmod(0o700)
        lock = os.open(path / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            _lock(lock, directory, wait_s)
            folder = cls(path)
            folder._clear_staging()
            folder._staging.mkdir(mode=0o700)
            try:
                yield folder
            finally:
                folder._clear_staging()
        finally:
            os.close(lock)

    def _clear_staging(self) -> None:
        if self._staging.exists():
            shutil.rmtree(self._staging)

    def staged(self, name: str) -> Path:
        """Return where to make a file, so that nobody sees it before it is whole."""
        return self._staging / name

    def create(self, name: str) -> io.BufferedWriter:
        """Open a new staged file for writing, readable by the owner only from the start."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        return os.fdopen(os.open(self.staged(name), flags, 0o600), "wb")

    def put(self, data: bytes, stem: str, suffix: str) -> StoredFile:
        """Write a small file whole and return what it is called."""
        with self.create(stem) as file:
            file.write(data)
            sync(file)
        return self.adopt(stem, stem, suffix)

    def adopt(self, name: str, stem: str, suffix: str) -> StoredFile:
        """Move a staged file, already synced, to its name after its digest."""
        staged = self.staged(name)
        digest = sha256_of(staged)
        final = f"{stem}-{digest[:DIGEST_CHARACTERS]}{suffix}"
        size_bytes = staged.stat().st_size
        staged.replace(self._path / final)
        return StoredFile(final, size_bytes, digest)

    def publish(self, manifest: bytes) -> None:
        """Make `manifest` the one that readers see, after all the files it names."""
        _sync_directory(self._path)
        with self.create(MANIFEST_FILE) as file:
            file.write(manifest)
            sync(file)
        self.staged(MANIFEST_FILE).replace(self._path / MANIFEST_FILE)
        _sync_directory(self._path)

    def remove_others(self, named: Collection[str]) -> None:
        """Remove files of the index that no manifest names any more.

        Readers that have them mapped keep them until they let go.
        """
        for path in sorted(self._path.iterdir()):
            if path.name.endswith(SUFFIXES) and path.name not in named:
                path.unlink()


def sync(file: io.BufferedWriter) -> None:
    """Write a file through to the disk."""
    file.flush()
    os.fsync(file.fileno())


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _lock(lock: int, directory: Path, wait_s: float) -> None:
    deadline_s = time.monotonic() + wait_s
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline_s:
                break
            time.sleep(_POLL_S)
        else:
            return
    raise HashmatchError(
        f"{directory} is being changed by another process; run again when it is done, or wait for "
        "it (--wait-s)"
    )


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
