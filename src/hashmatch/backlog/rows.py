"""Writing rows of JSON, always as whole rows."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO


def json_row(row: dict[str, Any]) -> bytes:
    """Return one line of JSON in ASCII, so that names that are not UTF-8 survive."""
    return json.dumps(row, separators=(",", ":")).encode("ascii") + b"\n"


@contextmanager
def open_rows(output: str | os.PathLike[str] | BinaryIO) -> Iterator[StreamRows | FileRows]:
    """Open an output for rows: a file, replaced if it exists, or a binary stream, left open.

    Rows appear in the file as they are written. A new file is readable by its owner only: a row
    with distance 0 reveals a hash of a list.
    """
    if not isinstance(output, str | os.PathLike):
        yield StreamRows(output)
        return
    descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        file = FileRows(descriptor)
        yield file
        if file.is_regular:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


class StreamRows:
    """A stream of rows, flushed after every write; `n_rows` is the number written so far."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.n_rows = 0

    def write(self, rows: bytes, n_rows: int) -> None:
        """Write whole rows, which other processes can see on return."""
        self._stream.write(rows)
        self._stream.flush()
        self.n_rows += n_rows


class FileRows:
    """A file that ends in a whole row even if writing is interrupted or the disk is full."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.is_regular = stat.S_ISREG(os.fstat(descriptor).st_mode)
        self._whole = (0, 0)  # bytes and rows, in one value so that they never disagree

    @property
    def n_rows(self) -> int:
        """Number of rows in the file."""
        return self._whole[1]

    def write(self, rows: bytes, n_rows: int) -> None:
        """Write whole rows, which other processes can see on return."""
        left = memoryview(rows)
        n_bytes_before, n_rows_before = self._whole
        try:
            while left:
                left = left[os.write(self._descriptor, left) :]
            self._whole = (n_bytes_before + len(rows), n_rows_before + n_rows)
        except BaseException:  # Ctrl-C counts
            if self.is_regular:
                os.ftruncate(self._descriptor, self._whole[0])
            raise
