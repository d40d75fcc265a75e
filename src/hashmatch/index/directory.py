"""The folder `built/`: its lock, its current generation, and whole-file writes.

Files are staged in `built/.building/`, synced, and renamed to names that contain the start of their
digest. The manifest is written once all the files it names are on disk, and `CURRENT`, which points
to it, last. A writer killed at any moment leaves the current generation as it was; the next writer
removes what was left unfinished.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import io
import os
import re
import shutil
import time
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

from hashmatch.errors import HashmatchError, IndexFormatError
from hashmatch.files import FOLDER_MODE, sync_file, sync_folder, write_file
from hashmatch.index.manifest import (
    Manifest,
    Pointer,
    StoredFile,
    decode_sealed,
    encode_sealed,
    seal_of,
)

POINTER_FILE = "CURRENT"
MANIFEST_FOLDER = "manifests"

CODES_SUFFIX = ".hmi"
ENTRIES_SUFFIX = ".entries.arrow"
REMOVED_SUFFIX = ".removed.rows"
DISABLED_SUFFIX = ".disabled.rows"
OVERRIDES_SUFFIX = ".overrides"
SUFFIXES = (CODES_SUFFIX, ENTRIES_SUFFIX, REMOVED_SUFFIX, DISABLED_SUFFIX, OVERRIDES_SUFFIX)

_POLL_S = 0.05
_MAX_POINTER_BYTES = 4096
_MANIFEST_NAME = re.compile(r"([0-9]{6,})\.json")


class Current(NamedTuple):
    """The current generation; `raw` are the pointer's bytes, never equal to another's."""

    raw: bytes
    manifest: Manifest


def built_path(directory: Path) -> Path:
    """Return where the built files of an index folder are."""
    return directory / "built"


def index_files(directory: Path) -> list[Path]:
    """Return the files in `built/` that belong to the index, and no other files there."""
    names = (POINTER_FILE, *SUFFIXES)
    return [
        path
        for path in built_path(directory).rglob("*")
        if path.name.endswith(names) or path.parent.name == MANIFEST_FOLDER
    ]


def manifest_path(directory: Path, generation: int) -> Path:
    """Return where the manifest of a generation is."""
    return built_path(directory) / MANIFEST_FOLDER / f"{generation:06}.json"


def build_command(directory: Path) -> str:
    """Return the command that builds an index folder, for error messages to suggest."""
    return f"hashmatch index build {directory}"


def read_pointer(directory: Path) -> bytes | None:
    """Return the pointer's bytes, None if there is no pointer; costs a read of 300 bytes."""
    path = f"{directory}/built/{POINTER_FILE}"  # pathlib would take as long as the read
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            return os.read(descriptor, _MAX_POINTER_BYTES)
        finally:
            os.close(descriptor)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise HashmatchError(f"{path}: cannot be read: {error.strerror}") from None


def decode_pointer(directory: Path, raw: bytes | None) -> Pointer:
    """Return the pointer in `raw`; IndexFormatError if it is damaged or lost."""
    path = built_path(directory) / POINTER_FILE
    # Without it the next number and the removals are unknown: only a person may decide.
    delete = f"delete {path.parent} (live changes are lost) and run: {build_command(directory)}"
    remedy = f"restore it, or {delete}"
    if raw is not None:
        return decode_sealed(raw, Pointer, path, remedy)
    if kept_generations(directory):
        raise IndexFormatError(f"{path}: missing; {remedy}")
    return Pointer(generation=0, next_generation=1, manifest="")


def decode_current(directory: Path, raw: bytes | None) -> Current | None:
    """Return the generation that the pointer in `raw` names, None if nothing is published.

    IndexFormatError if pointer or manifest is damaged or of another format.
    """
    pointer = decode_pointer(directory, raw)
    if raw is None or not pointer.generation:
        return None
    command = f"hashmatch index rollback {directory} GENERATION --with-overrides"
    remedy = f"restore it, or publish an earlier generation: {command}"
    path = manifest_path(directory, pointer.generation)
    with explain_errors(path, remedy):
        sealed = path.read_bytes()
    manifest = decode_sealed(sealed, Manifest, path, remedy)
    if (seal_of(sealed), manifest.generation) != (pointer.manifest, pointer.generation):
        raise IndexFormatError(f"{path}: damaged, or not the published one; {remedy}")
    return Current(raw, manifest)


def read_manifest(directory: Path, generation: int) -> Manifest:
    """Return the manifest of an earlier generation; IndexFormatError if it is damaged."""
    command = f"hashmatch index compact {directory} --keep 1"
    remedy = f"restore it, or drop earlier generations: {command}"
    path = manifest_path(directory, generation)
    with explain_errors(path, remedy):
        manifest = decode_sealed(path.read_bytes(), Manifest, path, remedy)
    if manifest.generation != generation:
        raise IndexFormatError(f"{path}: holds generation {manifest.generation}; {remedy}")
    return manifest


def kept_generations(directory: Path) -> list[int]:
    """Return the numbers of the existing manifests, in ascending order."""
    try:
        names = [path.name for path in (built_path(directory) / MANIFEST_FOLDER).iterdir()]
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted(int(found[1]) for found in map(_MANIFEST_NAME.fullmatch, names) if found)


@contextlib.contextmanager
def explain_errors(path: Path, remedy: str) -> Iterator[None]:
    """Raise IndexFormatError if a file is missing, HashmatchError if it cannot be read."""
    try:
        yield
    except FileNotFoundError:
        raise IndexFormatError(f"{path}: missing; {remedy}") from None
    except OSError as error:
        raise HashmatchError(f"{path}: cannot be read: {error.strerror}") from None


