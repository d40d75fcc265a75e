"""The sandbox of a process that decodes: which system calls and which files are left to it.

Entered by plain system calls, as root or not: no new privileges; Landlock, under which nothing may
be written, and read only where Python and its packages lie; and a seccomp filter with a list of the
calls that decoding needs. Any other call fails as if the kernel did not have it, so that the C
library falls back where it can: no socket, no program, no process, no signal to another process.

Sources: Linux, Documentation/userspace-api/landlock.rst, seccomp_filter.rst and no_new_privs.rst;
include/uapi/linux/{landlock,seccomp,audit,prctl}.h; the tables of system calls of x86-64 and of
aarch64 (include/uapi/asm-generic/unistd.h).
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
import sys
import sysconfig
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

_PR_GET_NO_NEW_PRIVS, _PR_SET_NO_NEW_PRIVS = 39, 38

_LANDLOCK_CREATE_RULESET, _LANDLOCK_ADD_RULE, _LANDLOCK_RESTRICT_SELF = 444, 445, 446
_ASK_VERSION = 1
_RULE_PATH_BENEATH = 1
_READ_FILE, _READ_DIR = 1 << 2, 1 << 3
_FS_RIGHTS = {1: 13, 2: 14, 3: 15, 5: 16}
"""The number of rights to files that each version of Landlock can take away, from the first on."""
_NET_RIGHTS, _NET_SINCE = 0b11, 4
_SCOPES, _SCOPES_SINCE = 0b11, 6  # abstract sockets and signals of other processes
_ALL_THREADS, _ALL_THREADS_SINCE = 1 << 3, 8

_SET_MODE_FILTER, _GET_ACTION_AVAIL = 1, 2
_FILTER_ALL_THREADS = 1
_KILL, _ALLOW, _FAIL_WITH = 0x8000_0000, 0x7FFF_0000, 0x0005_0000
_X32_BIT = 0x4000_0000

_MACHINES = {"x86_64": (0xC000_003E, 0), "aarch64": (0xC000_00B7, 1)}
"""Each machine's name in audit.h, and its column below."""

_CALLS: dict[str, tuple[int, int | None]] = {
    "read": (0, 63), "readv": (19, 65), "pread64": (17, 67), "preadv": (295, 69),
    "preadv2": (327, 286), "write": (1, 64), "writev": (20, 66), "close": (3, 57),
    "close_range": (436, 436), "lseek": (8, 62), "fstat": (5, 80), "newfstatat": (262, 79),
    "stat": (4, None), "lstat": (6, None), "statx": (332, 291), "access": (21, None),
    "faccessat": (269, 48), "faccessat2": (439, 439), "readlink": (89, None),
    "readlinkat": (267, 78), "getdents64": (217, 61), "getcwd": (79, 17), "statfs": (137, 43),
    "fstatfs": (138, 44), "dup": (32, 23), "dup2": (33, None), "dup3": (292, 24),
    "pipe2": (293, 59), "eventfd2": (290, 19),
    "fadvise64": (221, 223), "mmap": (9, 222), "munmap": (11, 215), "mprotect": (10, 226),
    "mremap": (25, 216), "madvise": (28, 233), "mincore": (27, 232), "brk": (12, 214),
    "membarrier": (324, 283), "futex": (202, 98), "futex_waitv": (449, 449),
    "set_robust_list": (273, 99), "get_robust_list": (274, 100), "rseq": (334, 293),
    "set_tid_address": (218, 96), "gettid": (186, 178), "sched_yield": (24, 124),
    "sched_getaffinity": (204, 123), "sched_getparam": (143, 121),
    "sched_getscheduler": (145, 120), "sched_get_priority_max": (146, 125),
    "sched_get_priority_min": (147, 126), "getcpu": (309, 168), "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135), "rt_sigreturn": (15, 139), "rt_sigpending": (127, 136),
    "rt_sigtimedwait": (128, 137), "rt_sigsuspend": (130, 133), "sigaltstack": (131, 132),
    "pause": (34, None), "restart_syscall": (219, 128), "setitimer": (38, 103),
    "getitimer": (36, 102), "alarm": (37, None), "clock_gettime": (228, 113),
    "clock_getres": (229, 114), "clock_nanosleep": (230, 115), "nanosleep": (35, 101),
    "gettimeofday": (96, 169), "time": (201, None), "times": (100, 153), "getpid": (39, 172),
    "getppid": (110, 173), "getuid": (102, 174), "geteuid": (107, 175), "getgid": (104, 176),
    "getegid": (108, 177), "getresuid": (118, 148), "getresgid": (120, 150),
    "getgroups": (115, 158), "getpgrp": (111, None), "getpgid": (121, 155), "getsid": (124, 156),
    "uname": (63, 160), "sysinfo": (99, 179), "getrusage": (98, 165), "getrlimit": (97, 163),
    "getrandom": (318, 278), "arch_prctl": (158, None), "exit": (60, 93), "exit_group": (231, 94),
    "poll": (7, None), "ppoll": (271, 73), "select": (23, None), "pselect6": (270, 72),
    "epoll_create1": (291, 20), "epoll_ctl": (233, 21), "epoll_wait": (232, None),
    "epoll_pwait": (281, 22), "recvmsg": (47, 212), "recvfrom": (45, 207), "sendmsg": (46, 211),
    "sendto": (44, 206),
}  # fmt: skip
"""Calls that are allowed whatever their arguments: numbers on x86-64 and aarch64."""

