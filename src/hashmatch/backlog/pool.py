"""Run chunks of work in threads or worker processes, results in the order of the chunks."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from itertools import islice
from multiprocessing.connection import Connection
from typing import TypeVar

from hashmatch.interrupts import interrupts_held_back

ChunkT = TypeVar("ChunkT")
ResultT = TypeVar("ResultT")

_CHUNKS_IN_FLIGHT_PER_WORKER = 4


_CHUNKS_IN_FLIGHT_PER_THREAD = 2
_PATIENCE_S = 5.0
_GRACE_S = 0.5


class WorkerDiedError(Exception):
    """A worker process ended in the midst of its work.

    `first` and `last` are the numbers of the chunks that were in work and have no result.
    """

    def __init__(self, first: int, last: int) -> None:
        super().__init__(f"a worker process died while chunks {first} to {last} were in work")
        self.first = first
        self.last = last


def run_in_threads(
    task: Callable[[ChunkT], ResultT], chunks: Iterable[ChunkT], *, workers: int
) -> Generator[ResultT, None, None]:
    """Yield the result of each chunk, in order; `task` runs in up to `workers` threads.

    `chunks` is read as it is needed, in the calling thread, so it may be endless. A bounded number
    is in flight. What a task raises is raised here, in its place. Closing the iterator waits for
    the chunks in work, not for those that wait. With one worker there is no other thread.
    """
    if workers == 1:
        yield from map(task, chunks)
        return
    executor = ThreadPoolExecutor(workers)
    try:
        yield from _in_order(executor, task, chunks, _CHUNKS_IN_FLIGHT_PER_THREAD * workers)
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


def run_in_processes(
    here: Callable[[ChunkT], ResultT],
    there: Callable[[ChunkT], ResultT],
    chunks: Sequence[ChunkT],
    *,
    workers: int,
    at_end: Callable[[], None] | None = None,
) -> Generator[ResultT, None, None]:
    """Yield the result of each chunk, in order.

    With one worker or one chunk, `here` runs in this process; else `there` runs in up to `workers`
    processes, started afresh, and must be picklable as chunks and results must. A bounded number of
    chunks is in flight, so that memory does not grow with their number. What a task raises is
    raised here. Workers ignore Ctrl-C, and end at once when the iterator is closed, when it raises
    or when this process dies, but for what `at_end` does there in the midst of a task.

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
    workers = min(workers, len(chunks))
    executor = ProcessPoolExecutor(
        workers, context, initializer=_settle, initargs=(lifeline, at_end)
    )
    most_in_flight = _CHUNKS_IN_FLIGHT_PER_WORKER * workers
    n_done = 0
    try:
        task = partial(_run_task, there)
        for result in _in_order(executor, task, chunks, most_in_flight):
            yield result
            n_done += 1
    except BrokenProcessPool:
        raise WorkerDiedError(n_done, min(n_done + most_in_flight, len(chunks)) - 1) from None
    finally:
        held_end.close()
        executor.shutdown(wait=True, cancel_futures=True)
        lifeline.close()


def _in_order(
    executor: Executor,
    task: Callable[[ChunkT], ResultT],
    chunks: Iterable[ChunkT],
    most_in_flight: int,
) -> Iterator[ResultT]:
    in_flight: deque[Future[ResultT]] = deque()
    source = iter(chunks)
    while True:
        for chunk in islice(source, most_in_flight - len(in_flight)):
            with interrupts_held_back():
                in_flight.append(executor.submit(task, chunk))
        if not in_flight:
            return
        yield in_flight.popleft().result()


def _settle(lifeline: Connection, at_end: Callable[[], None] | None) -> None:
    """Prepare a worker process: leave Ctrl-C to the parent, and never outlive it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(lifeline, at_end), daemon=True).start()


def _run_task(task: Callable[[ChunkT], ResultT], chunk: ChunkT) -> ResultT:
    """Run a task in a worker process, which may be ended as long as it lasts."""
    with _may_change:
        is_ending = _life.is_ending
        _life.is_working = not is_ending
    if is_ending:
        _clean.wait(2 * _PATIENCE_S)
        os._exit(1)
    try:
        return task(chunk)
    finally:
        with _may_change:
            _life.is_working = False


def _end_with(lifeline: Connection, at_end: Callable[[], None] | None) -> None:
    """End this process with its parent: at once in a task, else once the last result is sent.

    To end while a result is on its way would leave the parent waiting for the rest of it.
    """
    lifeline.poll(None)  # nothing is ever sent: it becomes readable when the other end is gone
    with _may_change:  # so that a task that ends now sends nothing any more
        if _life.is_working:
            _clean_up(at_end)
            os._exit(1)
        _life.is_ending = True
    _clean_up(at_end)
    _clean.set()
    time.sleep(_PATIENCE_S)  # an idle worker is told by the executor, if there is one still
    os._exit(1)


def _clean_up(at_end: Callable[[], None] | None) -> None:
    if at_end is None:
        return
    last = threading.Thread(target=at_end, daemon=True)
    last.start()
    last.join(_PATIENCE_S)
    time.sleep(_GRACE_S)  # the executor kills the other workers when one is gone


@dataclass(slots=True)
class _Life:
    """What a worker process is at."""

    is_working: bool = False
    is_ending: bool = False


_life = _Life()
_may_change = threading.Lock()
_clean = threading.Event()
