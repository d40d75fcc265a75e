"""Runs a task on chunks of files, in this process or in worker processes."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from typing import TypeVar

from hashmatch.backlog.listing import ScanInput
from hashmatch.errors import HashmatchError
from hashmatch.workers import Executor, InlineExecutor, ProcessExecutor, WorkerDiedError

ResultT = TypeVar("ResultT")

CHUNK_FILES = 32
"""Files handed out at a time: enough for a batched query, few enough for smooth progress."""


def map_chunks(
    files: Sequence[ScanInput],
    local_task: Callable[[Sequence[ScanInput]], ResultT],
    worker_task: Callable[[Sequence[ScanInput]], ResultT],
    *,
    chunk_files: int,
    workers: int,
) -> Generator[ResultT, None, None]:
    """Yield the result of each chunk of files, in order.

    With one worker or one chunk, `local_task` runs in this process; otherwise `worker_task`, which
    must be picklable, runs in up to `workers` processes. HashmatchError if one of them dies or none
    can be started.
    """
    chunks = [files[start : start + chunk_files] for start in range(0, len(files), chunk_files)]
    n_processes = min(workers, len(chunks))
    executor: Executor[Sequence[ScanInput], ResultT] = (
        InlineExecutor(local_task)
        if n_processes <= 1
        else ProcessExecutor(worker_task, workers=n_processes)
    )
    try:
        with executor, closing(executor.map(chunks)) as results:
            yield from results
    except WorkerDiedError as death:
        first = death.item_number * chunk_files
        chunk = chunks[death.item_number]
        raise HashmatchError(
            f"a worker process died ({death.cause}) while processing files "
            f"{first + 1:,}-{first + len(chunk):,} of {len(files):,} "
            f"({chunk[0].path} to {chunk[-1].path}); the rows of the first {first:,} files are "
            "complete; run with --isolate to find the file"
        ) from None
