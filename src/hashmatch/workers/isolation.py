"""Isolated execution: each item is handled in a process that may be killed, and is not trusted.

A decoder is C code run on bytes that a stranger chose. If one crashes, hangs or asks for too much
memory, only its item is lost; the process is replaced and the other items are not affected. If a
stranger takes one over, that process can do next to nothing (`sandbox`), and nothing it sends is
believed before it is checked.
"""

from __future__ import annotations

import io
import pickle
import resource
import secrets
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from socket import socket
from time import monotonic
from typing import Any, Generic

from hashmatch.errors import Attempt, DecodeError, ErrorKind, HashmatchError, make_memory_error
from hashmatch.workers.channel import Channel, ChannelError, TooLongError
from hashmatch.workers.child import Child, ChildMain, name_exit
from hashmatch.workers.executor import ItemT, ResultT
from hashmatch.workers.processes import ChildExecutor, ChildFailedError, settle
from hashmatch.workers.sandbox import prepare_filter, restrict_files

_COPIES_OF_RECEIVED = 4
_TIGHT_BYTES = 64 << 20
_MOST_REPLY_BYTES = 256 << 20
_MOST_LETTERS = 500
_MOST_FILES = 256
_MOST_SECONDS, _MOST_MEMORY_BYTES = 1e6, 1 << 50
_VALUE, _ERROR = b"v", b"e"
_STATM = Path("/proc/self/statm")
_PACKAGE = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Isolation:
    """Limits on the work on one item in a process of its own; ValueError if out of range.

    `time_s` is wall time. `memory_bytes` is address space beyond what the process has when it
    starts; the largest pictures that `DecodeLimits` allows by default take about 1.5 GiB.
    """

    time_s: float = 30.0
    memory_bytes: int = 2 << 30

    def __post_init__(self) -> None:
        if not 0 < self.time_s <= _MOST_SECONDS:
            raise ValueError(f"time_s must be positive and at most {_MOST_SECONDS:g}")
        is_integer = isinstance(self.memory_bytes, int) and not isinstance(self.memory_bytes, bool)
        if not is_integer or not 0 < self.memory_bytes <= _MOST_MEMORY_BYTES:
            raise ValueError(
                f"memory_bytes must be an integer, positive and at most {_MOST_MEMORY_BYTES}"
            )


class IsolatedExecutor(ChildExecutor[Attempt[ItemT], Attempt[ResultT]], Generic[ItemT, ResultT]):
    """Runs the task in child processes, each bounded in time, memory and what it may do.

    A result's error is the error of the item, or else of the task, or else says how the process
    failed: TIMEOUT, MEMORY or CRASHED. To get the same results from the same items in this process,
    wrap the task with `attempted`; only what is not a DecodeError is raised there, and an error of
    kind CRASHED here, since a process that was taken over must not stop its parent. Needs Linux.
    Must not be used after a fork. Processes start and end like those of `ProcessExecutor`; their
    standard streams lead nowhere.

    Parameters
    ----------
    task : callable
        Importable from its module and picklable; so must its items be.
    isolation : Isolation
    encode : callable
        Called with a result in the child; returns it as bytes.
    decode : callable
        Called in this process with an item and the bytes that the child sent, which may be any
        bytes: returns the result, or raises ValueError if they are not one for this item.
    workers : int
        Number of processes, shared by all threads that call `map`.
    prepare : sequence of callable
        Called in each process, without arguments, before it is confined: to import what the task
        will need. Picklable.
    send : callable, optional
        Called in this process with an item, in another thread; returns what is sent instead. Open
        files (`io.FileIO`) in it arrive open, and are then closed here. May raise DecodeError.
    """

    def __init__(
        self,
        task: Callable[[Any], ResultT],
        isolation: Isolation,
        *,
        encode: Callable[[ResultT], bytes],
        decode: Callable[[ItemT, bytes], ResultT],
        workers: int = 1,
        prepare: Sequence[Callable[[], object]] = (),
        send: Callable[[ItemT], object] | None = None,
    ) -> None:
        if not sys.platform.startswith("linux"):
            raise HashmatchError("isolation needs Linux")
        main = _Service(task, encode, isolation, tuple(prepare))
        super().__init__(_SealedLink(main, isolation, decode, send), workers)


