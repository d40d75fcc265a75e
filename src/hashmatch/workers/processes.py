"""Worker processes: replaced when they die, never outliving their parent."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from multiprocessing import util
from typing import TYPE_CHECKING, Any, Generic

from hashmatch.errors import HashmatchError
from hashmatch.workers.executor import Executor, ItemT, ResultT, interrupts_blocked

if TYPE_CHECKING:
    from pebble import ProcessPool

_QUEUED_PER_CHILD = 2
"""The item that a process works on and the next, so that it never waits for this process."""
_IN_FLIGHT_PER_CHILD = 4
_MOST_STARTS = 3
_STOPPED = "the worker processes have been stopped"


class WorkerDiedError(HashmatchError):
    """A worker process died while it worked on an item.

    Parameters
    ----------
    item_number : int
        Position of the item among those mapped, from 0.
    cause : str
        The signal or exit code, such as ``"SIGKILL, possibly out of memory"``.
    """

    def __init__(self, item_number: int, cause: str) -> None:
        super().__init__(f"a worker process died ({cause}) while processing item {item_number}")
        self.item_number = item_number
        self.cause = cause


class ProcessExecutor(Executor[ItemT, ResultT]):
    """Runs the task in worker processes.

    Parameters
    ----------
    task : callable
        Picklable, as items and results must be.
    workers : int
        Processes. They are started by the first `map`, afresh, so a script needs the usual
        ``if __name__ == "__main__":`` guard of `multiprocessing`.

    Notes
    -----
    Workers ignore Ctrl-C. They are killed, whatever they are doing, and so are the processes that
    they started, by `close` and when this process ends.
    """

    def __init__(self, task: Callable[[ItemT], ResultT], *, workers: int) -> None:
        self._children: ChildProcesses[ItemT] = ChildProcesses(
            task, workers, initializer=_settle, initargs=(task,)
        )

    def map(self, items: Iterable[ItemT], /) -> Generator[ResultT, None, None]:
        """See `Executor.map`; closing the generator kills the processes that work on its items.

        Raises
        ------
        WorkerDiedError
            A process died; in the place of the result that it owed.
        HashmatchError
            Processes die as they start.
        """
        from pebble import ProcessExpired  # noqa: PLC0415  (slow to import)

        with closing(self._children.run(items)) as futures:
            for number, future in enumerate(futures):
                try:
                    result: ResultT = future.result()
                except ProcessExpired as death:
                    cause = name_exit(death.exitcode)
                    if death.exitcode == -signal.SIGKILL:
                        cause += ", possibly out of memory"
                    raise WorkerDiedError(number, cause) from None
                yield result

    def close(self) -> None:
        """Kill the processes."""
        self._children.close()


class ChildProcesses(Generic[ItemT]):
    """Processes that run a function on items: one pebble pool per process.

    With one process to a pool it is certain which item a dead process was working on.

    Parameters
    ----------
    function : callable
    n_children : int
    initializer, initargs
        Called in each process as it starts.
    timeout_s : float, optional
        Wall time for one item, after which its process is killed and replaced.
    """

    def __init__(
        self,
        function: Callable[[ItemT], object],
        n_children: int,
        *,
        initializer: Callable[..., None],
        initargs: tuple[Any, ...],
        timeout_s: float | None = None,
    ) -> None:
        start = partial(_start_pool, initializer, initargs)
        self._children = [_Child(start, function, timeout_s) for _ in range(n_children)]
        # Before multiprocessing waits for its children on exit, which would take for ever.
        self.close = util.Finalize(self, _stop_all, args=(self._children,), exitpriority=100)

    def run(self, items: Iterable[ItemT]) -> Generator[Future[Any], None, None]:
        """Yield a finished future for each item, in order.

        Raises
        ------
        HashmatchError
            Processes die before they begin to work, or have been stopped.
        """
        jobs: deque[_Job[ItemT]] = deque()
        source = iter(items)
        changed = threading.Event()
        try:
            while True:
                changed.clear()
                self._fill(jobs, source, changed)
                if not jobs:
                    return
                first = jobs[0]
                if not first.future.done():
                    changed.wait()
                elif first.future.cancelled():
                    raise HashmatchError(_STOPPED)
                elif isinstance(first.future.exception(), BrokenProcessPool):
                    first.restart(changed)
                else:
                    jobs.popleft()
                    yield first.future
        finally:
            for job in jobs:
                job.future.cancel()

    def _fill(
        self, jobs: deque[_Job[ItemT]], source: Iterator[ItemT], changed: threading.Event
    ) -> None:
        """Hand items to the children that have the fewest, within the bounds."""
        while len(jobs) < _IN_FLIGHT_PER_CHILD * len(self._children):
            queued = Counter(job.child for job in jobs if not job.future.done())
            child = min(self._children, key=queued.__getitem__)
            if queued[child] >= _QUEUED_PER_CHILD:
                return
            for item in source:
                jobs.append(_Job(item, child, child.submit(item, changed)))
                break
            else:
                return


@dataclass(slots=True)
class _Job(Generic[ItemT]):
    """An item on its way through a child process."""

    item: ItemT
    child: _Child[ItemT]
    future: Future[Any]
    n_starts: int = 1

    def restart(self, changed: threading.Event) -> None:
        """Try again after the process died while it was not working on any item."""
        if self.n_starts == _MOST_STARTS:
            raise _start_error(self.future.exception())
        self.n_starts += 1
        self.future = self.child.submit(self.item, changed)


def _start_error(error: BaseException | None) -> HashmatchError:
    cause = error.__cause__ if error is not None else None
    if isinstance(cause, OSError):
        return HashmatchError(f"cannot start a worker process: {cause.strerror or cause}")
    return HashmatchError(
        "worker processes die as they start; a script that starts them needs "
        'if __name__ == "__main__": around what it does, and what they run must be importable'
    )


class _Child(Generic[ItemT]):
    """One process at a time, in a pool that is started when it is needed."""

    def __init__(
        self,
        start: Callable[[], ProcessPool],
        function: Callable[[ItemT], object],
        timeout_s: float | None,
    ) -> None:
        self._start = start
        self._function = function
        self._timeout_s = timeout_s
        self._pool: ProcessPool | None = None
        self._futures: set[Future[Any]] = set()
        self._is_stopped = False
        self._may_change = threading.Lock()

    def submit(self, item: ItemT, changed: threading.Event) -> Future[Any]:
        """Return the future of an item; `changed` is set when it is done.

        Where no process can be started, that is the future's exception.
        """
        future: Future[Any]
        with self._may_change, interrupts_blocked():
            if self._is_stopped:
                raise HashmatchError(_STOPPED)
            try:
                if self._pool is None or not self._pool.active:
                    _stop_pools([self._pool])
                    self._pool = self._start()
                future = self._pool.schedule(self._function, args=(item,), timeout=self._timeout_s)
            except (OSError, BrokenProcessPool) as error:
                future = Future()
                future.set_exception(_with_cause(error))
            self._futures.add(future)
        future.add_done_callback(self._futures.discard)
        future.add_done_callback(lambda _: changed.set())
        return future

    def give_up(self) -> ProcessPool | None:
        """Cancel what is in flight, accept nothing more, and return the pool to be stopped."""
        with self._may_change:
            self._is_stopped = True
            pool, self._pool = self._pool, None
        for future in list(self._futures):
            future.cancel()
        return pool


def _with_cause(error: OSError | BrokenProcessPool) -> BrokenProcessPool:
    if isinstance(error, BrokenProcessPool):
        return error
    broken = BrokenProcessPool(str(error))
    broken.__cause__ = error
    return broken


def _stop_all(children: Iterable[_Child[Any]]) -> None:
    _stop_pools([child.give_up() for child in children])


def _stop_pools(pools: Iterable[ProcessPool | None]) -> None:
    started = [pool for pool in pools if pool is not None]
    for pool in started:
        pool.stop()  # type: ignore[no-untyped-call]
    for pool in started:
        pool.join()


def _start_pool(initializer: Callable[..., None], initargs: tuple[Any, ...]) -> ProcessPool:
    from pebble import ProcessPool  # noqa: PLC0415  (slow to import)

    return ProcessPool(
        max_workers=1,
        context=multiprocessing.get_context("spawn"),
        initializer=initializer,
        initargs=initargs,
    )


def name_exit(exit_code: int) -> str:
    """Return the name of the signal that ended a process, or its exit code."""
    try:
        return signal.Signals(-exit_code).name
    except ValueError:
        return f"exit code {exit_code}"


def _settle(_task: Callable[..., object]) -> None:
    """Prepare a worker process; the task comes along so that its modules are imported."""
    signal.signal(signal.SIGTERM, lambda *_: _end_process())
    end_with_parent()


def end_with_parent() -> None:
    """Have this process, a child, end as soon as its parent is gone."""
    threading.Thread(target=_watch_parent, daemon=True).start()


def _watch_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    _end_process()


def _end_process() -> None:
    try:
        for child in multiprocessing.active_children():
            child.kill()
    finally:
        os.kill(os.getpid(), signal.SIGKILL)
