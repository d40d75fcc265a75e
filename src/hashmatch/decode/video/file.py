"""The bytes of a video as FFmpeg reads them: a regular file, or a part of one, of fixed size."""

from __future__ import annotations

import errno
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
    and FFmpeg sees the end of the file. `start_bytes` and `end_bytes` say which part of `raw` is
    the file; None: up to the size that it has now.
    """

    def __init__(
        self,
        raw: io.FileIO | io.BytesIO,
        limits: VideoLimits,
        start_bytes: int = 0,
        end_bytes: int | None = None,
    ) -> None:
        self._raw = raw
        self._limits = limits
        self._start_s = monotonic()
        self._start_bytes = start_bytes
        size_bytes = raw.seek(0, os.SEEK_END)
        self.size_bytes = (size_bytes if end_bytes is None else end_bytes) - start_bytes
        self.error: DecodeError | None = None
        self._n_pixels = 0
        self.seek(0)
        limits.check_bytes(self.size_bytes)

    def read(self, size_bytes: int) -> bytes:
        """Return at most `size_bytes` bytes; b"" at the end, after an error or once time is up."""
        if self.error is not None or self.is_late():
            return b""
        try:
            left_bytes = self.size_bytes - self.tell()
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
            offset += self.size_bytes
        elif whence == os.SEEK_CUR:
            offset += self.tell()
        if offset < 0:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        return self._raw.seek(self._start_bytes + offset) - self._start_bytes

    def tell(self) -> int:
        """Return the offset of the next byte."""
        return self._raw.tell() - self._start_bytes

    def count_pixels(self, pixels: int) -> None:
        """Add the pixels of one frame; DecodeError if all frames together have too many."""
        self._n_pixels += pixels
        self._limits.check_frame_pixels(self._n_pixels, self.size_bytes)

    def is_late(self) -> bool:
        """Return whether time is up; if so, record a timeout unless there is an error already."""
        most_s = self._limits.max_wall_s
        is_late = most_s is not None and monotonic() - self._start_s > most_s
        if is_late and self.error is None:
            self.error = DecodeError(f"timed out: more than {most_s:g} s", ErrorKind.TIMEOUT)
        return is_late


@contextmanager
def open_video_file(
    source: VideoSource, limits: VideoLimits, start_bytes: int = 0, end_bytes: int | None = None
) -> Iterator[VideoFile]:
    """Open a path or bytes, or a part of them, as `VideoFile`.

    DecodeError if it is not a regular file, empty or too large.
    """
    if isinstance(source, str | os.PathLike):
        raw: io.FileIO | io.BytesIO = open_content(source)
    elif isinstance(source, bytes | bytearray | memoryview):
        raw = io.BytesIO(source)
    else:
        raise TypeError(f"cannot hash {type(source).__name__}: expected a path or bytes")
    with raw:
        yield VideoFile(raw, limits, start_bytes, end_bytes)