@dataclass(frozen=True, slots=True)
class _SealedLink(Generic[ItemT, ResultT]):
    """Items are pickled, results are checked: for children that are not trusted."""

    main: ChildMain
    isolation: Isolation
    decode: Callable[[ItemT, bytes], ResultT]
    send: Callable[[ItemT], object] | None

    def start(self) -> Child:
        return Child(self.main, is_confined=True)

    def answer_at_once(self, item: Attempt[ItemT]) -> Attempt[ResultT] | None:
        """Return the error of an item, or that it would leave the child no memory to report one."""
        if item.error is not None:
            return Attempt(error=item.error)
        if _size_bytes(item.value) * _COPIES_OF_RECEIVED > self.isolation.memory_bytes:
            return Attempt(error=make_memory_error(_describe(self.isolation)))
        return None

    def exchange(self, child: Child, item: Attempt[ItemT]) -> Attempt[ResultT]:
        """Return what a child makes of an item, once it has been checked."""
        value, limit_s = item.unwrap(), self.isolation.time_s
        deadline_s = monotonic() + limit_s
        try:
            with ExitStack() as files:
                try:
                    data, descriptors = _pack(
                        value if self.send is None else self.send(value), files
                    )
                except DecodeError as error:
                    return Attempt(error=DecodeError(str(error), error.kind))
                number = secrets.randbits(64)  # so that no reply can be to a later item
                child.channel.send(data, number=number, files=descriptors, deadline_s=deadline_s)
            reply = child.channel.receive(_MOST_REPLY_BYTES, deadline_s=deadline_s)
            attempt = self._read_reply(value, bytes(reply), is_to_it=child.channel.number == number)
        except TimeoutError:
            late = f"timed out: more than {limit_s:g} s"
            raise ChildFailedError(DecodeError(late, ErrorKind.TIMEOUT)) from None
        except MemoryError:
            raise ChildFailedError(make_memory_error()) from None
        except TooLongError:
            raise ChildFailedError(_senseless()) from None
        except ChannelError:
            cause = name_exit(child.wait())
            raise ChildFailedError(
                DecodeError(f"decoder crashed: {cause}", ErrorKind.CRASHED)
            ) from None
        if attempt.error is not None and attempt.error.kind is ErrorKind.MEMORY:
            raise ChildFailedError(attempt.error)  # earlier items may have left it too little
        return attempt

    def _read_reply(self, item: ItemT, reply: bytes, *, is_to_it: bool) -> Attempt[ResultT]:
        tag, body = reply[:1] if is_to_it else b"", reply[1:]
        try:
            if tag == _ERROR:
                kind, _, message = body.decode("utf-8", "replace").partition("\n")
                return Attempt(error=received_error(message, kind))
            if tag == _VALUE:
                return Attempt(self.decode(item, body))
        except MemoryError:
            return Attempt(error=make_memory_error())
        except Exception:
            raise ChildFailedError(_senseless()) from None
        raise ChildFailedError(_senseless())

    def explain(self, failure: ChildFailedError, _: int) -> Attempt[ResultT]:
        return Attempt(error=failure.reason)


def _senseless() -> DecodeError:
    return DecodeError("decoder crashed: its reply makes no sense", ErrorKind.CRASHED)


def received_error(message: str, kind: str) -> DecodeError:
    """Return an error that a child reports, its message shortened and in one line.

    ValueError if there is no such kind.
    """
    letters = (letter if letter.isprintable() else " " for letter in message[:_MOST_LETTERS])
    return DecodeError("".join(letters), ErrorKind(kind))


def _describe(isolation: Isolation) -> str:
    return f": more than {isolation.memory_bytes / (1 << 20):g} MiB"


def _size_bytes(item: object) -> int:
    """Return the size of a bytes object, or the total size of those in a tuple."""
    if isinstance(item, tuple):
        return sum(map(_size_bytes, item))
    return len(item) if isinstance(item, bytes) else 0


