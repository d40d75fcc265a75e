"""Writing rows of JSON, always as whole rows."""

from __future__ import annotations

import fcntl
import json
import os
import stat
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO

from hashmatch.errors import HashmatchError
from hashmatch.files import FILE_MODE, write_file

_IS_UTF8 = sys.getfilesystemencoding().lower().replace("-", "") == "utf8"


class OutputIsInputError(ValueError):
    """An output file is one of the files to read."""


def refuse_as_input(output: str | os.PathLike[str] | BinaryIO, paths: Iterable[Any]) -> None:
    """Raise OutputIsInputError if one of the paths, under whatever name, is the output file."""
    try:
        target = output if isinstance(output, str | os.PathLike) else output.fileno()
        written = os.stat(target)  # noqa: PTH116
    except OSError:  # not there yet, or a stream in memory
        return
    for path in paths if stat.S_ISREG(written.st_mode) else ():
        with suppress(OSError):
            if os.path.samestat(os.stat(path), written):  # noqa: PTH116
                raise OutputIsInputError(
                    f"the output {os.fsdecode(path)} is also one of the inputs"
                )


def json_row(row: dict[str, Any]) -> bytes:
    """Return one line of JSON in ASCII, so that names that are not UTF-8 survive.

    Names of files are read as UTF-8, whatever the locale.
    """
    if not _IS_UTF8:
        row = {key: _as_utf8(value) for key, value in row.items()}
    return json.dumps(row, separators=(",", ":")).encode("ascii") + b"\n"


def _as_utf8(value: Any) -> Any:
    return os.fsencode(value).decode("utf-8", "surrogateescape") if _is_name(value) else value


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and not value.isascii()


@contextmanager
def open_rows(output: str | os.PathLike[str] | BinaryIO) -> Iterator[StreamRows | FileRows]:
    """Open an output for rows: a file, replaced if it exists, or a binary stream, left open.

    In a new file, which only its owner can read (a row with distance 0 reveals a hash of a list),
    rows appear as they are written. A file that holds something is replaced when the block ends
    without an exception, and stays as it was otherwise. HashmatchError if another process is
    writing rows to the same file.
    """
    if not isinstance(output, str | os.PathLike):
        yield StreamRows(output)
        return
    descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
    try:
        is_regular = stat.S_ISREG(os.fstat(descriptor).st_mode)
        if is_regular:
            _lock(descriptor, output)
        if is_regular and os.fstat(descriptor).st_size:
            with write_file(output) as file:
                yield FileRows(file.fileno(), keeps_rows=False)
            return
        rows = FileRows(descriptor, keeps_rows=True)
        yield rows
        if rows.is_regular:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _lock(descriptor: int, output: str | os.PathLike[str]) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        is_there = os.path.samestat(os.fstat(descriptor), os.stat(output))  # noqa: PTH116
    except (BlockingIOError, FileNotFoundError):
        is_there = False
    if not is_there:
        raise HashmatchError(
            f"{os.fsdecode(output)}: another process is writing to it; wait, or choose another name"
        )


class StreamRows:
    """A stream of rows, flushed after every write; `n_rows` is the number written so far."""

    keeps_rows = True

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.n_rows = 0

    def write(self, rows: bytes, n_rows: int) -> None:
        """Write whole rows, which other processes can see on return."""
        self._stream.write(rows)
        self._stream.flush()
        self.n_rows += n_rows


class FileRows:
    """A file that ends in a whole row even if writing is interrupted or the disk is full.

    `keeps_rows` is False if rows are lost after an exception, since they replace nothing until all
    of them are written.
    """

    def __init__(self, descriptor: int, *, keeps_rows: bool) -> None:
        self._descriptor = descriptor
        self.keeps_rows = keeps_rows
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
