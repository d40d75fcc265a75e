"""Worker processes that are replaced when they die and never outlive their parent."""

from __future__ import annotations

import os
import pickle
import queue
import signal
import threading
import weakref
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import count, islice
from socket import socket
from typing import Any, Generic, NoReturn, Protocol

from hashmatch.errors import HashmatchError
from hashmatch.workers.channel import Channel, ChannelError
from hashmatch.workers.child import Child, ChildStartError, end_with_parent, name_exit
from hashmatch.workers.executor import (
    Executor,
    ItemT,
    ItemT_contra,
    ResultT,
    ResultT_co,
    interrupts_blocked,
)

_IN_FLIGHT_PER_CHILD = 4
_ANY_SIZE = 1 << 62
_STOPPED = "the worker processes have been stopped"


class WorkerDiedError(HashmatchError):
    """A worker process died while working on item `item_number` (from 0) of those given to `map`.

    `cause` names the signal or exit code: ``"SIGKILL, possibly out of memory"``.
    """

    def __init__(self, item_number: int, cause: str) -> None:
        super().__init__(f"a worker process died ({cause}) while processing item {item_number}")
        self.item_number = item_number
        self.cause = cause


class ChildFailedError(Exception):
    """A child did not answer an item as it should; `reason` is what its link makes of it."""

    def __init__(self, reason: Any) -> None:
        super().__init__(str(reason))
        self.reason = reason


class Link(Protocol[ItemT_contra, ResultT_co]):
    """The way in which an executor speaks to its children; used by several threads."""

    def start(self) -> Child:
        """Start a child."""
        ...

    def answer_at_once(self, item: ItemT_contra, /) -> ResultT_co | None:
        """Return the result of an item that needs no child; None if it needs one."""
        ...

    def exchange(self, child: Child, item: ItemT_contra, /) -> ResultT_co:
        """Return a child's result for an item; ChildFailedError if the child is to be replaced."""
        ...

    def explain(self, failure: ChildFailedError, item_number: int, /) -> ResultT_co:
        """Return the result of an item at which a new child failed, or raise its error."""
        ...


class ChildExecutor(Executor[ItemT, ResultT]):
    """Base of executors that run a task in child processes, each driven by a thread.

    A child that dies or fails may have been spoilt by an earlier item. So the item is tried again
    in a new process, and only what happens there is its result.
    """

    def __init__(self, link: Link[ItemT, ResultT], workers: int) -> None:
        self._workers = workers
        self._crew = _Crew(link, workers)
        self._stop = weakref.finalize(self, self._crew.stop)

    def map(self, items: Iterable[ItemT], /) -> Generator[ResultT, None, None]:
        """See `Executor.map`; closing the generator kills the processes that work on its items.

        Raises HashmatchError if processes cannot be started, or have been stopped.
        """
        jobs: deque[_Job[ItemT, ResultT]] = deque()
        source, numbers = iter(items), count()
        try:
            while True:
                room = _IN_FLIGHT_PER_CHILD * self._workers - len(jobs)
                for item in islice(source, room):
                    jobs.append(self._crew.submit(item, next(numbers)))
                if not jobs:
                    return
                result = jobs[0].future.result()
                jobs.popleft()
                yield result
        finally:
            for job in jobs:
                self._crew.drop(job)

    def close(self) -> None:
        """Kill the processes; a `map` that is waiting for them raises HashmatchError."""
        self._stop()


class ProcessExecutor(ChildExecutor[ItemT, ResultT]):
    """Runs the task in `workers` processes; task, items and results must be picklable.

    The processes are trusted. The first `map` starts them, afresh, so a script needs the usual
    ``if __name__ == "__main__":`` guard of `multiprocessing`. They ignore Ctrl-C and wait until
    `close`, or the end of this object or of this process, kills them, whatever they are doing. If
    one dies while working, so that the task may be at fault, `WorkerDiedError` is raised instead of
    its result.
    """

    def __init__(self, task: Callable[[ItemT], ResultT], *, workers: int) -> None:
        super().__init__(_PickleLink(task), workers)


@dataclass(slots=True, eq=False)
class _Job(Generic[ItemT, ResultT]):
    """An item on its way through a child process."""

    item: ItemT
    number: int
    future: Future[ResultT] = field(default_factory=Future)
    child: Child | None = None
    is_dropped: bool = False