class _Pickler(pickle.Pickler):
    """Leaves out open files, and collects them in `files`."""

    def __init__(self, buffer: io.BytesIO) -> None:
        super().__init__(buffer)
        self.files: list[io.FileIO] = []

    def persistent_id(self, value: object) -> int | None:
        if not isinstance(value, io.FileIO):
            return None
        self.files.append(value)
        return len(self.files) - 1


class _Unpickler(pickle.Unpickler):
    """Puts open files where `_Pickler` left them out."""

    def __init__(self, buffer: io.BytesIO, files: Sequence[io.FileIO]) -> None:
        super().__init__(buffer)
        self._files = files

    def persistent_load(self, number: int) -> io.FileIO:
        return self._files[number]


def _pack(value: object, files: ExitStack) -> tuple[bytes, list[int]]:
    """Return a pickled value, and the descriptors of the files in it, which `files` will close."""
    buffer = io.BytesIO()
    pickler = _Pickler(buffer)
    try:
        pickler.dump(value)
    except MemoryError:
        raise
    except Exception as error:
        raise pickle.PicklingError(f"cannot be sent to another process: {error}") from error
    finally:
        for file in pickler.files:
            files.enter_context(file)
    return buffer.getvalue(), [file.fileno() for file in pickler.files]


@dataclass(frozen=True, slots=True)
class _Service(Generic[ResultT]):
    """The main function of a confined process: runs the task on the items that the parent sends."""

    task: Callable[[Any], ResultT]
    encode: Callable[[ResultT], bytes]
    isolation: Isolation
    prepare: Sequence[Callable[[], object]]

    def __call__(self, lifeline: int, descriptor: int) -> None:
        """Serve until the parent is gone."""
        with socket(fileno=descriptor) as end, suppress(ChannelError):
            channel = Channel(end)
            try:
                settle(lifeline)
                for function in self.prepare:
                    function()
                _confine(self.isolation)
            except Exception as error:
                channel.send(f"{type(error).__name__}: {error}".encode("utf-8", "replace"))
                return
            channel.send(b"")
            while True:
                channel.send(self._answer(channel), number=channel.number)

    def _answer(self, channel: Channel) -> bytes:
        """Receive an item; return the encoded result of the task, or its error."""
        with ExitStack() as opened:
            try:
                data, descriptors = channel.receive_with_files(sys.maxsize)
                files = [opened.enter_context(io.FileIO(each)) for each in descriptors]
                buffer = io.BytesIO(data)
                del data
                item = _Unpickler(buffer, files).load()
                del buffer
                reply = _VALUE + self.encode(self.task(item))
                if len(reply) <= _MOST_REPLY_BYTES:
                    return reply
                error = DecodeError("too many hashes to report", ErrorKind.TOO_MUCH_WORK)
            except ChannelError:
                raise
            except DecodeError as raised:
                error = raised
            except MemoryError:
                error = make_memory_error()
            except Exception as bug:
                message = f"decoder failed: {type(bug).__name__}: {bug}"
                error = DecodeError(message, ErrorKind.CRASHED)
        if error.kind is ErrorKind.DAMAGED and self.isolation.memory_bytes < _TIGHT_BYTES:
            # Some decoders say that data is damaged when they get no memory.
            error = make_memory_error(f", or {error}")
        limit = _describe(self.isolation) if error.kind is ErrorKind.MEMORY else ""
        return _ERROR + f"{error.kind}\n{error}{limit}".encode("utf-8", "replace")


def _confine(isolation: Isolation) -> None:
    """Limit for ever what this process may do, and the memory that it may add."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    most_files = min(_MOST_FILES, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    resource.setrlimit(resource.RLIMIT_NOFILE, (most_files, most_files))
    held_bytes = int(_STATM.read_text().split()[0]) * resource.getpagesize()
    install_filter = prepare_filter()
    restrict_files([_PACKAGE])
    resource.setrlimit(resource.RLIMIT_AS, (held_bytes + isolation.memory_bytes,) * 2)
    install_filter()