_CHECKED: dict[str, tuple[int, int | None]] = {
    "clone": (56, 220), "open": (2, None), "openat": (257, 56), "kill": (62, 129),
    "tgkill": (234, 131), "prlimit64": (302, 261), "ioctl": (16, 29), "fcntl": (72, 25),
    "prctl": (157, 167),
}  # fmt: skip
"""Calls that are allowed with some arguments only."""
_SECCOMP = (317, 277)

_CLONE_THREAD = 0x1_0000
_WRITING = 0o3 | 0o100 | 0o1000  # O_ACCMODE, O_CREAT, O_TRUNC
# No F_SETOWN and the like, which make the kernel signal another process.
_FCNTLS = (0, 1, 2, 3, 4, 1030)  # F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_DUPFD_CLOEXEC
_IOCTLS = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)  # is it a terminal; flags of descriptors
_PRCTLS = (3, 15, 16, 39, 0x5356_4D41)  # read flags; names of threads and of memory


class SandboxError(OSError):
    """The kernel refused a part of the sandbox that it says it has."""


@dataclass(frozen=True, slots=True)
class Protection:
    """The parts of the sandbox that this machine has.

    `landlock` is the version of its interface, 0 if there is none.
    """

    no_new_privs: bool
    landlock: int
    seccomp: bool


def probe_protection() -> Protection:
    """Return which parts of the sandbox the kernel offers; changes nothing. Thread-safe."""
    if not sys.platform.startswith("linux"):
        return Protection(no_new_privs=False, landlock=0, seccomp=False)
    kill = ctypes.c_uint32(_KILL)
    column = _column()
    seccomp = -1
    if column is not None:
        seccomp = _libc().syscall(_SECCOMP[column], _GET_ACTION_AVAIL, 0, ctypes.byref(kill))
    return Protection(
        no_new_privs=_libc().prctl(_PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) >= 0,
        landlock=max(0, _libc().syscall(_LANDLOCK_CREATE_RULESET, None, 0, _ASK_VERSION)),
        seccomp=seccomp == 0,
    )


def restrict_files(readable: Iterable[Path]) -> None:
    """Give up for ever new privileges, writing, and reading files but those that imports need.

    `readable` are folders that may be read in addition to those of Python, its packages and the
    libraries of the system. SandboxError if the kernel refuses a part that `probe_protection`
    reports.
    """
    has = probe_protection()
    if has.no_new_privs:
        _check(_libc().prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "give up privileges")
    if has.landlock:
        _restrict_files(has.landlock, [*_folders_of_python(), *readable])