class _Crew(Generic[ItemT, ResultT]):
    """The drivers of the children, and the items that wait for them; holds no executor."""

    def __init__(self, link: Link[ItemT, ResultT], size: int) -> None:
        self.link = link
        self.queue: queue.SimpleQueue[_Job[ItemT, ResultT] | None] = queue.SimpleQueue()
        self.is_stopped = False
        self._size = size
        self._pid = os.getpid()
        self._threads: list[threading.Thread] = []
        self._children: set[Child] = set()
        self._may_change = threading.Lock()

    def submit(self, item: ItemT, number: int) -> _Job[ItemT, ResultT]:
        """Queue an item; HashmatchError if there is nobody to work on it."""
        if self._pid != os.getpid():
            raise HashmatchError(
                "worker processes belong to the process that started them: after a fork, open "
                "anew what uses them"
            )
        job = _Job[ItemT, ResultT](item, number)
        with self._may_change:
            if self.is_stopped:
                raise HashmatchError(_STOPPED)
            if len(self._threads) < self._size:
                self._add_driver()
            self.queue.put(job)
        return job

    def _add_driver(self) -> None:
        driver = _Driver(self)
        thread = threading.Thread(target=driver.run, name="hashmatch-worker", daemon=True)
        try:
            with interrupts_blocked():  # which the processes that it starts inherit
                thread.start()
        except RuntimeError as error:
            raise HashmatchError(f"cannot start a worker process: {error}") from error
        self._threads.append(thread)

    def assign(self, job: _Job[ItemT, ResultT], child: Child) -> None:
        """Note that a child works on an item, so that it is killed should that be given up."""
        with self._may_change:
            self._children.add(child)
            job.child = child
            if self.is_stopped or job.is_dropped:
                child.kill()

    def finish(self, job: _Job[ItemT, ResultT]) -> None:
        """Note that no child works on an item any more."""
        with self._may_change:
            job.child = None

    def dismiss(self, child: Child) -> None:
        """End a child."""
        with self._may_change:
            self._children.discard(child)
        child.stop()

    def drop(self, job: _Job[ItemT, ResultT]) -> None:
        """Give up an item, and kill the process that works on it."""
        with self._may_change:
            job.is_dropped = True
            if job.child is not None:
                job.child.kill()

    def stop(self) -> None:
        """Kill all processes, and wait until they are gone."""
        if self._pid != os.getpid():  # a copy, made by a fork
            return
        with self._may_change:
            self.is_stopped = True
            for child in self._children:
                child.kill()
            for _ in self._threads:
                self.queue.put(None)
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join()


class _Driver(Generic[ItemT, ResultT]):
    """A thread that has one child at a time, and gives it one item at a time."""

    def __init__(self, crew: _Crew[ItemT, ResultT]) -> None:
        self._crew = crew
        self._child: Child | None = None

    def run(self) -> None:
        """Work on items until there is None in the queue."""
        while (job := self._crew.queue.get()) is not None:
            try:
                job.future.set_result(self._find_result(job))
            except BaseException as error:
                job.future.set_exception(error)
            del job  # and with it the item
        self._dismiss_child()

    def _find_result(self, job: _Job[ItemT, ResultT]) -> ResultT:
        crew = self._crew
        answer = crew.link.answer_at_once(job.item)
        while answer is None:
            if crew.is_stopped or job.is_dropped:
                raise HashmatchError(_STOPPED)
            if self._child is not None and self._child.process.poll() is not None:
                self._dismiss_child()  # it died while it had nothing to do
            is_new = self._child is None
            try:
                answer = self._ask_child(job)
            except ChildFailedError as failure:
                self._dismiss_child()
                if is_new and not (crew.is_stopped or job.is_dropped):
                    answer = crew.link.explain(failure, job.number)
        return answer

    def _ask_child(self, job: _Job[ItemT, ResultT]) -> ResultT:
        crew = self._crew
        is_new = self._child is None
        try:
            child = self._child = self._child or crew.link.start()
            crew.assign(job, child)
            if is_new:
                child.await_ready()
            return crew.link.exchange(child, job.item)
        except ChildStartError as error:
            self._dismiss_child()
            raise HashmatchError(_STOPPED if crew.is_stopped else str(error)) from error.__cause__
        finally:
            crew.finish(job)

    def _dismiss_child(self) -> None:
        if self._child is not None:
            self._crew.dismiss(self._child)
            self._child = None


class _PickleLink(Generic[ItemT, ResultT]):
    """Items and results are pickled: for children that are trusted."""

    def __init__(self, task: Callable[[ItemT], ResultT]) -> None:
        self._main = partial(_serve, task)

    def start(self) -> Child:
        return Child(self._main)

    def answer_at_once(self, _: ItemT) -> None:
        return

    def exchange(self, child: Child, item: ItemT) -> ResultT:
        data = _pickle(item)
        try:
            child.channel.send(data)
            reply = child.channel.receive(_ANY_SIZE)
        except ChannelError:
            exit_code = child.wait()
            cause = name_exit(exit_code)
            if exit_code == -signal.SIGKILL:
                cause += ", possibly out of memory"
            raise ChildFailedError(cause) from None
        except BaseException:
            child.kill()  # what is still on its way must not pass for the next reply
            raise
        result, error = pickle.loads(reply)  # noqa: S301  (from this program's own processes)
        if error is not None:
            raise error
        return result  # type: ignore[no-any-return]

    def explain(self, failure: ChildFailedError, item_number: int) -> NoReturn:
        raise WorkerDiedError(item_number, str(failure))


def _pickle(value: object) -> bytes:
    try:
        return pickle.dumps(value)
    except MemoryError:
        raise
    except Exception as error:
        raise pickle.PicklingError(f"cannot be sent to another process: {error}") from error


def settle(lifeline: int) -> None:
    """Prepare a child: it leaves Ctrl-C to its parent, and ends on SIGTERM and with its parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    end_with_parent(lifeline)


def _serve(task: Callable[[ItemT], ResultT], lifeline: int, descriptor: int) -> None:
    """Run the task on the items that the parent sends: the main function of a worker process."""
    settle(lifeline)
    with socket(fileno=descriptor) as end, suppress(ChannelError):
        channel = Channel(end)
        channel.send(b"")
        while True:
            channel.send(_answer(task, channel.receive(_ANY_SIZE)))


def _answer(task: Callable[[Any], object], data: bytearray) -> bytes:
    """Return the result of a task, or what it raised, pickled."""
    try:
        return _pickle((task(pickle.loads(data)), None))  # noqa: S301
    except Exception as error:
        try:
            reply = pickle.dumps((None, error))
            pickle.loads(reply)  # noqa: S301
        except Exception:
            told = HashmatchError(f"{type(error).__name__}: {error}")
            reply = pickle.dumps((None, told))
        return reply
