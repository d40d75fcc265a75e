"""Run chunks of work in worker processes, results in the order of the chunks."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import TypeVar

ChunkT = TypeVar("ChunkT")
ResultT = TypeVar("ResultT")

_CHUNKS_IN_FLIGHT_PER_WORKER = 4


class WorkerDiedError(Exception):
    """A worker process ended in the midst of its work.

    `first` and `last` are the numbers of the chunks that were in work and have no result.
    """

    def __init__(self, first: int, last: int) -> None:
        super().__init__(f"a worker process died while chunks {first} to {last} were in work")
        self.first = first
        self.last = last


def run_in_order(
    here: Callable[[ChunkT], ResultT],
    there: Callable[[ChunkT], ResultT],
    chunks: Sequence[ChunkT],
    *,
    workers: int,
) -> Generator[ResultT, None, None]:
    """Yield the result of each chunk, in order.

    With one worker or one chunk, `here` runs in this process; else `there` runs in up to `workers`
    processes, started afresh, and must be picklable as chunks and results must. A bounded number of
    chunks is in flight, so that memory does not grow with their number. What a task raises is
    raised here. Workers ignore Ctrl-C, and end at once when the iterator is closed, when it raises
    or when this process dies.

    Raises
    ------
    WorkerDiedError
        Where a worker process ends without a result.
    """
    if workers == 1 or len(chunks) <= 1:
        yield from map(here, chunks)
        return
    context = multiprocessing.get_context("spawn")
    lifeline, held_end = context.Pipe(duplex=False)
    executor = ProcessPoolExecutor(
        min(workers, len(chunks)), context, initializer=_settle, initargs=(lifeline,)
    )
    try:
        yield from _in_order(executor, there, chunks, _CHUNKS_IN_FLIGHT_PER_WORKER * workers)
    finally:
        held_end.close()
        executor.shutdown(wait=True, cancel_futures=True)
        lifeline.close()


def _in_order(
    executor: ProcessPoolExecutor,
    task: Callable[[ChunkT], ResultT],
    chunks: Sequence[ChunkT],
    most_in_flight: int,
) -> Iterator[ResultT]:
    in_flight: deque[Future[ResultT]] = deque()
    n_submitted = n_done = 0
    try:
        while n_done < len(chunks):
            with _interrupts_held_back():
                while n_submitted < len(chunks) and len(in_flight) < most_in_flight:
                    in_flight.append(executor.submit(task, chunks[n_submitted]))
                    n_submitted += 1
            result = in_flight[0].result()
            in_flight.popleft()
            n_done += 1
            yield result
    except BrokenProcessPool:
        raise WorkerDiedError(n_done, max(n_done, n_submitted - 1)) from None


@contextmanager
def _interrupts_held_back() -> Iterator[None]:
    """Block SIGINT in this thread, so that threads and processes started meanwhile never see it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _settle(lifeline: Connection) -> None:
    """Prepare a worker process: leave Ctrl-C to the parent, and never outlive it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(lifeline,), daemon=True).start()


def _end_with(lifeline: Connection) -> None:
    lifeline.poll(None)  # nothing is ever sent: it becomes readable when the other end is gone
    os._exit(1)
