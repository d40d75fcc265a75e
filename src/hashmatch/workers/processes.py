"""Worker processes that are replaced when they die and never outlive their parent."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import threading
import weakref
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import resource_tracker, util
from multiprocessing.context import SpawnContext, SpawnProcess
from typing import TYPE_CHECKING, Any, Generic

from hashmatch.errors import HashmatchError
from hashmatch.workers.executor import Executor, ItemT, ResultT, interrupts_blocked

if TYPE_CHECKING:
    from pebble import ProcessPool

_QUEUED_PER_CHILD = 2
"""The item that a process works on and the next, so that it never waits for this process."""
_IN_FLIGHT_PER_CHILD = 4
_MOST_STARTS = 3
_PATIENCE_S = 2
_EXIT_OF_ZERO = 256  # stands for exit code 0


class WorkerDiedError(HashmatchError):
    """A worker process died while working on item `item_number` (from 0) of those given to `map`.

    `cause` names the signal or exit code: ``"SIGKILL, possibly out of memory"``.
    """

    def __init__(self, item_number: int, cause: str) -> None:
        super().__init__(f"a worker process died ({cause}) while processing item {item_number}")
        self.item_number = item_number
        self.cause = cause


class ChildExecutor(Executor[ItemT, ResultT]):
    """Base of executors that run a function in child processes, each in a pebble pool of its own.

    So it is known which item a dead process was working on. `initializer` is called in each
    process as it starts; after `timeout_s` with one item a process is killed and replaced.
    """

    def __init__(
        self,
        function: Callable[[ItemT], object],
        workers: int,
        initializer: Callable[..., None],
        initargs: tuple[Any, ...],
        timeout_s: float | None = None,
    ) -> None:
        start, run = partial(_start_pool, initializer, initargs), partial(_run, function)
        self._children = [_Child(start, run, timeout_s) for _ in range(workers)]
        # Before multiprocessing waits for its children on exit, which would take forever.
        self._stop = util.Finalize(self, _stop_all, args=(self._children,), exitpriority=100)
        _open_executors.add(self)

    def map(self, items: Iterable[ItemT], /) -> Generator[ResultT, None, None]:
        """See `Executor.map`; closing the generator kills the processes that work on its items.

        Raises HashmatchError if processes die before they start work, or have been stopped.
        """
        jobs: deque[_Job[ItemT]] = deque()
        source = iter(items)
        changed = threading.Event()
        n_done = 0
        try:
            while True:
                changed.clear()
                self._fill(jobs, source, changed)
                if not jobs:
                    return
                job, future = jobs[0], jobs[0].future
                if not future.done():
                    if not changed.wait(_PATIENCE_S) and not job.child.is_running:
                        job.restart(changed)
                elif future.cancelled():
                    raise HashmatchError(_STOPPED)
                elif isinstance(future.exception(), BrokenProcessPool):
                    job.restart(changed)
                else:
                    result = self._receive(n_done, future)
                    jobs.popleft()
                    n_done += 1
                    yield result
        finally:
            for job in jobs:
                job.future.cancel()

    def close(self) -> None:
        """Kill the processes; a `map` that is waiting for them raises HashmatchError."""
        self.stop()

    def stop(self) -> bool:
        """Kill the processes; return False if another caller is doing so at this moment."""
        if self._stop():  # None from the second call on
            _open_executors.discard(self)
        return self not in _open_executors

    def _receive(self, item_number: int, future: Future[_Parcel]) -> ResultT:
        """Return the result for an item, whether the function returned, raised or died."""
        raise NotImplementedError

    def _fill(
        self, jobs: deque[_Job[ItemT]], source: Iterator[ItemT], changed: threading.Event
    ) -> None:
        """Hand items to the children with the fewest queued, up to the limits per child."""
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


class ProcessExecutor(ChildExecutor[ItemT, ResultT]):
    """Runs the task in `workers` processes; task, items and results must be picklable.

    The first `map` starts the processes, afresh, so a script needs the usual ``if __name__ ==
    "__main__":`` guard of `multiprocessing`. They ignore Ctrl-C and wait until `close`, or the end
    of this object or of this process, kills them, whatever they are doing, along with the processes
    that they started. If one dies while working, `WorkerDiedError` is raised instead of its result.
    """

    def __init__(self, task: Callable[[ItemT], ResultT], *, workers: int) -> None:
        super().__init__(task, workers, _settle, (task,))

    def _receive(self, item_number: int, future: Future[_Parcel]) -> ResultT:
        from pebble import ProcessExpired  # noqa: PLC0415  (slow to import)

        try:
            result: ResultT = future.result().open()
        except ProcessExpired as death:
            cause = name_exit(death.exitcode)
            if death.exitcode == -signal.SIGKILL:
                cause += ", possibly out of memory"
            raise WorkerDiedError(item_number, cause) from None
        return result


@dataclass(slots=True)
class _Job(Generic[ItemT]):
    """An item on its way through a child process."""

    item: ItemT
    child: _Child
    future: Future[_Parcel]
    n_starts: int = 1

    def restart(self, changed: threading.Event) -> None:
        """Try again after the process died while it was not working on any item."""
        if self.n_starts == _MOST_STARTS:
            raise HashmatchError(
                "worker processes die on start-up; a script that starts them needs if __name__ "
                '== "__main__": around what it does, and what they run must be importable'
            )
        self.n_starts += 1
        self.future = self.child.submit(self.item, changed)


@dataclass(slots=True, eq=False)
class _Child:
    """One process at a time, in a pool that is started when it is needed."""

    start_pool: Callable[[], ProcessPool]
    function: Callable[[_Parcel], _Parcel]
    timeout_s: float | None
    pool: ProcessPool | None = None
    is_stopped: bool = False
    futures: set[Future[_Parcel]] = field(default_factory=set)
    may_change: threading.RLock = field(default_factory=threading.RLock)

    @property
    def is_running(self) -> bool:
        return self.pool is not None and self.pool.active

    def submit(self, item: object, changed: threading.Event) -> Future[_Parcel]:
        """Return the future of an item; `changed` is set when the future is done."""
        future: Future[_Parcel] = Future()
        with self.may_change, interrupts_blocked():
            if self.is_stopped:
                raise HashmatchError(_STOPPED)
            pool = self.pool
            if pool is None or not pool.active:
                _stop_pools([pool])
                self.pool = None
                self.pool = pool = self.start_pool()
            try:
                arguments = (_Parcel(item),)
                future = pool.schedule(self.function, arguments, timeout=self.timeout_s)
            except RuntimeError as error:  # the process has died just now
                future.set_exception(BrokenProcessPool(str(error)))
            self.futures.add(future)
        future.add_done_callback(self.futures.discard)
        future.add_done_callback(lambda _: changed.set())
        return future

    def give_up(self) -> ProcessPool | None:
        """Cancel all items in flight, accept no more, and return the pool, to be stopped."""
        with self.may_change:
            self.is_stopped = True
        for future in list(self.futures):
            future.cancel()
        return self.pool


class _Parcel:
    """A value sent to another process; `open` raises any error that occurred on the way.

    In pebble, a value that cannot be pickled or unpickled would silently stop the pool.
    """

    def __init__(self, value: Any, error: Exception | None = None) -> None:
        self._value = value
        self._error = error

    def __reduce__(self) -> tuple[Callable[[bytes], _Parcel], tuple[bytes]]:
        try:
            return _unpack, (pickle.dumps(self._value),)
        except MemoryError:
            raise
        except Exception as error:
            raise pickle.PicklingError(f"cannot be sent to another process: {error}") from error

    def open(self) -> Any:
        if self._error is not None:
            raise self._error
        return self._value


def _unpack(data: bytes) -> _Parcel:
    try:
        return _Parcel(pickle.loads(data))  # noqa: S301  (from this program's own processes)
    except Exception as error:
        return _Parcel(None, error)


def _run(function: Callable[[Any], object], item: _Parcel) -> _Parcel:
    """Call a function in a child process; send what it raises to the parent."""
    try:
        return _Parcel(function(item.open()))
    except Exception as error:
        try:
            pickle.loads(pickle.dumps(error))  # noqa: S301
        except Exception:
            raise HashmatchError(f"{type(error).__name__}: {error}") from error
        raise


class _Process(SpawnProcess):
    """A process that never exits with code 0, because pebble would then wait for its result."""

    @property
    def exitcode(self) -> int | None:
        code = super().exitcode
        return _EXIT_OF_ZERO if code == 0 else code


class _Context(SpawnContext):
    Process = _Process


def _start_pool(initializer: Callable[..., None], initargs: tuple[Any, ...]) -> ProcessPool:
    from pebble import ProcessPool  # noqa: PLC0415  (slow to import)

    pool = ProcessPool(1, initializer=initializer, initargs=initargs, context=_Context())
    try:
        resource_tracker.ensure_running()
        # Again, since the tracker unblocks it when it starts; a new process must not see Ctrl-C.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        _ = pool.active  # starts it
    except (OSError, RuntimeError) as error:
        _stop_pools([pool])
        reason = error.__cause__ or error
        raise HashmatchError(f"cannot start a worker process: {reason}") from error
    return pool


def _stop_all(children: Iterable[_Child]) -> bool:
    _stop_pools([child.give_up() for child in children])
    return True


def _stop_pools(pools: Iterable[ProcessPool | None]) -> None:
    started = [pool for pool in pools if pool is not None]
    for pool in started:
        pool.stop()  # type: ignore[no-untyped-call]
    for pool in started:
        pool.join()


def name_exit(exit_code: int) -> str:
    """Return the name of the signal that ended a process, or its exit code."""
    try:
        return signal.Signals(-exit_code).name
    except ValueError:
        return f"exit code {0 if exit_code == _EXIT_OF_ZERO else exit_code}"


def _settle(_task: object) -> None:
    """Prepare a worker process; the task is passed in so that its modules are imported."""
    signal.signal(signal.SIGTERM, _end_process)
    end_with_parent()


def end_with_parent() -> None:
    """Make this child process end as soon as its parent is gone."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        _end_process()

    threading.Thread(target=watch, daemon=True).start()


def _end_process(*_: object) -> None:
    """End this process and those that it started, whatever they are doing."""
    signal.alarm(_PATIENCE_S)  # kills, should closing wait for what the main thread holds
    are_stopped = [executor.stop() for executor in list(_open_executors)]
    if all(are_stopped):
        os.kill(os.getpid(), signal.SIGKILL)


_STOPPED = "the worker processes have been stopped"
_open_executors: weakref.WeakSet[ChildExecutor[Any, Any]] = weakref.WeakSet()
