"""Decode in processes of their own, each bounded in time and memory.

A decoder is C code on bytes that a stranger chose. Here, one that crashes, hangs or asks for too
much memory costs the content it was working on, which becomes a `DecodeError`; the process is
replaced and the rest goes on. pebble keeps the processes, one to a pool, because only then is it
always sure which content a dead process was working on.

Needs the resource limits and timers of Linux.
"""

from __future__ import annotations

import multiprocessing
import os
import queue
import resource
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import util
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from hashmatch.decode.running import Arguments, attempt
from hashmatch.decode.truncated import hand_over_truncated
from hashmatch.errors import DecodeError, HashmatchError
from hashmatch.interrupts import interrupts_held_back

if TYPE_CHECKING:
    from pebble import ProcessPool

ResultT = TypeVar("ResultT")

_AHEAD = 4
"""Contents that wait for a process, so that it never waits for us."""

_COPIES_OF_RECEIVED = 4
_LAST_RESORT_S = 5.0
_MOST_STARTS = 3
_STATM = Path("/proc/self/statm")


@dataclass(frozen=True, slots=True)
class Isolation:
    """What a decode in a process of its own may cost.

    Parameters
    ----------
    time_s : float
        Wall time for one content.
    memory_bytes : int
        Address space beyond what the process has when it starts. The largest pictures that
        `DecodeLimits` allows by default take about 1.5 GiB.
    truncated : bool
        Hash what can be decoded of a truncated file, the rest being grey or black, instead of
        refusing it. Pillow's switch for this is process-wide, so it is to be had here only.

    Raises
    ------
    ValueError
        For a limit that is not positive.
    """

    time_s: float = 30.0
    memory_bytes: int = 2 << 30
    truncated: bool = False

    def __post_init__(self) -> None:
        for name in ("time_s", "memory_bytes"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be positive, not {getattr(self, name)!r}")


class Isolated(Generic[ResultT]):
    """Runs a function in child processes; like `InProcess` for who uses it.

    Parameters
    ----------
    function : callable
        Importable from its module, as its arguments and results must be picklable.
    isolation : Isolation
    children : int
        Processes. A thread that runs contents has one of them to itself; others wait.
    prepare : callable, optional
        Called in each process, without arguments, before its memory is measured: to import what
        the function will need. Picklable; must not raise.

    Notes
    -----
    Safe to share between threads, but not to use after a fork. The processes are started by the
    first call of `run`, afresh (a script needs the usual ``if __name__ == "__main__":`` guard of
    `multiprocessing`), ignore Ctrl-C, and end with this object, with `close` or with this process.
    Their stderr goes nowhere.
    """

    def __init__(
        self,
        function: Callable[..., ResultT],
        isolation: Isolation,
        *,
        children: int = 1,
        prepare: Callable[[], object] | None = None,
    ) -> None:
        if not sys.platform.startswith("linux"):
            raise HashmatchError("decoding in isolation needs Linux")
        self._children = [_Child(function, isolation, prepare) for _ in range(children)]
        self._idle: queue.SimpleQueue[_Child[ResultT]] = queue.SimpleQueue()
        for child in self._children:
            self._idle.put(child)
        # Before multiprocessing waits for its children on exit, which would take for ever.
        self.close = util.Finalize(self, _stop_all, args=(self._children,), exitpriority=100)

    def run(self, contents: Iterable[Arguments | DecodeError]) -> Iterator[ResultT | DecodeError]:
        """See `Decoding`; a few contents ahead of what is taken are in work or wait for it.

        Raises
        ------
        HashmatchError
            Where processes die before they begin to work.
        """
        child = self._idle.get()
        try:
            yield from child.run(contents)
        finally:
            self._idle.put(child)


def _stop_all(children: Iterable[_Child[ResultT]]) -> None:
    for child in children:
        child.stop()


class _Job(Generic[ResultT]):
    """A content on its way through a child."""

    def __init__(self, arguments: Arguments | DecodeError) -> None:
        self.arguments = arguments
        self.future: Future[ResultT | DecodeError] | None = None


class _Child(Generic[ResultT]):
    def __init__(
        self,
        function: Callable[..., ResultT],
        isolation: Isolation,
        prepare: Callable[[], object] | None,
    ) -> None:
        self._function = function
        self._prepare = prepare
        self._isolation = isolation
        self._pool: ProcessPool | None = None
        self._waiting: deque[_Job[ResultT]] = deque()
        self._is_stopped = False

    def run(self, contents: Iterable[Arguments | DecodeError]) -> Iterator[ResultT | DecodeError]:
        waiting = self._waiting
        try:
            for arguments in contents:
                job: _Job[ResultT] = _Job(self._refused(arguments) or arguments)
                waiting.append(job)
                self._submit(job)
                if len(waiting) > _AHEAD:
                    yield self._next()
            while waiting:
                yield self._next()
        finally:
            self._give_up()

    def stop(self) -> None:
        self._is_stopped = True
        self._give_up()
        self._drop_pool()

    def _give_up(self) -> None:
        for job in list(self._waiting):
            if job.future is not None:
                job.future.cancel()
        self._waiting.clear()

    def _drop_pool(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.stop()  # type: ignore[no-untyped-call]
            pool.join()

    def _submit(self, job: _Job[ResultT]) -> None:
        if isinstance(job.arguments, DecodeError):
            return
        if self._is_stopped:
            raise HashmatchError("the processes to decode in have been stopped")
        if self._pool is None or not self._pool.active:
            self._drop_pool()
            self._pool = _start(self._function, self._isolation, self._prepare)
        with interrupts_held_back():  # the first call starts threads and the process
            job.future = self._pool.schedule(
                _attempt_in_time,
                args=(self._function, job.arguments, self._isolation),
                timeout=self._isolation.time_s,
            )

    def _next(self) -> ResultT | DecodeError:
        result = self._result(self._waiting[0])
        self._waiting.popleft()
        return result

    def _result(self, job: _Job[ResultT]) -> ResultT | DecodeError:
        from pebble import ProcessExpired  # noqa: PLC0415  (by now it is loaded)

        if isinstance(job.arguments, DecodeError):
            return job.arguments
        for _ in range(_MOST_STARTS):
            if job.future is None:
                self._submit(job)
            assert job.future is not None
            try:
                return job.future.result()
            except ProcessExpired as death:
                return self._verdict(death.exitcode)
            except TimeoutError:
                return self._verdict(-signal.SIGALRM)
            except BrokenProcessPool:  # no content was in work when the process died
                job.future = None
        raise HashmatchError(
            "processes to decode in die as they start; a script that decodes in isolation needs "
            'if __name__ == "__main__": around what it does'
        )

    def _refused(self, arguments: Arguments | DecodeError) -> DecodeError | None:
        """Refuse bytes that the process could not even receive: then it would die undecided."""
        if isinstance(arguments, DecodeError):
            return None
        sent_bytes = sum(len(one) for one in arguments if isinstance(one, bytes))
        if sent_bytes * _COPIES_OF_RECEIVED <= self._isolation.memory_bytes:
            return None
        return _out_of_memory("out of memory", self._isolation)

    def _verdict(self, exit_code: int) -> DecodeError:
        if exit_code == -signal.SIGALRM:
            return DecodeError(f"timed out: more than {self._isolation.time_s:g} s")
        try:
            cause = signal.Signals(-exit_code).name
        except ValueError:
            cause = f"exit code {exit_code}"
        return DecodeError(f"decoder crashed: {cause}")


def _start(
    function: Callable[..., object],
    isolation: Isolation,
    prepare: Callable[[], object] | None,
) -> ProcessPool:
    from pebble import ProcessPool  # noqa: PLC0415  (needed in isolation only)

    return ProcessPool(
        max_workers=1,
        context=multiprocessing.get_context("spawn"),
        initializer=_settle,
        # The function goes along so that its modules are loaded before memory is measured.
        initargs=(function, isolation, prepare),
    )


def _settle(
    _function: Callable[..., object],
    isolation: Isolation,
    prepare: Callable[[], object] | None,
) -> None:
    """Prepare a process: end when told to, whatever C code is at, and take no more memory."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if isolation.truncated:
        hand_over_truncated()
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)  # decoders write there
    os.close(nowhere)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if prepare is not None:
        prepare()
    held_bytes = int(_STATM.read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (held_bytes + isolation.memory_bytes,) * 2)


def _out_of_memory(words: str, isolation: Isolation) -> DecodeError:
    return DecodeError(f"{words}: more than {isolation.memory_bytes >> 20} MiB")


def _attempt_in_time(
    function: Callable[..., ResultT], arguments: Arguments, isolation: Isolation
) -> ResultT | DecodeError:
    # The parent ends a process that takes too long; this does where the parent is no more.
    signal.setitimer(signal.ITIMER_REAL, isolation.time_s + _LAST_RESORT_S)
    try:
        result = attempt(function, arguments)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    if isinstance(result, DecodeError) and str(result).startswith("out of memory"):
        return _out_of_memory(str(result), isolation)
    if isinstance(result, DecodeError):
        return DecodeError(str(result))  # without its cause, which need not be picklable
    return result
