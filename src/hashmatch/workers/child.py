"""One child process: its start, its end, and the channel to it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pickle
import select
import signal
import socket
import subprocess
import threading
from multiprocessing import process, spawn
from time import monotonic
from typing import Protocol

from hashmatch.errors import HashmatchError
from hashmatch.workers.channel import Channel, ChannelError

_ONE_THREAD = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
_START_S = 300.0
_MOST_REPORT_BYTES = 1 << 16
_OF_MAIN = {"init_main_from_name", "init_main_from_path"}
_SIGNAL_WHEN_CLOSED = getattr(fcntl, "F_SETSIG", None)
_REMEDY = (
    'a script that starts them needs if __name__ == "__main__": around what it does, and what they '
    "run must be importable"
)

# What a child runs first. The environment is read by libraries as they are loaded; nothing of ours
# can be imported before `sys.path` is the parent's. What goes wrong is reported, not printed.
_BOOT = """
import os
os.environ.update({environment!r})
import pickle, socket
from multiprocessing import process, spawn
def boot():
    with open({lifeline}, "rb", closefd=False) as parent:
        process.current_process()._inheriting = True
        try:
            spawn.prepare(pickle.load(parent))
            return pickle.load(parent)
        finally:
            del process.current_process()._inheriting
errors = os.dup(2)
os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
try:
    run = boot()
except BaseException as error:
    text = f"{{type(error).__name__}}: {{error}}".encode("utf-8", "replace")[:60_000]
    os.write({channel}, len(text).to_bytes(8, "little") + bytes(8) + text)
    os._exit(1)
os.dup2(errors, 2)
os.close(errors)
run({lifeline}, {channel})
"""


class ChildStartError(HashmatchError):
    """A child cannot be started, or is not able to work."""


class ChildMain(Protocol):
    """The main function of a child; picklable.

    It is given the descriptors of its lifeline and of its channel, and sends an empty message when
    it is ready, or else the reason why it cannot be.
    """

    def __call__(self, lifeline: int, channel: int, /) -> None:
        """Serve until the parent is gone."""
        ...


class Child:
    """A running process, which is ready for work after `await_ready`.

    ChildStartError if it cannot be started. Its lifeline is a pipe whose other end closes with this
    process, whatever ends that. With `is_confined`, its standard streams lead nowhere, libraries
    are told to start no threads, and the program's main module is imported only if `main` is from
    there.
    """

    def __init__(self, main: ChildMain, *, is_confined: bool = False) -> None:
        try:
            sent = pickle.dumps(main)
            with_main = not is_confined or b"__main__" in sent
            message = pickle.dumps(_preparation(with_main=with_main)) + sent
            with contextlib.ExitStack() as opened:
                self._start(message, opened, is_confined=is_confined)
                opened.pop_all()
        except Exception as error:
            raise ChildStartError(f"cannot start a worker process: {error}") from error

    def _start(self, message: bytes, opened: contextlib.ExitStack, *, is_confined: bool) -> None:
        ours, theirs = socket.socketpair()
        self.channel = Channel(ours)
        opened.callback(self.channel.close)
        with theirs, contextlib.ExitStack() as inherited:
            lifeline, self._lifeline = os.pipe()
            inherited.callback(os.close, lifeline)
            opened.callback(os.close, self._lifeline)
            boot = _BOOT.format(
                environment=_ONE_THREAD if is_confined else {},
                lifeline=lifeline,
                channel=theirs.fileno(),
            )
            command = spawn.get_command_line()
            nowhere = subprocess.DEVNULL if is_confined else None
            self.process = subprocess.Popen(  # noqa: S603  (this Python)
                [*command[: command.index("-c")], "-c", boot],
                pass_fds=(lifeline, theirs.fileno()),
                stdin=nowhere,
                stdout=nowhere,
                stderr=nowhere,
            )
        with (
            contextlib.suppress(BrokenPipeError),  # it has died already
            open(self._lifeline, "wb", closefd=False) as pipe,
        ):
            pipe.write(message)

    def await_ready(self) -> None:
        """Wait until the process can work; ChildStartError with the reason if it cannot."""
        try:
            report = self.channel.receive(_MOST_REPORT_BYTES, deadline_s=monotonic() + _START_S)
            reason = report.decode("utf-8", "replace")
        except TimeoutError:
            reason = f"not ready after {_START_S:g} s"
        except ChannelError:
            reason = name_exit(self.wait())
        if reason:
            raise ChildStartError(f"worker processes die on start-up ({reason}); {_REMEDY}")

    def kill(self) -> None:
        """Kill the process; from any thread."""
        self.process.kill()

    def wait(self, patience_s: float = 1.0) -> int:
        """Return the exit code of a process that is ending; kill it if it is not."""
        try:
            return self.process.wait(patience_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()

    def stop(self) -> None:
        """Kill the process and release what belongs to it."""
        self.process.kill()
        self.process.wait()
        self.channel.close()
        os.close(self._lifeline)


def _preparation(*, with_main: bool) -> dict[str, object]:
    """Return what makes a child like this process: its paths, its arguments, its main module."""
    if getattr(process.current_process(), "_inheriting", False):
        raise RuntimeError(f"this process is itself a worker that is starting; {_REMEDY}")
    preparation = dict(spawn.get_preparation_data("hashmatch-worker"))
    left_out = {"authkey"} if with_main else {"authkey", *_OF_MAIN}
    return {name: value for name, value in preparation.items() if name not in left_out}


def name_exit(exit_code: int) -> str:
    """Return the name of the signal that ended a process, or its exit code."""
    try:
        return signal.Signals(-exit_code).name
    except ValueError:
        return f"exit code {exit_code}"


def end_with_parent(lifeline: int) -> None:
    """Make this child process end as soon as its parent is gone, whatever it is doing.

    On Linux the kernel kills it when the other end of `lifeline` closes; elsewhere a thread does.
    """
    if _SIGNAL_WHEN_CLOSED is None:
        threading.Thread(target=_end_when_closed, args=(lifeline,), daemon=True).start()
        return
    fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(lifeline, _SIGNAL_WHEN_CLOSED, signal.SIGKILL)
    fcntl.fcntl(lifeline, fcntl.F_SETFL, os.O_RDONLY | os.O_ASYNC)
    if select.select([lifeline], [], [], 0)[0]:  # it was closed before
        _end_when_closed(lifeline)


def _end_when_closed(lifeline: int) -> None:
    os.read(lifeline, 1)
    os.kill(os.getpid(), signal.SIGKILL)
