"""Bounded reads of the bytes of one file, which never wait for a device."""

from __future__ import annotations

import errno
import io
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from hashmatch.decode.limits import DEFAULT_LIMITS, DecodeLimits
from hashmatch.decode.video.containers import HEAD_BYTES, is_video
from hashmatch.errors import DecodeError, ErrorKind

_OPEN_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
_SMALLEST_READ_BYTES = 64 * 1024
_BLOCK_BYTES = 1024 * 1024
_OPEN_BINARY = "open it in binary mode"

_REASONS = {errno.ENOENT: "no such file", errno.EPERM: "permission denied"}


class Readable(Protocol):
    """A file opened in binary mode, or anything that reads like one."""

    def read(self, size_bytes: int, /) -> object:
        """Return at most `size_bytes` bytes; no bytes at the end of the file."""


def read_content(path: str | os.PathLike[str], *, limits: DecodeLimits = DEFAULT_LIMITS) -> bytes:
    """Return the bytes of a regular file.

    Symbolic links are followed.  A FIFO, a socket or a device is refused at once, not waited for.
    Never more than `limits.max_bytes` are read, even of a growing file.

    Raises
    ------
    DecodeError
        The file is missing, unreadable, not a regular file, empty or too large.  The message does
        not repeat the path.
    """
    with _open_descriptor(path) as descriptor:
        return _read_regular(descriptor, limits)


def read_picture_content(
    path: str | os.PathLike[str], *, limits: DecodeLimits = DEFAULT_LIMITS
) -> bytes | None:
    """Return the bytes of a regular file, as `read_content` does; None for a video.

    A video is recognised by its first bytes; it is read while it is decoded, whatever its size.
    """
    with _open_descriptor(path) as descriptor:
        if is_video(os.pread(descriptor, HEAD_BYTES, 0)):
            return None
        return _read_regular(descriptor, limits)


def read_blocks(path: str | os.PathLike[str]) -> Iterator[bytes]:
    """Yield the bytes of a regular file block by block, whatever its size; no block if it is empty.

    A file that grows is read up to the size it had when it was opened. A file that states size 0,
    such as those under /proc, is read to its end, which it may not have: at most
    `DEFAULT_LIMITS.max_bytes`.

    Raises
    ------
    DecodeError
        The file is missing, unreadable or not a regular file; or it states no size and is too
        large.
    """
    with _open_descriptor(path) as descriptor:
        size_bytes = os.fstat(descriptor).st_size
        left_bytes = size_bytes or DEFAULT_LIMITS.max_bytes + 1
        while block := os.read(descriptor, min(_BLOCK_BYTES, left_bytes)):
            left_bytes -= len(block)
            if size_bytes == 0 and left_bytes == 0:
                DEFAULT_LIMITS.check_bytes(DEFAULT_LIMITS.max_bytes + 1)
            yield block


def read_stream(stream: Readable, *, limits: DecodeLimits = DEFAULT_LIMITS) -> bytes:
    """Return the remaining bytes of a file opened in binary mode; the file stays open.

    Raises
    ------
    DecodeError
        Reading fails, or the rest is empty or too large.
    TypeError
        The file is opened in text mode.
    """
    if isinstance(stream, io.TextIOBase):
        raise TypeError(f"the file gives str: {_OPEN_BINARY}")
    try:
        return _collect(stream.read, _SMALLEST_READ_BYTES, limits)
    except OSError as error:
        raise unreadable(error) from error


class OpenedPath(str):
    """A path with its file open, for a process that may open none itself."""

    file: io.FileIO

    def __new__(cls, path: str, file: io.FileIO) -> OpenedPath:
        """Return the path with its file."""
        opened = super().__new__(cls, path)
        opened.file = file
        return opened

    def __reduce__(self) -> tuple[type[OpenedPath], tuple[str, io.FileIO]]:
        return OpenedPath, (str(self), self.file)


def open_source(source: str | bytes) -> str | bytes:
    """Return a path with its file open, bytes as they are; DecodeError as for `read_blocks`."""
    return source if isinstance(source, bytes) else OpenedPath(source, open_content(source))


def open_content(path: str | os.PathLike[str]) -> io.FileIO:
    """Open a regular file, unbuffered; DecodeError as for `read_blocks`."""
    if isinstance(path, OpenedPath):
        file = io.FileIO(os.dup(path.file.fileno()))
        file.seek(0)
        return file
    try:
        file = io.FileIO(path, opener=lambda name, _flags: os.open(name, _OPEN_FLAGS))
    except OSError as error:
        raise unreadable(error) from error
    except ValueError as error:
        raise DecodeError("not a path", ErrorKind.UNREADABLE) from error
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise DecodeError("not a regular file", ErrorKind.UNREADABLE)
    return file


def unreadable(error: OSError) -> DecodeError:
    """Return the DecodeError for a file that the system refuses to open or read."""
    reason = "cannot be read"
    if error.errno is not None:
        reason = _REASONS.get(error.errno) or os.strerror(error.errno).lower()
    return DecodeError(reason, ErrorKind.UNREADABLE)


@contextmanager
def _open_descriptor(path: str | os.PathLike[str]) -> Iterator[int]:
    """Open a regular file; an OSError in the ``with`` block becomes a DecodeError."""
    with open_content(path) as file:
        try:
            yield file.fileno()
        except OSError as error:
            raise unreadable(error) from error


def _read_regular(descriptor: int, limits: DecodeLimits) -> bytes:
    size_bytes = os.fstat(descriptor).st_size
    if size_bytes > 0:
        limits.check_bytes(size_bytes)
    expected_bytes = max(size_bytes, _SMALLEST_READ_BYTES)
    return _collect(lambda ask_bytes: os.read(descriptor, ask_bytes), expected_bytes, limits)


def _collect(read: Callable[[int], object], expected_bytes: int, limits: DecodeLimits) -> bytes:
    blocks: list[bytes] = []
    total_bytes = 0
    # Until a read returns nothing: files under /proc state size 0, and network file systems and
    # unbuffered streams may return less than was asked for.
    while total_bytes <= limits.max_bytes:
        left_bytes = expected_bytes - total_bytes
        ask_bytes = left_bytes + 1 if left_bytes >= 0 else total_bytes
        block = read(min(ask_bytes, limits.max_bytes - total_bytes + 1))
        if not block:
            break
        if not isinstance(block, bytes):
            raise TypeError(f"the file gave {type(block).__name__}: {_OPEN_BINARY}")
        blocks.append(block)
        total_bytes += len(block)
    limits.check_bytes(total_bytes)
    return blocks[0] if len(blocks) == 1 else b"".join(blocks)
