"""JSON rows, written whole."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, Protocol


class RowSink(Protocol):
    """An output for rows; at any moment `n_rows` of them are there, whole."""

    @property
    def n_rows(self) -> int:
        """Rows written."""

    def write(self, rows: bytes, n_rows: int) -> None:
        """Write whole rows, visible to other processes on return."""


def json_row(row: dict[str, Any]) -> bytes:
    """Return one line of JSON in ASCII, so that names that are not UTF-8 survive."""
    return json.dumps(row, separators=(",", ":")).encode("ascii") + b"\n"


@contextmanager
def open_rows(output: str | os.PathLike[str] | BinaryIO) -> Iterator[RowSink]:
    """Open an output for rows: a file, replaced if it exists, or a binary stream, left open.

    Rows appear in the file as they are written. A new file is readable by its owner only: a row
    with distance 0 reveals a hash of a list.
    """
    if not isinstance(output, str | os.PathLike):
        yield _Stream(output)
        return
    descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        file = _File(descriptor)
        yield file
        file.sync()
    finally:
        os.close(descriptor)


class _Stream:
    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.n_rows = 0

    def write(self, rows: bytes, n_rows: int) -> None:
        self._stream.write(rows)
        self._stream.flush()
        self.n_rows += n_rows


class _File:
    """A file that ends in a whole row even if writing is interrupted or the disk is full."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._is_regular = stat.S_ISREG(os.fstat(descriptor).st_mode)
        self._whole = (0, 0)  # bytes and rows, in one value so that they never disagree

    @property
    def n_rows(self) -> int:
        return self._whole[1]

    def write(self, rows: bytes, n_rows: int) -> None:
        left = memoryview(rows)
        n_bytes_before, n_rows_before = self._whole
        try:
            while left:
                left = left[os.write(self._descriptor, left) :]
            self._whole = (n_bytes_before + len(rows), n_rows_before + n_rows)
        except BaseException:  # Ctrl-C counts
            if self._is_regular:
                os.ftruncate(self._descriptor, self._whole[0])
            raise

    def sync(self) -> None:
        if self._is_regular:
            os.fsync(self._descriptor)
