"""The bytes of a video as FFmpeg reads them: one regular file, of the size it had when opened."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

from hashmatch.decode.limits import VideoLimits
from hashmatch.decode.read import open_content, unreadable
from hashmatch.errors import DecodeError, ErrorKind

VideoSource = str | os.PathLike[str] | bytes | bytearray | memoryview


class VideoFile:
    """A file for PyAV, which calls `read`, `seek` and `tell`.

    PyAV would print a second exception raised in these calls, so the first error is kept in `error`
    and FFmpeg sees the end of the file.
    """

    def __init__(self, raw: io.FileIO | io.BytesIO, limits: VideoLimits) -> None:
        self._raw = raw
        self._limits = limits
        self._start_s = monotonic()
        self.size_bytes = raw.seek(0, os.SEEK_END)
        self.error: DecodeError | None = None
        raw.seek(0)
        limits.check_bytes(self.size_bytes)

    def read(self, size_bytes: int) -> bytes:
        """Return at most `size_bytes` bytes; b"" at the end, after an error or once time is up."""
        if self.error is not None or self.is_late():
            return b""
        try:
            left_bytes = self.size_bytes - self._raw.tell()
            return self._raw.read(max(0, min(size_bytes, left_bytes))) or b""
        except OSError as error:
            self.error = unreadable(error)
            return b""

    def read_at(self, offset: int, size_bytes: int) -> bytes:
        """Return at most `size_bytes` bytes from an offset; raise `error` if there is one."""
        self.seek(offset)
        block = self.read(size_bytes)
        if self.error is not None:
            raise self.error
        return block

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Seek like `io.IOBase.seek`; the end is where it was when the file was opened."""
        if whence == os.SEEK_END:
            offset, whence = self.size_bytes + offset, os.SEEK_SET
        return self._raw.seek(offset, whence)

    def tell(self) -> int:
        """Return the offset of the next byte."""
        return self._raw.tell()

    def is_late(self) -> bool:
        """Return whether time is up; if so, record a timeout unless there is an error already."""
        most_s = self._limits.max_wall_s
        is_late = most_s is not None and monotonic() - self._start_s > most_s
        if is_late and self.error is None:
            self.error = DecodeError(f"timed out: more than {most_s:g} s", ErrorKind.TIMEOUT)
        return is_late


@contextmanager
def open_video_file(source: VideoSource, limits: VideoLimits) -> Iterator[VideoFile]:
    """Open a path or bytes; DecodeError if it is not a regular file, empty or too large."""
    if isinstance(source, str | os.PathLike):
        raw: io.FileIO | io.BytesIO = open_content(source)
    elif isinstance(source, bytes | bytearray | memoryview):
        raw = io.BytesIO(source)
    else:
        raise TypeError(f"cannot hash {type(source).__name__}: expected a path or bytes")
    with raw:
        yield VideoFile(raw, limits)