class LockedDirectory:
    """A `built/` folder locked for writing; see `lock`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.path = built_path(directory)
        self._staging = self.path / ".building"
        self._manifests = self.path / MANIFEST_FOLDER

    @classmethod
    @contextlib.contextmanager
    def lock(cls, directory: Path, *, wait_s: float = 0.0) -> Iterator[LockedDirectory]:
        """Lock `directory/built` for writing, creating it where it is missing.

        The lock ends with the process that holds it, however the process ends; if it is killed, the
        lock lasts until the processes that it forked meanwhile end, too. HashmatchError if another
        writer, even a thread of this process, still holds it after `wait_s` seconds.
        """
        folder = cls(directory)
        with contextlib.suppress(FileExistsError):
            folder.path.mkdir(mode=FOLDER_MODE)
        if folder.path.stat().st_mode & 0o077:
            folder.path.chmod(FOLDER_MODE)
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        lock, writer = os.open(folder.path / ".lock", flags, 0o600), os.getpid()
        try:
            _wait_for(lock, directory, wait_s)
            folder._prepare()
            try:
                yield folder
            finally:
                if os.getpid() == writer:
                    folder._clear_staging()
        finally:
            # Closing would not release a lock shared with a fork; a fork must not release it.
            if os.getpid() == writer:
                fcntl.flock(lock, fcntl.LOCK_UN)
            os.close(lock)

    def _prepare(self) -> None:
        """Remove what a killed writer left, and create what is missing."""
        self._clear_staging()
        for folder in (self.path, self._manifests):
            for path in folder.glob(".hashmatch-*"):  # temporaries of `write_file`
                path.unlink()
        self._staging.mkdir(mode=FOLDER_MODE)
        pointer = self.pointer()  # refuses a damaged one, or a lost one, before anything is written
        if read_pointer(self.directory) is None:
            sync_folder(self.directory)
            self._write_pointer(0, 1, "")
        self._manifests.mkdir(mode=FOLDER_MODE, exist_ok=True)
        # Manifests that were written but never published; their numbers are used up.
        numbers = [one for one in kept_generations(self.directory) if one > pointer.generation]
        if numbers and numbers[-1] >= pointer.next_generation:
            self._write_pointer(pointer.generation, numbers[-1] + 1, pointer.manifest)
        for number in numbers:
            manifest_path(self.directory, number).unlink()

    def _clear_staging(self) -> None:
        if self._staging.exists():
            shutil.rmtree(self._staging)

    def staged(self, name: str) -> Path:
        """Return the path of a staged file, which readers ignore."""
        return self._staging / name

    def create(self, name: str) -> io.BufferedWriter:
        """Open a new staged file for writing; from the start only its owner can read it."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        return os.fdopen(os.open(self.staged(name), flags, 0o600), "wb")

    def write(self, data: bytes, stem: str, suffix: str) -> StoredFile:
        """Write a small file whole and return its `StoredFile`."""
        with self.create(stem) as file:
            file.write(data)
            sync_file(file)
        return self.commit_file(stem, stem, suffix)

    def commit_file(self, name: str, stem: str, suffix: str) -> StoredFile:
        """Move a staged file, already synced, to a name that contains its digest."""
        staged = self.staged(name)
        digest = sha256_of(staged)
        final = f"{stem}-{digest[:12]}{suffix}"
        size_bytes = staged.stat().st_size
        staged.replace(self.path / final)
        return StoredFile(final, size_bytes, digest)

    def pointer(self) -> Pointer:
        """Return the pointer."""
        return decode_pointer(self.directory, read_pointer(self.directory))

    def publish(self, manifest: Manifest) -> None:
        """Publish `manifest`, whose files were committed, to readers."""
        sync_folder(self.path)
        sealed = encode_sealed(manifest)
        with write_file(manifest_path(self.directory, manifest.generation)) as file:
            file.write(sealed)
        self._write_pointer(manifest.generation, manifest.generation + 1, seal_of(sealed))

    def rewrite_manifest(self, manifest: Manifest) -> None:
        """Rewrite the manifest of an earlier generation, keeping the file's time."""
        sync_folder(self.path)
        path = manifest_path(self.directory, manifest.generation)
        written = path.stat()
        with write_file(path) as file:
            file.write(encode_sealed(manifest))
            file.flush()
            os.utime(file.fileno(), ns=(written.st_atime_ns, written.st_mtime_ns))

    def collect_garbage(self, kept: Collection[int]) -> None:
        """Remove all manifests except those in `kept`, and all files that none of these names.

        Only manifests are removed if a kept manifest cannot be read. Readers can go on using files
        that they have mapped.
        """
        gone = [number for number in kept_generations(self.directory) if number not in kept]
        for number in gone:
            manifest_path(self.directory, number).unlink()
        if gone:  # before its files: a manifest must not outlive them
            sync_folder(self._manifests)
        try:
            manifests = [read_manifest(self.directory, number) for number in kept]
        except IndexFormatError:
            return
        named = {stored.file for manifest in manifests for stored in manifest.files}
        for path in sorted(self.path.iterdir()):
            if path.name.endswith(SUFFIXES) and path.name not in named:
                path.unlink()

    def _write_pointer(self, generation: int, next_generation: int, seal: str) -> None:
        pointer = Pointer(generation=generation, next_generation=next_generation, manifest=seal)
        with write_file(self.path / POINTER_FILE) as file:
            file.write(encode_sealed(pointer))


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _wait_for(lock: int, directory: Path, wait_s: float) -> None:
    deadline_s = time.monotonic() + wait_s
    while True:
        try:
            return fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline_s:
                raise HashmatchError(
                    f"{directory} is being changed by another process; run again when it is done, "
                    "or wait for it (--wait-s)"
                ) from None
        time.sleep(_POLL_S)
