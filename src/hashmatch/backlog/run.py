"""Scans, which write a decision row for every file."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from hashmatch.backlog.chunks import CHUNK_FILES, map_chunks
from hashmatch.backlog.listing import ScanInput, list_files
from hashmatch.backlog.rows import json_row, open_rows, refuse_as_input
from hashmatch.errors import HashmatchError
from hashmatch.index import index_files
from hashmatch.screener import DEFAULT_OPTIONS, Screener, ScreeningOptions
from hashmatch.values import IndexRef, PolicyRef


@dataclass(frozen=True, slots=True)
class ScanProgress:
    """Running totals of a scan, and the number of files to scan."""

    n_done: int
    n_files: int
    n_errors: int
    n_with_matches: int


@dataclass(slots=True)
class ScanSummary:
    """Totals of a scan: files (one row each), files with errors or matches, matches, actions.

    `n_errors` counts files that could not be read or decoded, in whole or in part; `actions` counts
    files by action; `elapsed_s` is wall time.
    """

    n_files: int = 0
    n_errors: int = 0
    n_with_matches: int = 0
    n_matches: int = 0
    actions: Counter[str] = field(default_factory=Counter)
    elapsed_s: float = 0.0

    def add(self, other: ScanSummary) -> None:
        """Add the counts of another summary."""
        self.n_files += other.n_files
        self.n_errors += other.n_errors
        self.n_with_matches += other.n_with_matches
        self.n_matches += other.n_matches
        self.actions += other.actions

    def to_dict(self) -> dict[str, Any]:
        """Return the summary as plain values, ready for JSON."""
        actions = dict(sorted(self.actions.items()))
        return asdict(self) | {"actions": actions, "elapsed_s": round(self.elapsed_s, 3)}


class ScanInterrupted(KeyboardInterrupt):
    """Ctrl-C in a scan after `n_done` of `n_files` rows.

    They are in the output, whole and in order, if `keeps_rows`; otherwise the output still holds
    what it held before the scan.
    """

    def __init__(self, n_done: int, n_files: int, *, keeps_rows: bool) -> None:
        super().__init__(f"{n_done:,} of {n_files:,} rows were written")
        self.n_done = n_done
        self.n_files = n_files
        self.keeps_rows = keeps_rows


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
    readable or not; docs/decision-row.md describes them. They do not depend on `workers`. Each
    chunk is flushed as it is written, always in whole rows.

    Parameters
    ----------
    paths : iterable of path
        Files and folders, as for `list_files`.
    index, policy : path
        As for `Screener.open`.
    output : path or binary stream
        A new file is readable by its owner only, and rows appear in it as they are written. A file
        that holds something is replaced once all rows are written.
    workers : int
        Number of processes; if above 1, as for `ProcessExecutor`, with its guard for scripts.
    options : ScreeningOptions
        As for `Screener.open`. With `isolation`, every worker decodes in a child process of its
        own, which maps no index.
    chunk_files : int
        Files handed to a worker at a time.
    on_progress : callable, optional
        Called with a `ScanProgress` after every chunk, in the calling thread.

    Raises
    ------
    FileNotFoundError, OutputIsInputError, ValueError, IndexFormatError, PolicyError
        One of `paths` does not exist; the output is a file that the scan reads; `workers` or
        `chunk_files` is below 1; as for `Screener.open`. All raised before anything is written.
    HashmatchError
        A worker process died, or none can be started, or another process writes to the output; the
        rows written so far are whole.
    ScanInterrupted
        A KeyboardInterrupt that says how many rows are written.
    """
    for name, number in (("workers", workers), ("chunk_files", chunk_files)):
        if number < 1:
            raise ValueError(f"{name} must be at least 1, not {number}")
    started_s = time.monotonic()
    files = list_files(paths)
    own = (policy, *index_files(Path(index)))
    refuse_as_input(output, [*(file.path for file in files), *own])
    screener = Screener.open(index, policy, options=options)
    refs = screener.index_ref, screener.policy_ref
    origin = os.fspath(index), os.fspath(policy), options, refs
    summary = ScanSummary()
    with closing(screener), open_rows(output) as sink:
        chunks = map_chunks(
            files,
            partial(_screen_chunk, screener),
            partial(_screen_in_worker, origin),
            chunk_files=chunk_files,
            workers=workers,
        )
        try:
            with closing(chunks):
                for chunk in chunks:
                    sink.write(chunk.rows, chunk.summary.n_files)
                    summary.add(chunk.summary)
                    if on_progress is not None:
                        n_bad, n_hits = summary.n_errors, summary.n_with_matches
                        on_progress(ScanProgress(summary.n_files, len(files), n_bad, n_hits))
        except KeyboardInterrupt:
            raise ScanInterrupted(sink.n_rows, len(files), keeps_rows=sink.keeps_rows) from None
    summary.elapsed_s = time.monotonic() - started_s
    return summary


class _ChunkRows(NamedTuple):
    """Decisions about the files of a chunk, as lines of JSON and as totals."""

    rows: bytes
    summary: ScanSummary


def _screen_chunk(screener: Screener, chunk: Sequence[ScanInput]) -> _ChunkRows:
    """Decide about the files of a chunk, in order."""
    screened = iter(screener.screen_many([file.path for file in chunk if file.problem is None]))
    decisions = [
        next(screened) if file.problem is None else screener.reject(file.path, file.problem)
        for file in chunk
    ]
    summary = ScanSummary(
        n_files=len(decisions),
        n_errors=sum(each.error is not None for each in decisions),
        n_with_matches=sum(each.n_matches > 0 for each in decisions),
        n_matches=sum(each.n_matches for each in decisions),
        actions=Counter(each.action for each in decisions),
    )
    return _ChunkRows(b"".join(json_row(each.to_dict()) for each in decisions), summary)


def _screen_in_worker(origin: tuple[Any, ...], chunk: Sequence[ScanInput]) -> _ChunkRows:
    return _screen_chunk(_open_screener(*origin), chunk)


@lru_cache(maxsize=1)
def _open_screener(
    index: str, policy: str, options: ScreeningOptions, refs: tuple[IndexRef, PolicyRef]
) -> Screener:
    """Open the screener of a worker process, once for all its chunks.

    It has the generation that its parent opened, whatever was published meanwhile.
    """
    screener = Screener.open(index, policy, options=options, generation=refs[0].generation)
    if (screener.index_ref, screener.policy_ref) != refs:
        raise HashmatchError("the index or policy changed while the scan was starting; rerun it")
    return screener
