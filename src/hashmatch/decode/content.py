"""Read the bytes of one content, never more of them than the limit."""

from __future__ import annotations

import errno
import io
import os
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from hashmatch.decode.limits import DEFAULT_LIMITS, DecodeLimits
from hashmatch.decode.video_formats import HEAD_BYTES, is_video
from hashmatch.errors import DecodeError

_OPEN_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
_SMALLEST_READ_BYTES = 64 * 1024
_BLOCK_BYTES = 1024 * 1024
_OPEN_BINARY = "open it in binary mode"

_REASONS = {
    errno.ENOENT: "no such file",
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.EISDIR: "is a directory",
}


class Readable(Protocol):
    """What `read_stream` reads: a file opened in binary mode, or anything that reads like one."""

    def read(self, size_bytes: int, /) -> object:
        """Return up to so many bytes; none at the end."""


def read_content(path: str | os.PathLike[str], *, limits: DecodeLimits = DEFAULT_LIMITS) -> bytes:
    """Return the bytes of a regular file.

    Symbolic links are followed.  A FIFO, a socket or a device is refused at once, not waited for.

    Parameters
    ----------
    path : str or PathLike
        The file.
    limits : DecodeLimits
        Only `max_bytes` counts here; no more than that is ever read, even of a growing file.

    Returns
    -------
    bytes
        At least one byte.

    Raises
    ------
    DecodeError
        The file is missing, unreadable, not a regular file, empty or too large.  The reason does
        not repeat the path.
    """
    with _opened(path) as descriptor:
        return _read_regular(descriptor, limits)


def read_picture_content(
    path: str | os.PathLike[str], *, limits: DecodeLimits = DEFAULT_LIMITS
) -> bytes | None:
    """Return the bytes of a regular file as `read_content` does, None where it is a video.

    A video is told by its first bytes and is to be read as it is decoded, whatever its size.
    """
    with _opened(path) as descriptor:
        if is_video(os.pread(descriptor, HEAD_BYTES, 0)):
            return None
        return _read_regular(descriptor, limits)


def read_blocks(path: str | os.PathLike[str]) -> Iterator[bytes]:
    """Yield the bytes of a regular file block by block, whatever its size; an empty one has none.

    A file that grows is read as it was when it was opened, as a video is when it is decoded.

    Raises
    ------
    DecodeError
        The file is missing, unreadable or not a regular file; as for `read_content`.
    """
    with _opened(path) as descriptor:
        # Files under /proc state size 0, and are read to where they end.
        left_bytes = os.fstat(descriptor).st_size or sys.maxsize
        while block := os.read(descriptor, min(_BLOCK_BYTES, left_bytes)):
            yield block
            left_bytes -= len(block)


def open_content(path: str | os.PathLike[str]) -> io.FileIO:
    """Open a regular file for reading, unbuffered.

    Symbolic links are followed.  DecodeError, as by `read_content`, where that cannot be done.
    """
    try:
        descriptor = os.open(path, _OPEN_FLAGS)
    except OSError as error:
        raise DecodeError(_reason(error)) from error
    except ValueError as error:
        raise DecodeError("not a path") from error
    try:
        _check_regular(os.fstat(descriptor))
    except BaseException:
        os.close(descriptor)
        raise
    return io.FileIO(descriptor)


def read_stream(stream: Readable, *, limits: DecodeLimits = DEFAULT_LIMITS) -> bytes:
    """Return what is left of a file opened in binary mode; it stays open.

    Raises
    ------
    DecodeError
        Reading fails, or what is left is empty or too large.
    TypeError
        The file is opened in text mode.
    """
    if isinstance(stream, io.TextIOBase):
        raise TypeError(f"the file gives str: {_OPEN_BINARY}")
    try:
        return _collect(stream.read, _SMALLEST_READ_BYTES, limits)
    except OSError as error:
        raise DecodeError(_reason(error)) from error


@contextmanager
def _opened(path: str | os.PathLike[str]) -> Iterator[int]:
    """Open a regular file; what the system has against reading it becomes a DecodeError."""
    with open_content(path) as file:
        try:
            yield file.fileno()
        except OSError as error:
            raise DecodeError(_reason(error)) from error


def _read_regular(descriptor: int, limits: DecodeLimits) -> bytes:
    status = os.fstat(descriptor)
    if status.st_size > 0:
        limits.check_bytes(status.st_size)
    expected_bytes = max(status.st_size, _SMALLEST_READ_BYTES)
    return _collect(lambda ask_bytes: os.read(descriptor, ask_bytes), expected_bytes, limits)


def _check_regular(status: os.stat_result) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise DecodeError("is a directory")
    if not stat.S_ISREG(status.st_mode):
        raise DecodeError("not a regular file")


def _collect(read: Callable[[int], object], expected_bytes: int, limits: DecodeLimits) -> bytes:
    blocks: list[bytes] = []
    total_bytes = 0
    # Until a read returns nothing: files under /proc state size 0, and network file systems and
    # unbuffered streams may return less than was asked for.
    while total_bytes <= limits.max_bytes:
        ask_bytes = (
            expected_bytes - total_bytes + 1 if total_bytes <= expected_bytes else total_bytes
        )
        block = read(min(ask_bytes, limits.max_bytes - total_bytes + 1))
        if not block:
            break
        if not isinstance(block, bytes):
            raise TypeError(f"the file gave {type(block).__name__}: {_OPEN_BINARY}")
        blocks.append(block)
        total_bytes += len(block)
    limits.check_bytes(total_bytes)
    return blocks[0] if len(blocks) == 1 else b"".join(blocks)


def _reason(error: OSError) -> str:
    if error.errno is None:
        return "cannot be read"
    return _REASONS.get(error.errno) or os.strerror(error.errno).lower()
