"""`scan`: a decision row for every file."""

from __future__ import annotations

import os
import stat
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from hashmatch.backlog.chunks import (
    CHUNK_FILES,
    ChunkRows,
    Setup,
    close_screeners,
    screen_chunk,
    screen_chunk_in_worker,
)
from hashmatch.backlog.listing import Listed, list_files
from hashmatch.backlog.pool import WorkerDiedError, run_in_processes
from hashmatch.backlog.rows import RowSink, open_rows
from hashmatch.errors import HashmatchError
from hashmatch.screener import DEFAULT_OPTIONS, Screener, ScreeningOptions


@dataclass(frozen=True, slots=True)
class ScanProgress:
    """How far a scan has come: counts of rows written so far."""

    n_done: int
    n_files: int
    n_errors: int
    n_with_matches: int


@dataclass(slots=True)
class ScanSummary:
    """What a scan came to.

    Parameters
    ----------
    n_files : int
        Rows written: one for each path.
    n_errors : int
        Files that could not be read or decoded.
    n_with_matches : int
        Files with at least one match.
    n_matches : int
        Matches of all files together.
    actions : Counter of str
        How many files got each action.
    elapsed_s : float
        Wall time in seconds.
    """

    n_files: int = 0
    n_errors: int = 0
    n_with_matches: int = 0
    n_matches: int = 0
    actions: Counter[str] = field(default_factory=Counter)
    elapsed_s: float = 0.0

    def add(self, chunk: ChunkRows) -> None:
        """Count in the rows of a chunk."""
        self.n_files += chunk.n_files
        self.n_errors += chunk.n_errors
        self.n_with_matches += chunk.n_with_matches
        self.n_matches += chunk.n_matches
        self.actions += chunk.actions

    def to_dict(self) -> dict[str, Any]:
        """Return the summary as plain values, ready for JSON."""
        return {
            "n_files": self.n_files,
            "n_errors": self.n_errors,
            "n_with_matches": self.n_with_matches,
            "n_matches": self.n_matches,
            "actions": dict(sorted(self.actions.items())),
            "elapsed_s": round(self.elapsed_s, 3),
        }


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
    on_progress: Callable[[ScanProgress], None] | None = None,
) -> ScanSummary:
    """Decide about every file under `paths` and write a row of JSON for each.

    Rows are in the order of the bytes of the path, one for every file, link or device found,
    whether it can be read or not; docs/decision-row.md describes them. They do not depend on
    `workers`. They are written through chunk by chunk, and always whole.

    Parameters
    ----------
    paths : iterable of path
        Files and folders; `hashmatch.backlog.listing.list_files` says what counts.
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
    on_progress : callable, optional
        Called with a `ScanProgress` after every chunk, in the calling thread.

    Returns
    -------
    ScanSummary

    Raises
    ------
    FileNotFoundError
        For one of `paths` that does not exist, before anything is written.
    OutputIsInputError
        A ValueError: the output is itself one of the files.
    ValueError
        Where workers is below 1.
    IndexFormatError, PolicyError
        As `Screener.open`, before anything is written.
    HashmatchError
        Where a worker process dies; the rows written so far are whole.
    ScanInterrupted
        A KeyboardInterrupt that says how many rows are written.
    """
    if workers < 1:
        raise ValueError(f"workers must be at least 1, not {workers}")
    started_s = time.monotonic()
    files = list_files(paths)
    _refuse_as_input(output, files)
    screener = Screener.open(index, policy, options=options)
    setup = Setup(
        os.fspath(index), os.fspath(policy), options, screener.index_ref, screener.policy_ref
    )
    summary = ScanSummary()
    with open_rows(output) as sink:
        results = run_in_processes(
            partial(screen_chunk, screener),
            partial(screen_chunk_in_worker, setup),
            [files[start : start + CHUNK_FILES] for start in range(0, len(files), CHUNK_FILES)],
            workers=workers,
            at_end=None if options.isolation is None else close_screeners,
        )
        try:
            with closing(results):
                for chunk in results:
                    sink.write(chunk.rows, chunk.n_files)
                    summary.add(chunk)
                    if on_progress is not None:
                        on_progress(_progress(summary, len(files)))
        except KeyboardInterrupt:
            raise ScanInterrupted(sink.n_rows, len(files)) from None
        except WorkerDiedError as error:
            raise _worker_died(error, files, sink) from None
    summary.elapsed_s = time.monotonic() - started_s
    return summary


def _progress(summary: ScanSummary, n_files: int) -> ScanProgress:
    return ScanProgress(summary.n_files, n_files, summary.n_errors, summary.n_with_matches)


def _refuse_as_input(output: str | os.PathLike[str] | BinaryIO, files: Sequence[Listed]) -> None:
    try:
        if isinstance(output, str | os.PathLike):
            written = Path(output).stat()
        else:
            written = os.fstat(output.fileno())
    except OSError:  # not there yet, or a stream in memory
        return
    if not stat.S_ISREG(written.st_mode):
        return
    for listed in files:
        try:
            same = os.path.samestat(Path(listed.path).stat(), written)
        except OSError:
            continue
        if same:
            raise OutputIsInputError(f"the output {listed.path} is itself one of the files to scan")


def _worker_died(error: WorkerDiedError, files: Sequence[Listed], sink: RowSink) -> HashmatchError:
    first = error.first * CHUNK_FILES
    last = min((error.last + 1) * CHUNK_FILES, len(files)) - 1
    return HashmatchError(
        f"a worker process died, perhaps for want of memory, while files {first + 1:,} to "
        f"{last + 1:,} of {len(files):,} were in work ({files[first].path} to "
        f"{files[last].path}); the first {sink.n_rows:,} rows are written; scan these files "
        "in isolation to find the one"
    )
