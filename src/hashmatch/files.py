"""Files and folders written whole or not at all; files mapped without holding a descriptor."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

FILE_MODE = 0o600
FOLDER_MODE = 0o700


@contextmanager
def write_file(path: str | os.PathLike[str], *, overwrite: bool = True) -> Iterator[BinaryIO]:
    """Open a file for writing that replaces `path` when the block ends without an exception.

    The bytes go to a file without a name, or where the file system has none to a temporary file
    beside `path`, with a random name, created exclusively, so no link is followed. At the end the
    file is synced and renamed, and the folder is synced. After an exception, or if the process is
    killed, whatever was at `path` stays; only the temporary file of a killed process is left.

    Parameters
    ----------
    path : path-like
        A link is replaced, not followed. A device or a pipe is written to as it is.
    overwrite : bool
        False refuses to replace an existing file.

    Yields
    ------
    BinaryIO
        Readable and writable by the owner only, whatever the umask; seekable.

    Raises
    ------
    OSError
        The folder cannot be written to, the disk is full, `path` is a folder, or it exists and
        `overwrite` is false (`FileExistsError`). The error names `path`, not the temporary file.
    """
    path = Path(path)
    if _is_device(path):
        with path.open("wb") as file:
            yield file
        return
    temporary = _temporary_beside(path)
    try:
        descriptor, has_name = _create(temporary)
        with os.fdopen(descriptor, "w+b") as file:
            os.fchmod(file.fileno(), FILE_MODE)
            yield file
            sync_file(file)
            if not has_name:
                _name(file, temporary)
        if overwrite:
            temporary.replace(path)
        else:
            os.link(temporary, path)
            temporary.unlink()
    except BaseException as error:
        with suppress(OSError):
            temporary.unlink()
        if isinstance(error, OSError) and error.filename == str(temporary):
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise
    sync_folder(path.parent)


def _create(temporary: Path) -> tuple[int, bool]:
    """Open a new file in the folder of `temporary`; return its descriptor, and whether it is named.

    A file without a name vanishes with its process.
    """
    flags = os.O_RDWR | os.O_CLOEXEC
    if hasattr(os, "O_TMPFILE"):
        with suppress(OSError):  # not every file system has it
            return os.open(temporary.parent, flags | os.O_TMPFILE, FILE_MODE), False
    return os.open(temporary, flags | os.O_CREAT | os.O_EXCL, FILE_MODE), True


def _name(file: BinaryIO, path: Path) -> None:
    """Give a file without a name the name `path`, which must be free."""
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        # With a folder descriptor, Python follows the link in /proc; without one, it does not.
        os.link(f"/proc/self/fd/{file.fileno()}", path.name, src_dir_fd=folder, dst_dir_fd=folder)
    finally:
        os.close(folder)


@contextmanager
def write_folder(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield an empty folder that becomes `path` when the block ends without an exception.

    All files in it are synced first, and nothing is left after an exception. Raises FileExistsError
    if `path` exists: a folder cannot be replaced in one step.
    """
    path = Path(path)
    if os.path.lexists(path):
        raise FileExistsError(errno.EEXIST, "exists already", str(path))
    temporary = _temporary_beside(path)
    temporary.mkdir(mode=FOLDER_MODE)
    try:
        yield temporary
        for folder, _, names in os.walk(temporary, topdown=False):
            for name in names:
                with (Path(folder) / name).open("rb") as file:
                    os.fsync(file.fileno())
            sync_folder(folder)
        temporary.rename(path)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    sync_folder(path.parent)


def _temporary_beside(path: Path) -> Path:
    return path.parent / f".hashmatch-{secrets.token_hex(8)}"


def map_file(path: str | os.PathLike[str]) -> memoryview:
    """Map a file into memory, read-only, without holding a descriptor.

    Returns all bytes of the file, in format "B"; raises OSError if it cannot be opened or is a
    folder. Costs microseconds at any size, since nothing is read until it is used. The mapping
    lives as long as anything made from the view, such as an array or an Arrow buffer. A process may
    have thousands of mappings. A file that is replaced by rename keeps its old content here; one
    that is cut short in place ends the process with SIGBUS.
    """
    import pyarrow as pa  # noqa: PLC0415  (25 ms)

    try:
        mapped = pa.memory_map(os.fsencode(path))  # type: ignore[arg-type]  # bytes will do
    except OSError:
        Path(path).open("rb").close()  # raises the same error with the path, unlike Arrow
        raise
    with mapped:
        # Reading all of it would prefetch the whole file: read one byte, for its address.
        first = mapped.read_buffer(1)
        whole = pa.foreign_buffer(first.address, mapped.size(), base=first)
    return memoryview(whole).cast("B") if whole.size else memoryview(b"")


def _is_device(path: Path) -> bool:
    """Return whether a path is a device, a pipe, or a name such as ``/dev/stdout``."""
    if path.is_absolute() and path.parts[1:2] in (("dev",), ("proc",)):
        return path.exists() and path.parts[:3] != ("/", "dev", "shm")
    return path.exists() and not path.is_file() and not path.is_dir()


def sync_file(file: BinaryIO) -> None:
    """Flush a file and wait until it is on disk."""
    file.flush()
    os.fsync(file.fileno())


def sync_folder(path: str | os.PathLike[str]) -> None:
    """Wait until the names in a folder are on disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