def prepare_filter() -> Callable[[], None]:
    """Return a function that gives up for ever the system calls that decoding does not need.

    It holds for all threads of the process, and takes no memory when it is called.
    """
    has = probe_protection()
    column = _column()
    if not has.seccomp or column is None:
        return lambda: None
    # Before version 8, Landlock holds for one thread and those that it starts.
    is_for_all = len(os.listdir("/proc/self/task")) == 1  # noqa: PTH208
    is_for_all |= has.landlock >= _ALL_THREADS_SINCE
    may_open = is_for_all or not has.landlock
    program = b"".join(filter_program(platform.machine(), os.getpid(), may_open=may_open))
    code = ctypes.create_string_buffer(program, len(program))
    head = struct.pack("@HP", len(program) // 8, ctypes.addressof(code))
    call = partial(_libc().syscall, _SECCOMP[column], _SET_MODE_FILTER, _FILTER_ALL_THREADS, head)

    def install(_: object = code) -> None:
        _check(-1 if call() else 0, "give up system calls")

    return install


def _folders_of_python() -> Iterator[Path]:
    """Yield the folders that imports and shared libraries are read from, as far as they exist."""
    names = {"site-packages", "dist-packages", "lib-dynload"}
    yield from (path for path in map(Path, sys.path) if path.name in names)
    yield from (Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib"))
    yield from (Path(prefix, "lib") for prefix in (sys.prefix, sys.base_prefix))
    yield from map(Path, ("/usr/lib", "/usr/lib64", "/usr/local/lib", "/lib", "/lib64"))


def _restrict_files(version: int, readable: Iterable[Path]) -> None:
    n_rights = max(n for since, n in _FS_RIGHTS.items() if since <= version)
    net = _NET_RIGHTS if version >= _NET_SINCE else 0
    scopes = _SCOPES if version >= _SCOPES_SINCE else 0
    attributes = struct.pack("=QQQ", (1 << n_rights) - 1, net, scopes)
    size_bytes = 24 if scopes else 16 if net else 8
    create, add, restrict = "create a ruleset", "add a rule", "restrict itself"
    ruleset = _check(_libc().syscall(_LANDLOCK_CREATE_RULESET, attributes, size_bytes, 0), create)
    for path in set(readable):
        try:
            folder = os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError:  # not there: nothing to read
            continue
        rule = struct.pack("=Qi", _READ_FILE | _READ_DIR, folder)
        _check(_libc().syscall(_LANDLOCK_ADD_RULE, ruleset, _RULE_PATH_BENEATH, rule, 0), add)
        os.close(folder)
    flags = _ALL_THREADS if version >= _ALL_THREADS_SINCE else 0
    _check(_libc().syscall(_LANDLOCK_RESTRICT_SELF, ruleset, flags), restrict)
    os.close(ruleset)


def filter_program(machine: str, pid: int, *, may_open: bool) -> list[bytes]:
    """Return the instructions of classic BPF that judge each system call of process `pid`.

    A call of another architecture, or of x32, ends the process; a call that is not on the list
    fails with ENOSYS, one with arguments that are not allowed with EPERM. With `may_open`, files
    may be opened for reading.
    """
    architecture, column = _MACHINES[machine]
    program = [_load(_ARCHITECTURE), _step(_JEQ, architecture, 1, 0), _return(_KILL)]
    program.append(_load(_NUMBER))
    if machine == "x86_64":
        program += [_step(_JGE, _X32_BIT, 0, 1), _return(_KILL)]
    # The checked first, then those that only their number decides.
    checks = {
        "clone": _having(0, _CLONE_THREAD),
        "kill": _among(_argument(0), [pid]),
        "tgkill": _among(_argument(0), [pid]),
        "prlimit64": [
            *_among(_argument(0), [0, pid]),
            *_among(_argument(2), [0]),
            *_among(_argument(2) + 4, [0]),  # no new limit
        ],
        "ioctl": _among(_argument(1), _IOCTLS),
        "fcntl": _among(_argument(1), _FCNTLS),
        "prctl": _among(_argument(0), _PRCTLS),
    }
    for name, flags in ("open", 1), ("openat", 2):
        checks[name] = _lacking(flags, _WRITING) if may_open else [_REFUSE]
    for name, check in checks.items():
        number = _CHECKED[name][column]
        if number is not None:
            body = [*check, _return(_ALLOW)]
            program += [_step(_JEQ, number, 0, len(body)), *body]
    for numbers in _CALLS.values():
        number = numbers[column]
        if number is not None:
            program += [_step(_JEQ, number, 0, 1), _return(_ALLOW)]
    return [*program, _return(_FAIL_WITH | errno.ENOSYS)]


# Instructions of classic BPF (include/uapi/linux/filter.h), and offsets in `struct seccomp_data`.
_LOAD, _JEQ, _JGE, _JSET, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE = 0, 4


def _argument(number: int) -> int:
    """Return the offset of the lower half of an argument of the call."""
    return 16 + 8 * number


def _step(code: int, value: int, if_so: int = 0, if_not: int = 0) -> bytes:
    """Return an instruction; `if_so` and `if_not` are numbers of instructions to skip."""
    return struct.pack("=HBBI", code, if_so, if_not, value)


def _load(offset: int) -> bytes:
    return _step(_LOAD, offset)


def _return(action: int) -> bytes:
    return _step(_RETURN, action)


_REFUSE = _return(_FAIL_WITH | errno.EPERM)


def _among(offset: int, values: Sequence[int]) -> list[bytes]:
    """Refuse the call unless the word at an offset is one of the values."""
    found = [_step(_JEQ, value, len(values) - at) for at, value in enumerate(values)]
    return [_load(offset), *found, _REFUSE]


def _having(argument: int, bits: int) -> list[bytes]:
    """Refuse the call unless its argument has one of the bits."""
    return [_load(_argument(argument)), _step(_JSET, bits, 1, 0), _REFUSE]


def _lacking(argument: int, bits: int) -> list[bytes]:
    """Refuse the call if its argument has one of the bits."""
    return [_load(_argument(argument)), _step(_JSET, bits, 0, 1), _REFUSE]


def _column() -> int | None:
    """Return the column of the tables of calls for this machine; None if there is none."""
    # A 32-bit program on a 64-bit kernel has other numbers.
    is_known = platform.machine() in _MACHINES and sys.maxsize > 2**32
    return _MACHINES[platform.machine()][1] if is_known else None


@cache
def _libc() -> ctypes.CDLL:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    return libc


def _check(result: int, step: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise SandboxError(number, f"the decoding process cannot {step}: {os.strerror(number)}")
    return result
