"""The filter of system calls, run by an interpreter of BPF, for both machines that it knows."""

import errno
import re
import struct
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashmatch.workers import Protection, probe_protection, sandbox
from hashmatch.workers.sandbox import filter_program

PID = 4711
ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
KILL, ALLOW, EPERM, ENOSYS = "kill", "allow", "EPERM", "ENOSYS"
ACTIONS = {
    0x80000000: KILL,
    0x7FFF0000: ALLOW,
    0x00050000 | errno.EPERM: EPERM,
    0x00050000 | errno.ENOSYS: ENOSYS,
}
NUMBERS = {  # of the tables of Linux, not of the module
    "x86_64": {
        "read": 0, "mmap": 9, "recvmsg": 47, "exit_group": 231, "futex": 202, "clone": 56,
        "openat": 257, "kill": 62, "tgkill": 234, "prlimit64": 302, "ioctl": 16, "fcntl": 72,
        "prctl": 157, "socket": 41, "connect": 42, "execve": 59, "execveat": 322, "fork": 57,
        "vfork": 58, "clone3": 435, "ptrace": 101, "bpf": 321, "io_uring_setup": 425,
        "process_vm_writev": 311, "mount": 165, "openat2": 437, "tkill": 200, "open": 2,
    },
    "aarch64": {
        "read": 63, "mmap": 222, "recvmsg": 212, "exit_group": 94, "futex": 98, "clone": 220,
        "openat": 56, "kill": 129, "tgkill": 131, "prlimit64": 261, "ioctl": 29, "fcntl": 25,
        "prctl": 167, "socket": 198, "connect": 203, "execve": 221, "execveat": 281,
        "clone3": 435, "ptrace": 117, "bpf": 280, "io_uring_setup": 425,
        "process_vm_writev": 271, "mount": 40, "openat2": 437, "tkill": 130,
    },
}  # fmt: skip
ALLOWED = {"read", "mmap", "recvmsg", "exit_group", "futex"}
CHECKED = {"clone", "openat", "kill", "tgkill", "prlimit64", "ioctl", "fcntl", "prctl", "open"}


def judge(
    machine: str, number: int, *arguments: int, may_open: bool = True, of: str | None = None
) -> str:
    """Run the program as the kernel does (Documentation/networking/filter.rst)."""
    program = filter_program(machine, PID, may_open=may_open)
    words = [each % (1 << 64) for each in (*arguments, *[0] * 6)[:6]]
    data = struct.pack("<IIQ6Q", number, ARCHITECTURES[of or machine], 0, *words)
    steps = [struct.unpack("=HBBI", step) for step in program]
    at = accumulator = 0
    while True:
        code, if_so, if_not, value = steps[at]
        at += 1
        if code == 0x20:
            (accumulator,) = struct.unpack_from("<I", data, value)
        elif code == 0x06:
            return ACTIONS[value]
        else:
            is_so = {
                0x15: accumulator == value, 0x35: accumulator >= value, 0x45: accumulator & value
            }[code]  # fmt: skip
            at += if_so if is_so else if_not


@pytest.mark.parametrize("machine", list(NUMBERS))
def test_calls_are_judged_by_their_numbers(machine: str) -> None:
    for name, number in NUMBERS[machine].items():
        if name not in CHECKED:
            assert judge(machine, number) == (ALLOW if name in ALLOWED else ENOSYS), name
    for other in range(500, 1000):
        assert judge(machine, other) == ENOSYS


@pytest.mark.parametrize("machine", list(NUMBERS))
def test_calls_are_judged_by_their_arguments(machine: str) -> None:
    number = NUMBERS[machine]

    def of(name: str, *arguments: int) -> str:
        return judge(machine, number[name], *arguments)

    thread, process = 0x3D0F00, 0x1200011
    assert (of("clone", thread), of("clone", process), of("clone", 17)) == (ALLOW, EPERM, EPERM)
    assert (of("kill", PID, 9), of("kill", 1, 9)) == (ALLOW, EPERM)
    assert {of("kill", other, 9) for other in (0, -1, -PID, PID + 1, PID - 1)} == {EPERM}
    assert (of("tgkill", PID, 5, 6), of("tgkill", 1, 1, 6)) == (ALLOW, EPERM)
    read_only, cloexec = 0, 0o2000000
    assert of("openat", -100, 1, read_only | cloexec) == ALLOW
    for flags in (1, 2, 3, 0o100, 0o1000, 0o2101, 0o20000002):
        assert of("openat", -100, 1, flags) == EPERM
    assert judge(machine, number["openat"], -100, 1, 0, may_open=False) == EPERM
    limit = 0x7FFF_0000_0000  # a pointer whose lower half is 0
    assert (of("prlimit64", 0, 9, 0, 1), of("prlimit64", PID, 9, 0, 1)) == (ALLOW, ALLOW)
    assert {of("prlimit64", 0, 9, new, 0) for new in (limit, 8, limit + 8)} == {EPERM}
    assert of("prlimit64", 1, 9, 0, 1) == EPERM
    assert (of("ioctl", 1, 0x5401), of("ioctl", 1, 0x5412), of("ioctl", 1, 0x8901)) == (
        *(ALLOW, EPERM, EPERM),
    )
    assert {of("fcntl", 3, command) for command in (8, 10, 15, 1024, 1033)} == {EPERM}
    assert {of("fcntl", 3, command) for command in (0, 1, 2, 3, 4, 1030)} == {ALLOW}
    assert (of("prctl", 15), of("prctl", 35), of("prctl", 0x59616D61)) == (ALLOW, EPERM, EPERM)
    if "open" in number:
        assert (of("open", 1, 0), of("open", 1, 0o101)) == (ALLOW, EPERM)


@pytest.mark.parametrize("machine", list(NUMBERS))
@given(number=st.integers(0, (1 << 32) - 1), argument=st.integers(0, (1 << 64) - 1))
def test_a_foreign_call_ends_the_process(machine: str, number: int, argument: int) -> None:
    (other,) = set(ARCHITECTURES) - {machine}
    assert judge(machine, number, argument, of=other) == KILL
    if machine == "x86_64" and number >= 0x40000000:  # x32
        assert judge(machine, number, argument) == KILL


HEADERS = {"x86_64": "x86_64-linux-gnu/asm/unistd_64.h", "aarch64": "asm-generic/unistd.h"}


@pytest.mark.parametrize("machine", list(HEADERS))
def test_numbers_are_those_of_the_headers(machine: str) -> None:
    header = Path("/usr/include") / HEADERS[machine]
    if not header.is_file():
        pytest.skip("the headers of Linux are not installed")
    numbers: dict[str, int] = {}
    for name, value in re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", header.read_text()):
        numbers[name] = int(value)
    column = list(HEADERS).index(machine)
    tables = sandbox._CALLS | sandbox._CHECKED
    ours = {name: each[column] for name, each in tables.items() if each[column] is not None}
    known = {name: numbers[name] for name in ours if name in numbers}
    assert {name: ours[name] for name in known} == known
    assert len(known) > 0.9 * len(ours)
    assert len(set(ours.values())) == len(ours)
    missing = {name for name, each in tables.items() if each[column] is None}
    assert not missing & set(numbers)


def test_what_a_machine_without_them_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    assert not probe_protection().seccomp
    monkeypatch.setattr(sys, "platform", "darwin")
    assert probe_protection() == Protection(no_new_privs=False, landlock=0, seccomp=False)
