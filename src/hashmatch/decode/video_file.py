"""The bytes of a video as FFmpeg reads them: those of one regular file as it was when opened."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

from hashmatch.decode.content import open_content
from hashmatch.decode.limits import VideoLimits
from hashmatch.errors import DecodeError

VideoSource = str | os.PathLike[str] | bytes | bytearray | memoryview


class VideoFile:
    """A file to be handed to PyAV, which calls `read`, `seek` and `tell`.

    An exception in there would be printed by PyAV if it came twice. So whatever happens while
    reading is kept in `fault`, and FFmpeg sees the end of the file. A file that grows is read as it
    was when it was opened.
    """

    def __init__(self, raw: io.FileIO | io.BytesIO, limits: VideoLimits) -> None:
        self._raw = raw
        self._limits = limits
        self._start_s = monotonic()
        self.size_bytes = raw.seek(0, os.SEEK_END)
        self.fault: str | None = None
        raw.seek(0)
        if self.size_bytes == 0:
            raise DecodeError("empty file")
        if self.size_bytes > limits.max_bytes:
            raise DecodeError(f"too large: more than {limits.max_bytes} bytes")

    def read(self, size_bytes: int) -> bytes:
        """Return up to so many bytes; none at the end, after a fault and after the time is up."""
        if self.fault is not None or self.is_late():
            return b""
        try:
            left_bytes = self.size_bytes - self._raw.tell()
            return self._raw.read(max(0, min(size_bytes, left_bytes))) or b""
        except OSError as error:
            self.fault = (error.strerror or "cannot be read").lower()
            return b""

    def read_at(self, offset: int, size_bytes: int) -> bytes:
        """Return up to so many bytes from there."""
        self.seek(offset)
        return self.read(size_bytes)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move; the end is where the file ended when it was opened."""
        if whence == os.SEEK_END:
            offset, whence = self.size_bytes + offset, os.SEEK_SET
        return self._raw.seek(offset, whence)

    def tell(self) -> int:
        """Return the place of the next byte."""
        return self._raw.tell()

    def raise_fault(self) -> None:
        """Raise DecodeError where there was a fault."""
        if self.fault is not None:
            raise DecodeError(self.fault)

    def is_late(self) -> bool:
        """Return whether the time is up, and keep that as the fault."""
        most_s = self._limits.max_wall_s
        if most_s is None or monotonic() - self._start_s <= most_s:
            return False
        self.fault = self.fault or f"timed out: more than {most_s:g} s"
        return True


@contextmanager
def open_video_file(source: VideoSource, limits: VideoLimits) -> Iterator[VideoFile]:
    """Open a path or bytes; DecodeError where it is no regular file, empty or too large."""
    if isinstance(source, str | os.PathLike):
        raw: io.FileIO | io.BytesIO = open_content(source)
    elif isinstance(source, bytes | bytearray | memoryview):
        raw = io.BytesIO(source)
    else:
        raise TypeError(f"cannot hash {type(source).__name__}: expected a path or bytes")
    with raw:
        yield VideoFile(raw, limits)
