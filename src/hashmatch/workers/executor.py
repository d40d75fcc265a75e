"""The executor protocol, and the two executors that stay in this process."""

from __future__ import annotations

import signal
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import partial
from itertools import islice
from typing import Any, Protocol, Self, TypeVar

from hashmatch.errors import Attempt, HashmatchError, attempt

ItemT = TypeVar("ItemT")
ItemT_contra = TypeVar("ItemT_contra", contravariant=True)
ResultT = TypeVar("ResultT")
ResultT_co = TypeVar("ResultT_co", covariant=True)

_IN_FLIGHT_PER_THREAD = 16
"""The higher this is, the less one slow item holds up the others."""


class Executor(Protocol[ItemT_contra, ResultT_co]):
    """A task and where it runs; threads may share an executor if each calls `map` for itself.

    As a context manager, an executor closes itself on exit.
    """

    def map(self, items: Iterable[ItemT_contra], /) -> Generator[ResultT_co, None, None]:
        """Yield the task's result for each item, in the order of the items.

        Items are read lazily, in the calling thread, and a bounded number is in flight, so `items`
        may be endless. An exception that the task raises is raised here, after the results of all
        earlier items. Closing the generator drops the items that have not been started.
        """
        ...

    def close(self) -> None:
        """Release threads and processes; `map` may not be called again."""
        return

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class InlineExecutor(Executor[ItemT, ResultT]):
    """Runs the task in the calling thread, one item at a time."""

    def __init__(self, task: Callable[[ItemT], ResultT]) -> None:
        self._task = task

    def map(self, items: Iterable[ItemT], /) -> Generator[ResultT, None, None]:
        """See `Executor.map`; an item is read when its result is requested."""
        yield from map(self._task, items)


class ThreadExecutor(Executor[ItemT, ResultT]):
    """Runs the task in `workers` threads, for tasks that release the GIL."""

    def __init__(self, task: Callable[[ItemT], ResultT], *, workers: int) -> None:
        self._task = task
        self._most_in_flight = _IN_FLIGHT_PER_THREAD * workers
        self._pool = ThreadPoolExecutor(workers)

    def map(self, items: Iterable[ItemT], /) -> Generator[ResultT, None, None]:
        """See `Executor.map`; closing the generator waits for the items that have been started."""
        in_flight: deque[Future[ResultT]] = deque()
        source = iter(items)
        try:
            while True:
                for item in islice(source, self._most_in_flight - len(in_flight)):
                    with interrupts_blocked():
                        in_flight.append(self._submit(item))
                if not in_flight:
                    return
                result = in_flight[0].result()
                in_flight.popleft()
                yield result
        finally:
            wait([future for future in in_flight if not future.cancel()])

    def _submit(self, item: ItemT) -> Future[ResultT]:
        try:
            return self._pool.submit(self._task, item)
        except RuntimeError as error:  # no more threads, or closed
            raise HashmatchError(f"cannot run a task in a thread: {error}") from error

    def close(self) -> None:
        """Wait for the items that have been started and end the threads."""
        self._pool.shutdown(wait=True, cancel_futures=True)


def attempted(
    task: Callable[[ItemT], ResultT],
) -> Callable[[Attempt[ItemT]], Attempt[ResultT]]:
    """Return a task from attempt to attempt that passes errors on; see `errors.attempt`."""
    return partial(_attempt_value, task)


def _attempt_value(task: Callable[[ItemT], ResultT], item: Attempt[ItemT]) -> Attempt[ResultT]:
    if item.error is not None:
        return Attempt(error=item.error)
    return attempt(task, item.unwrap())


def spread(function: Callable[..., ResultT]) -> Callable[[tuple[Any, ...]], ResultT]:
    """Return a picklable task that takes a tuple and calls `function` with its members."""
    return partial(_call, function)


def _call(function: Callable[..., ResultT], arguments: tuple[Any, ...]) -> ResultT:
    return function(*arguments)


@contextmanager
def interrupts_blocked() -> Iterator[None]:
    """Block SIGINT in this thread, so that threads and processes started meanwhile never see it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
