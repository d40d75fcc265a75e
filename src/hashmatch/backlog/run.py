"""Scans: a decision row for every file."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

from hashmatch.backlog.chunks import CHUNK_FILES, ChunkLostError, map_chunks
from hashmatch.backlog.listing import ScanInput, list_files
from hashmatch.backlog.rows import open_rows
from hashmatch.backlog.screening import (
    ScanSummary,
    WorkerConfig,
    screen_chunk,
    screen_chunk_in_worker,
)
from hashmatch.errors import HashmatchError
from hashmatch.screener import DEFAULT_OPTIONS, Screener, ScreeningOptions


@dataclass(frozen=True, slots=True)
class ScanProgress:
    """Counts of the rows written so far, and the number of files to scan."""

    n_done: int
    n_files: int
    n_errors: int
    n_with_matches: int


class OutputIsInputError(ValueError):
    """The output of a scan is itself one of the files to scan."""


class ScanInterrupted(KeyboardInterrupt):
    """Ctrl-C in a scan: `n_done` of `n_files` rows are written, whole and in order."""

    def __init__(self, n_done: int, n_files: int) -> None:
        super().__init__(f"{n_done:,} of {n_files:,} rows are written")
        self.n_done = n_done
        self.n_files = n_files


def scan(
    paths: Iterable[str | os.PathLike[str]],
    *,
    index: str | os.PathLike[str],
    policy: str | os.PathLike[str],
    output: str | os.PathLike[str] | BinaryIO,
    workers: int = 1,
    options: ScreeningOptions = DEFAULT_OPTIONS,
    chunk_files: int = CHUNK_FILES,
    on_progress: Callable[[ScanProgress], None] | None = None,
) -> ScanSummary:
    """Decide about every file under `paths` and write a row of JSON for each.

    Rows are in the order of the bytes of the path, one for every file, link or device found,
    readable or not; docs/decision-row.md describes them. They do not depend on `workers`. They are
    written through chunk by chunk, and always whole.

    Parameters
    ----------
    paths : iterable of path
        Files and folders; `hashmatch.backlog.list_files` says what counts.
    index, policy : path
        As for `Screener.open`.
    output : path or binary stream
        A file is replaced; a new one is readable by its owner only.
    workers : int
        Processes. More than one are started afresh, so a script that calls this needs the usual
        ``if __name__ == "__main__":`` guard of `multiprocessing`.
    options : ScreeningOptions
        As for `Screener.open`. With `isolation`, every worker decodes in a child process of its
        own, which maps no index: a decoder that crashes, hangs or exhausts memory is a row with an
        error.
    chunk_files : int
        Files handed to a worker at a time.
    on_progress : callable, optional
        Called with a `ScanProgress` after every chunk, in the calling thread.

    Returns
    -------
    ScanSummary

    Raises
    ------
    FileNotFoundError
        One of `paths` does not exist; before anything is written.
    OutputIsInputError
        A ValueError: the output is itself one of the files.
    ValueError
        `workers` or `chunk_files` is below 1.
    IndexFormatError, PolicyError
        As `Screener.open`, before anything is written.
    HashmatchError
        A worker process died, or none can be started; the rows written so far are whole.
    ScanInterrupted
        A KeyboardInterrupt that says how many rows are written.
    """
    for name, number in (("workers", workers), ("chunk_files", chunk_files)):
        if number < 1:
            raise ValueError(f"{name} must be at least 1, not {number}")
    started_s = time.monotonic()
    files = list_files(paths)
    _refuse_as_input(output, files)
    screener = Screener.open(index, policy, options=options)
    config = WorkerConfig(
        os.fspath(index), os.fspath(policy), options, screener.index_ref, screener.policy_ref
    )
    summary = ScanSummary()
    with closing(screener), open_rows(output) as sink:
        chunks = map_chunks(
            files,
            partial(screen_chunk, screener),
            partial(screen_chunk_in_worker, config),
            chunk_files=chunk_files,
            workers=workers,
        )
        try:
            with closing(chunks):
                for rows, totals in chunks:
                    sink.write(rows, totals.n_files)
                    summary.add(totals)
                    if on_progress is not None:
                        on_progress(_progress(summary, len(files)))
        except KeyboardInterrupt:
            raise ScanInterrupted(sink.n_rows, len(files)) from None
        except ChunkLostError as lost:
            raise HashmatchError(f"{lost}; the first {sink.n_rows:,} rows are written") from None
    summary.elapsed_s = time.monotonic() - started_s
    return summary


def _progress(summary: ScanSummary, n_files: int) -> ScanProgress:
    return ScanProgress(summary.n_files, n_files, summary.n_errors, summary.n_with_matches)


def _refuse_as_input(output: str | os.PathLike[str] | BinaryIO, files: Sequence[ScanInput]) -> None:
    try:
        if isinstance(output, str | os.PathLike):
            written = Path(output).stat()
        else:
            written = os.fstat(output.fileno())
    except OSError:  # not there yet, or a stream in memory
        return
    if not stat.S_ISREG(written.st_mode):
        return
    for file in files:
        try:
            is_same = os.path.samestat(Path(file.path).stat(), written)
        except OSError:
            continue
        if is_same:
            raise OutputIsInputError(f"the output {file.path} is itself one of the files to scan")
