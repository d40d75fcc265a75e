"""Isolated execution: each item is handled in a process that may be killed.

A decoder is C code run on bytes that a stranger chose. Here, if one crashes, hangs or asks for too
much memory, only its item is lost; the process is replaced and the other items are not affected.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Generic

from hashmatch.errors import Attempt, DecodeError, ErrorKind, HashmatchError, make_memory_error
from hashmatch.workers.executor import ItemT, ResultT, attempted
from hashmatch.workers.processes import ChildExecutor, end_with_parent, name_exit

_COPIES_OF_RECEIVED = 4
_LAST_RESORT_S = 5.0
_STATM = Path("/proc/self/statm")


@dataclass(frozen=True, slots=True)
class Isolation:
    """Limits on the work on one item in a process of its own; ValueError if out of range.

    `time_s` is wall time. `memory_bytes` is address space beyond what the process has when it
    starts; the largest pictures that `DecodeLimits` allows by default take about 1.5 GiB. With
    `truncated`, what can be decoded of a truncated file is hashed, with the rest grey or black,
    instead of being refused: Pillow's switch for this is process-wide, so it is offered only here.
    """

    time_s: float = 30.0
    memory_bytes: int = 2 << 30
    truncated: bool = False

    def __post_init__(self) -> None:
        for name, most in (("time_s", 1e6), ("memory_bytes", 1 << 50)):
            if not 0 < getattr(self, name) <= most:
                raise ValueError(f"{name} must be positive and at most {most:g}")


class IsolatedExecutor(ChildExecutor[Attempt[ItemT], Attempt[ResultT]], Generic[ItemT, ResultT]):
    """Runs the task in child processes, each bounded in time and memory.

    A result's error is the error of the item, or else of the task, or else says how the process
    failed: TIMEOUT, MEMORY or CRASHED. To get the same results from the same items in this process,
    wrap the task with `attempted`. Needs the resource limits and timers of Linux. Must not be used
    after a fork. Processes start and end like those of `ProcessExecutor`; their stderr is
    discarded.

    Parameters
    ----------
    task : callable
        Importable from its module and picklable; items and results must be picklable too.
    isolation : Isolation
    workers : int
        Number of processes, shared by all threads that call `map`.
    prepare : sequence of callable
        Called in each process, without arguments, before its memory is measured: to import what
        the task will need. Picklable; must not raise.
    encode, decode : callable, optional
        Used instead of pickle: `encode` the result in the child, `decode` it in this process.
    """

    def __init__(
        self,
        task: Callable[[ItemT], ResultT],
        isolation: Isolation,
        *,
        workers: int = 1,
        prepare: Sequence[Callable[[], object]] = (),
        encode: Callable[[ResultT], Any] | None = None,
        decode: Callable[[Any], ResultT] | None = None,
    ) -> None:
        if not sys.platform.startswith("linux"):
            raise HashmatchError("isolation needs Linux")
        self._isolation = isolation
        self._decode = decode
        run = partial(_run_in_time, attempted(task), encode, isolation)
        # The task comes along so that its modules are loaded before memory is measured.
        initargs = (task, isolation, tuple(prepare))
        super().__init__(run, workers, _settle, initargs, isolation.time_s)

    def map(self, items: Iterable[Attempt[ItemT]], /) -> Generator[Attempt[ResultT], None, None]:
        """Yield an attempt for each item; see `Executor.map`."""
        return super().map(map(self._refuse_if_too_large, items))

    def _refuse_if_too_large(self, item: Attempt[ItemT]) -> Attempt[ItemT]:
        """Reject an item that would exhaust the child's memory before it could report an error."""
        if _size_bytes(item.value) * _COPIES_OF_RECEIVED <= self._isolation.memory_bytes:
            return item
        return Attempt(error=make_memory_error())

    def _receive(self, item_number: int, future: Future[Any]) -> Attempt[ResultT]:
        from pebble import ProcessExpired  # noqa: PLC0415  (slow to import)

        limit_s = self._isolation.time_s
        late = DecodeError(f"timed out: more than {limit_s:g} s", ErrorKind.TIMEOUT)
        try:
            value, error = future.result().open()
        except MemoryError:  # the process could not even receive the item or report
            return Attempt(error=make_memory_error())
        except ProcessExpired as death:
            if death.exitcode == -signal.SIGALRM:
                return Attempt(error=late)
            cause = name_exit(death.exitcode)
            return Attempt(error=DecodeError(f"decoder crashed: {cause}", ErrorKind.CRASHED))
        except TimeoutError as timeout:
            if timeout.__cause__ is not None:  # the task itself raised it
                raise
            return Attempt(error=late)
        if error is not None:
            return Attempt(error=DecodeError(*error))
        return Attempt(value if self._decode is None else self._decode(value))


def _size_bytes(item: object) -> int:
    """Return the size of a bytes object, or the total size of those in a tuple."""
    if isinstance(item, tuple):
        return sum(map(_size_bytes, item))
    return len(item) if isinstance(item, bytes) else 0


def _settle(
    _task: Callable[..., object], isolation: Isolation, prepare: Sequence[Callable[[], object]]
) -> None:
    """Make this process end on SIGTERM, even inside C code, and limit its further memory."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    end_with_parent()
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)  # decoders write there
    os.close(nowhere)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for function in prepare:
        function()
    held_bytes = int(_STATM.read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (held_bytes + isolation.memory_bytes,) * 2)


def _run_in_time(
    task: Callable[[Attempt[ItemT]], Attempt[ResultT]],
    encode: Callable[[ResultT], Any] | None,
    isolation: Isolation,
    item: Attempt[ItemT],
) -> tuple[Any, tuple[str, ErrorKind] | None]:
    """Return the encoded result, or the message and kind of its error."""
    # The parent kills a process that takes too long; where the parent is gone, this does.
    signal.setitimer(signal.ITIMER_REAL, isolation.time_s + _LAST_RESORT_S)
    try:
        result = task(item)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    error = result.error
    if error is None:
        value = result.unwrap()
        return value if encode is None else encode(value), None
    limit = f": more than {isolation.memory_bytes >> 20} MiB"
    return None, (str(error) + limit * (error.kind is ErrorKind.MEMORY), error.kind)
