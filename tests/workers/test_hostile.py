"""Children that a stranger has taken over: what they send, and what they try to do."""

import ctypes
import errno
import io
import os
import pickle
import platform
import signal
import socket
import stat
import struct
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from hashmatch.errors import Attempt, ErrorKind
from hashmatch.workers import IsolatedExecutor, Isolation, probe_protection
from hashmatch.workers.channel import Channel
from tests.workers.processes import AS_JSON, children_of

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs Linux")

LIMITS = Isolation(time_s=1.0)
HAS = probe_protection()
REFUSED = {errno.EPERM, errno.ENOSYS, errno.EACCES}


class Bomb:
    """Runs a command where it is unpickled."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[[str], object], tuple[str]]:
        return os.mkdir, (self.path,)


def channel() -> int:
    """Return the descriptor of the socket to the parent."""
    for descriptor in range(3, 64):
        try:
            if stat.S_ISSOCK(os.fstat(descriptor).st_mode):
                return descriptor
        except OSError:
            continue
    raise AssertionError


def framed(data: bytes, number: int = 0) -> bytes:
    return struct.pack("<QQ", len(data), number) + data


def reply(data: bytes) -> bytes:
    """Return a message with the number of the item that this process works on."""
    frame = sys._getframe()
    while not isinstance(found := frame.f_locals.get("channel"), Channel):
        assert frame.f_back is not None
        frame = frame.f_back
    return framed(data, found.number)


def drip() -> None:
    os.write(channel(), reply(b"v" + bytes(1000))[:-1000])
    while True:
        time.sleep(0.05)
        os.write(channel(), b"1")


MESSAGES: dict[str, Callable[[str], object]] = {
    "pickle": lambda path: os.write(channel(), pickle.dumps(Bomb(path))),
    "framed pickle": lambda path: os.write(channel(), framed(pickle.dumps(Bomb(path)))),
    "pickle as a value": lambda path: os.write(channel(), reply(b"v" + pickle.dumps(Bomb(path)))),
    "pickle as an error": lambda path: os.write(channel(), reply(b"e" + pickle.dumps(Bomb(path)))),
    "half a length": lambda _: os.write(channel(), b"\x05\0\0"),
    "half a frame": lambda _: os.write(channel(), reply(b'v"abcdef"')[:-4]),
    "half a frame, then the end": lambda _: [
        os.write(channel(), reply(b"v123")[:-2]),
        os._exit(0),
    ],
    "a frame of 4 GiB": lambda _: os.write(channel(), struct.pack("<QQ", 1 << 32, 1)),
    "a frame of 16 EiB": lambda _: os.write(channel(), b"\xff" * 4096),
    "nothing": lambda _: None,
    "the end": lambda _: os._exit(0),
    "a closed channel": lambda _: os.close(channel()),
    "an empty frame": lambda _: os.write(channel(), framed(b"")),
    "an unknown tag": lambda _: os.write(channel(), reply(b"x123")),
    "text that is no JSON": lambda _: os.write(channel(), reply(b"v[[[")),
    "an unknown kind": lambda _: os.write(channel(), reply(b"efine\nall is well")),
    "a reply to another item": lambda _: os.write(channel(), framed(b"v1", 1)),
    "a byte at a time": lambda _: drip(),
}


def send(item: dict[str, str]) -> str:
    """Answer, or send something else and then never anything."""
    if item["what"] in MESSAGES:
        MESSAGES[item["what"]](item["path"])
        time.sleep(1000)
    return item["what"]


def test_what_a_child_sends_costs_its_item_only(tmp_path: Path) -> None:
    path = tmp_path / "made by the parent"
    # Each next to an innocent one; in six processes, as most of the time is spent waiting.
    names = [name for what in MESSAGES for name in (what, f"after {what}")]
    items = [Attempt({"what": name, "path": str(path)}) for name in names]
    with IsolatedExecutor(send, LIMITS, workers=6, **AS_JSON) as executor:
        found = dict(zip(names, executor.map(items), strict=True))
    for what in MESSAGES:
        error = found[what].error
        assert error is not None, what
        assert error.kind in {ErrorKind.CRASHED, ErrorKind.TIMEOUT}, what
        assert found[f"after {what}"].value == f"after {what}"
    assert not path.exists()


def answer_twice(item: str) -> str:
    """Send an answer before the answer, and so another to the next item."""
    if item == "hostile":
        os.write(channel(), reply(b'v"a lie"') + reply(b'v"a lie"'))
    return item


def test_an_answer_too_many_costs_no_later_item() -> None:
    with IsolatedExecutor(answer_twice, LIMITS, **AS_JSON) as executor:
        found = list(executor.map(map(Attempt, ["hostile", "a", "b"])))
    assert [each.value for each in found] == ["a lie", "a", "b"]


def report(message: str) -> None:
    os.write(channel(), reply(b"edamaged\n" + message.encode()))
    time.sleep(1000)


def test_the_text_of_an_error_is_one_short_line() -> None:
    with IsolatedExecutor(report, LIMITS, **AS_JSON) as executor:
        (found,) = executor.map([Attempt("bad\x1b[31m\nblock: " + "x" * 10_000)])
    assert found.error is not None
    assert str(found.error).startswith("bad [31m block: xxx")
    assert len(str(found.error)) == 500


# What a child tries; each returns an error number, 0 if it succeeded. Numbers of calls on x86-64
# and on aarch64, of include/uapi/asm-generic/unistd.h and arch/x86/entry/syscalls/syscall_64.tbl.
CALLS = {
    "socketpair": (53, 199), "accept4": (288, 242), "connect": (42, 203), "ptrace": (101, 117),
    "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "tkill": (200, 130),
    "pidfd_open": (434, 434), "pidfd_send_signal": (424, 424), "execveat": (322, 281),
    "clone3": (435, 435), "mount": (165, 40), "unshare": (272, 97), "setns": (308, 268),
    "bpf": (321, 280), "perf_event_open": (298, 241), "keyctl": (250, 219),
    "io_uring_setup": (425, 425), "open_by_handle_at": (304, 265), "userfaultfd": (323, 282),
    "personality": (135, 92), "kcmp": (312, 272), "process_madvise": (440, 440),
    "sched_setaffinity": (203, 122), "unlinkat": (263, 35), "renameat2": (316, 276),
    "truncate": (76, 45), "shmget": (29, 194), "openat2": (437, 437), "chroot": (161, 51),
    "symlinkat": (266, 36), "rt_sigqueueinfo": (129, 138),
    "fchmodat": (268, 53), "setrlimit": (160, 164), "capset": (126, 91), "reboot": (169, 142),
    "memfd_create": (319, 279),
}  # fmt: skip
PTRACE_ATTACH, F_SETOWN, RLIMIT_AS, AT_FDCWD = 16, 8, 9, -100


def call(number: int, *arguments: Any) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    return ctypes.get_errno() if libc.syscall(number, *arguments) < 0 else 0


def errno_of(function: Callable[..., object], *arguments: Any) -> int:
    try:
        function(*arguments)
    except OSError as error:
        return error.errno or -1
    return 0


def open_file(path: str, flags: int = os.O_RDONLY) -> None:
    os.close(os.open(path, flags, 0o600))


def fork() -> None:
    if os.fork() == 0:
        os._exit(0)


def set_owner(pid: int) -> None:
    import fcntl

    fcntl.fcntl(channel(), F_SETOWN, pid)


def open_many() -> int:
    """Return the error number of opening more files, each of which may hold memory; 1000 do not."""
    opened: list[int] = []
    found = 0
    while found == 0 and len(opened) < 1000:
        found = errno_of(lambda: opened.extend(os.pipe()))
    for descriptor in opened:
        os.close(descriptor)
    return errno.EPERM if found == errno.EMFILE else found


def raise_memory_limit() -> None:
    import resource

    resource.prlimit(0, resource.RLIMIT_AS, (1 << 40, 1 << 50))


COLUMN = ["x86_64", "aarch64"].index(platform.machine()) if HAS.seccomp else 0
NUMBER = {name: numbers[COLUMN] for name, numbers in CALLS.items()}
NUMBER["tgkill"] = (234, 131)[COLUMN]


def call_with(name: str, pid: int, _: str) -> int:
    return call(NUMBER[name], pid, 0, 0, 0, 0)


DEEDS: dict[str, Callable[[int, str], int]] = {
    "open a socket": lambda *_: errno_of(socket.socket),
    "open a local socket": lambda *_: errno_of(socket.socket, socket.AF_UNIX),
    "write a file": lambda _, path: errno_of(open_file, path + "-new", os.O_WRONLY | os.O_CREAT),
    "append to a file": lambda _, path: errno_of(open_file, path, os.O_WRONLY | os.O_APPEND),
    "remove a file": lambda _, path: errno_of(os.remove, path),
    "make a folder": lambda _, path: errno_of(os.mkdir, path + "-folder"),
    "run a program": lambda *_: errno_of(os.execv, sys.executable, [sys.executable, "-c", ""]),
    "fork": lambda *_: errno_of(fork),
    "signal another": lambda pid, _: errno_of(os.kill, pid, 0),
    "signal a group": lambda *_: errno_of(os.kill, 0, 0),
    "signal all": lambda *_: errno_of(os.kill, -1, 0),
    "signal a thread of another": lambda pid, _: call(NUMBER["tgkill"], pid, pid, 0),
    "have the kernel signal another": lambda pid, _: errno_of(set_owner, pid),
    "trace another": lambda pid, _: call(NUMBER["ptrace"], PTRACE_ATTACH, pid, 0, 0),
    "write another's memory": lambda pid, _: errno_of(open_file, f"/proc/{pid}/mem", os.O_RDWR),
    "open many files": lambda *_: open_many(),
    "raise its limit": lambda *_: errno_of(raise_memory_limit),
}
DEEDS |= {name: partial(call_with, name) for name in CALLS}
READS: dict[str, Callable[[str], int]] = {
    "read a file": lambda path: errno_of(open_file, path),
    "list a folder": lambda path: errno_of(os.listdir, str(Path(path).parent)),
    "read another's memory": lambda _: errno_of(open_file, f"/proc/{os.getppid()}/maps"),
    "read the passwords": lambda _: errno_of(open_file, "/etc/passwd"),
}


def act(item: dict[str, Any]) -> int:
    if item["deed"] == "answer":
        return 0
    if item["deed"] in READS:
        return READS[item["deed"]](item["path"])
    return DEEDS[item["deed"]](item["pid"] or os.getppid(), item["path"])


@pytest.mark.skipif(not HAS.seccomp, reason="info says that this machine has no seccomp")
@pytest.mark.parametrize("of_sibling", [False, True])
def test_what_a_child_may_not_do(tmp_path: Path, *, of_sibling: bool) -> None:
    path = tmp_path / "codes.index"
    path.write_bytes(b"listed")
    before = children_of(os.getpid())
    with (
        IsolatedExecutor(act, LIMITS, **AS_JSON) as executor,
        IsolatedExecutor(act, LIMITS, **AS_JSON) as sibling,
    ):
        answer = Attempt({"deed": "answer", "path": "", "pid": 0})
        assert [each.value for each in sibling.map([answer])] == [0]
        (pid,) = children_of(os.getpid()) - before
        deeds = [
            Attempt({"deed": deed, "path": str(path), "pid": pid if of_sibling else 0})
            for deed in DEEDS
        ]
        found = dict(zip(DEEDS, executor.map(deeds), strict=True))
        assert [each.value for each in sibling.map([answer])] == [0]
        assert children_of(os.getpid()) - before >= {pid}  # the very one
    assert {deed: each.error for deed, each in found.items() if each.error} == {}
    refused = {deed: each.value for deed, each in found.items() if each.value in REFUSED}
    assert set(DEEDS) - set(refused) == set()
    assert sorted(tmp_path.iterdir()) == [path]
    assert path.read_bytes() == b"listed"


@pytest.mark.parametrize("deed", list(READS))
def test_a_child_reads_files_only_where_info_says_that_it_can(tmp_path: Path, deed: str) -> None:
    path = tmp_path / "codes.index"
    path.write_bytes(b"listed")
    with IsolatedExecutor(act, LIMITS, **AS_JSON) as executor:
        (found,) = executor.map([Attempt({"deed": deed, "path": str(path), "pid": 0})])
    assert (found.value in REFUSED) is (HAS.landlock > 0)
    assert READS[deed](str(path)) == 0  # here it is possible


def call_as_x32(_: str) -> int:
    return call(0x4000_0000 + 39)  # getpid


@pytest.mark.skipif(
    not HAS.seccomp or platform.machine() != "x86_64", reason="x32 is a way to call x86-64"
)
def test_a_call_of_another_architecture_ends_the_child() -> None:
    with IsolatedExecutor(call_as_x32, LIMITS, **AS_JSON) as executor:
        (found,) = executor.map([Attempt("x32")])
    assert str(found.error) == "decoder crashed: SIGSYS"


def status_of(_: str) -> list[str]:
    """Return what the kernel says about this process, through a file opened before."""
    STATUS[0].seek(0)
    return STATUS[0].read().decode().splitlines()


STATUS: list[io.FileIO] = []


def open_status() -> None:
    STATUS.append(io.FileIO("/proc/self/status"))


def test_the_kernel_confirms_what_info_says() -> None:
    with IsolatedExecutor(status_of, LIMITS, prepare=[open_status], **AS_JSON) as executor:
        (found,) = executor.map([Attempt("")])
    assert (f"NoNewPrivs:\t{1}" in found.unwrap()) is HAS.no_new_privs
    assert (f"Seccomp:\t{2}" in found.unwrap()) is HAS.seccomp


def start_thread() -> None:
    threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()


@pytest.mark.skipif(not HAS.seccomp, reason="info says that this machine has no seccomp")
def test_a_thread_from_before_is_no_way_out(tmp_path: Path) -> None:
    """Landlock may not hold for it, so nobody in the process opens files."""
    path = tmp_path / "codes.index"
    path.write_bytes(b"listed")
    with IsolatedExecutor(act, LIMITS, prepare=[start_thread], **AS_JSON) as executor:
        items = [Attempt({"deed": "read a file", "path": str(path), "pid": 0})]
        items.append(Attempt({"deed": "read a file", "path": os.__file__, "pid": 0}))
        found = list(executor.map(items))
    is_for_all = HAS.landlock == 0 or HAS.landlock >= 8
    assert found[0].value in REFUSED or HAS.landlock == 0
    assert (found[1].value in REFUSED) is not is_for_all


def start_many(_: str) -> int:
    """Start processes and threads until the kernel refuses, or time is up."""
    while True:
        errno_of(fork)
        threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()


@pytest.mark.skipif(not HAS.seccomp, reason="info says that this machine has no seccomp")
def test_a_fork_bomb_costs_its_item_only() -> None:
    before = children_of(os.getpid())
    with IsolatedExecutor(start_many, Isolation(1.0, 64 << 20), **AS_JSON) as executor:
        (found,) = executor.map([Attempt("")])
        assert found.error is not None
    assert children_of(os.getpid()) == before
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
