"""Tasks that really crash, hang and exhaust memory cost one item each, wherever they stand."""

import ctypes
import gc
import math
import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from hashmatch.errors import Attempt, DecodeError, ErrorKind, HashmatchError
from hashmatch.workers import IsolatedExecutor, Isolation
from tests.workers.processes import AS_JSON, children_of, is_alive, is_confined, wait_for

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs Linux")

Executor = IsolatedExecutor[str, tuple[str, int]]

LIMITS = Isolation(time_s=1.0, memory_bytes=200 << 20)
ERRORS = {
    "crash": ("decoder crashed: SIGSEGV", ErrorKind.CRASHED),
    "exit": ("decoder crashed: exit code 7", ErrorKind.CRASHED),
    "hang": ("timed out: more than 1 s", ErrorKind.TIMEOUT),
    "eat": ("out of memory: more than 200 MiB", ErrorKind.MEMORY),
    "bad": ("not an image", ErrorKind.NOT_MEDIA),
    "bug": ("decoder failed: ValueError: a bug", ErrorKind.CRASHED),
    "late": ("decoder failed: TimeoutError: of the task's own", ErrorKind.CRASHED),
}


def decode(content: str) -> tuple[str, int]:
    """Stand for a decoder; a crash and a hang are in C code that holds the GIL."""
    if content == "crash":
        ctypes.string_at(0)
    elif content == "hang":
        ctypes.PyDLL(None).sleep(1000)
    elif content == "eat":
        held = []
        while True:
            held.append(bytearray(16 << 20))
    elif content == "bad":
        raise DecodeError("not an image", ErrorKind.NOT_MEDIA)
    elif content == "bug":
        raise ValueError("a bug")
    elif content == "late":
        raise TimeoutError("of the task's own")
    elif content == "exit":
        os._exit(7)
    elif content == "sleep":
        time.sleep(60)
    return content, os.getpid()


def allocate(size_bytes: int) -> int:
    return len(bytearray(size_bytes))


def attempts(executor: Executor, contents: list[str]) -> list[Attempt[tuple[str, int]]]:
    return list(executor.map(map(Attempt, contents)))


def outcomes(executor: Executor, contents: list[str]) -> list[object]:
    return [
        (str(found.error), found.error.kind) if found.error else found.unwrap()[0]
        for found in attempts(executor, contents)
    ]


def expected(contents: list[str]) -> list[object]:
    return [ERRORS.get(content, content) for content in contents]


@pytest.mark.parametrize(
    "contents",
    [
        ["crash"],
        ["hang", "a", "b"],
        ["a", "eat", "b", "c", "d", "e", "f", "g", "bad"],
        ["crash", "crash", "a", "crash", "exit"],
        ["a", "b", "c", "d", "e", "f", "crash", "eat", "h", "hang"],
        ["a", "bug", "b", "late"],
        [],
    ],
)
@pytest.mark.parametrize("workers", [1, 2])
def test_each_failure_costs_its_own_item(contents: list[str], workers: int) -> None:
    with IsolatedExecutor(decode, LIMITS, workers=workers, **AS_JSON) as executor:
        assert outcomes(executor, contents) == expected(contents)
        assert outcomes(executor, ["after"]) == ["after"]


def test_the_error_of_an_item_is_handed_through() -> None:
    absent = DecodeError("no such file", ErrorKind.UNREADABLE)
    with IsolatedExecutor(decode, LIMITS, **AS_JSON) as executor:
        first, second = executor.map([Attempt(error=absent), Attempt("a")])
    assert first.error is not None
    assert (str(first.error), first.error.kind) == ("no such file", ErrorKind.UNREADABLE)
    assert second.unwrap()[0] == "a"


def test_one_process_serves_until_it_dies_and_is_not_this_one() -> None:
    with IsolatedExecutor(decode, LIMITS, **AS_JSON) as executor:
        found = attempts(executor, ["a", "b", "crash", "c"])
    pids = [one.unwrap()[1] for one in found if one.error is None]
    assert pids[0] == pids[1]
    assert len({os.getpid(), *pids}) == 3


def crash_second(state: dict[str, int]) -> int:
    """Crash at the second item of a process, as a decoder does whose memory an item has spoilt."""
    N_SEEN.append(0)
    if len(N_SEEN) == 2:
        ctypes.string_at(0)
    return state["number"]


N_SEEN: list[int] = []


def test_what_fails_in_a_used_process_is_tried_again_in_a_new_one() -> None:
    with IsolatedExecutor(crash_second, LIMITS, **AS_JSON) as executor:
        found = list(executor.map(Attempt({"number": n}) for n in range(5)))
    assert [each.value for each in found] == list(range(5))


def test_threads_share_processes() -> None:
    jobs = [["a", "crash", "b"], ["c", "d"], ["hang"], ["e", "bad", "f"]]
    with (
        IsolatedExecutor(decode, LIMITS, workers=2, **AS_JSON) as executor,
        ThreadPoolExecutor(4) as pool,
    ):
        found = list(pool.map(lambda job: outcomes(executor, job), jobs))
    assert found == [expected(job) for job in jobs]


def test_memory_is_counted_beyond_what_the_process_holds() -> None:
    """An item within the limit passes again and again; the imports do not count."""
    sizes = [40 << 20, 40 << 20, 80 << 20, 40 << 20]
    with IsolatedExecutor(allocate, Isolation(30.0, 64 << 20), **AS_JSON) as executor:
        found = list(executor.map(map(Attempt, sizes)))
    assert [found[n].value for n in (0, 1, 3)] == [40 << 20] * 3
    assert str(found[2].error) == "out of memory: more than 64 MiB"


@pytest.mark.parametrize("mib", [8, 15, 17, 60, 100])
def test_bytes_too_large_to_receive_are_out_of_memory(mib: int) -> None:
    with IsolatedExecutor(len, Isolation(30.0, 64 << 20), **AS_JSON) as executor:
        small, large, last = executor.map(map(Attempt, [b"ab", bytes(mib << 20), b"abc"]))
    assert (small.value, last.value) == (2, 3)
    if mib <= 16:
        assert large.value == mib << 20
    else:
        assert large.error is not None
        assert str(large.error) == "out of memory: more than 64 MiB"
        assert large.error.kind is ErrorKind.MEMORY


def shout(found: tuple[str, int]) -> bytes:
    return found[0].upper().encode()


def hear(item: str, data: bytes) -> tuple[str, int]:
    if data == b"NO":
        raise ValueError("no answer to this item")
    return f"{item}: {data.decode()}", len(data)


def test_results_cross_as_bytes_that_are_checked() -> None:
    with IsolatedExecutor(decode, LIMITS, encode=shout, decode=hear) as executor:
        first, second, third, refused = attempts(executor, ["abc", "bad", "de", "no"])
    assert (first.value, third.value) == (("abc: ABC", 3), ("de: DE", 2))
    assert str(second.error) == "not an image"
    assert str(refused.error) == "decoder crashed: its reply makes no sense"


def prepare() -> None:
    os.environ["PREPARED"] = "yes"


def read_environment(name: str) -> str | None:
    return os.environ.get(name)


def test_processes_are_prepared() -> None:
    with IsolatedExecutor(read_environment, LIMITS, prepare=[prepare], **AS_JSON) as executor:
        (found,) = executor.map([Attempt("PREPARED")])
    assert found.value == "yes"
    assert "PREPARED" not in os.environ


def test_closing_leaves_nobody_waiting() -> None:
    executor = IsolatedExecutor(decode, Isolation(time_s=50), **AS_JSON)
    raised: list[BaseException] = []
    before = children_of(os.getpid())

    def run() -> None:
        try:
            attempts(executor, ["a", "sleep", "b"])
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    wait_for(lambda: any(map(is_confined, children_of(os.getpid()) - before)))
    started_s = time.monotonic()
    executor.close()
    thread.join(10)
    assert not thread.is_alive()
    assert time.monotonic() - started_s < 10
    assert isinstance(raised[0], HashmatchError)
    with pytest.raises(HashmatchError, match="stopped"):
        attempts(executor, ["a"])


def test_processes_end_with_the_object() -> None:
    executor = IsolatedExecutor(decode, LIMITS, **AS_JSON)
    _, pid = attempts(executor, ["a"])[0].unwrap()
    assert is_alive(pid)
    del executor
    gc.collect()
    wait_for(lambda: not is_alive(pid))


PARENT = """
import ctypes, sys, time
from hashmatch.errors import Attempt
from hashmatch.workers import IsolatedExecutor, Isolation
def work(content):
    if content == 'hang':
        ctypes.PyDLL(None).sleep(1000)
    return b'done'
def decode(_, data):
    return bytes(data)
if __name__ == '__main__':
    executor = IsolatedExecutor(work, Isolation(time_s=100), encode=bytes, decode=decode)
    for _ in executor.map([Attempt(sys.argv[1])]):
        time.sleep(100)
"""


@pytest.mark.parametrize("content", ["a", "hang"])
def test_processes_do_not_outlive_a_killed_parent(tmp_path: Path, content: str) -> None:
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    with subprocess.Popen([sys.executable, script, content]) as parent:
        wait_for(lambda: any(map(is_confined, children_of(parent.pid))))
        time.sleep(0.3)
        (pid,) = children_of(parent.pid)
        os.kill(parent.pid, signal.SIGKILL)
    wait_for(lambda: not is_alive(pid), 5)


def test_a_script_without_a_guard_says_so(tmp_path: Path) -> None:
    script = tmp_path / "unguarded.py"
    script.write_text(
        "from hashmatch.errors import Attempt\n"
        "from hashmatch.workers import IsolatedExecutor, Isolation\n"
        "def encode(value): return b'%d' % value\n"
        "def decode(_, data): return int(data)\n"
        "executor = IsolatedExecutor(len, Isolation(), encode=encode, decode=decode)\n"
        "print(list(executor.map([Attempt('abc')])))\n"
    )
    run = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, timeout=60, check=False
    )
    assert run.returncode == 1
    assert "HashmatchError" in run.stderr.splitlines()[-1]
    assert '__name__ == "__main__"' in run.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    "limits",
    [
        {"time_s": 0},
        {"time_s": -1.0},
        {"time_s": math.nan},
        {"time_s": math.inf},
        {"memory_bytes": 0},
        {"memory_bytes": 1 << 63},
        {"memory_bytes": 2e9},
        {"memory_bytes": True},
    ],
)
def test_limits_are_positive_and_finite(limits: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"must be (an integer, )?positive and at most [\de+]+$"):
        Isolation(**limits)


def test_a_process_too_small_to_report_costs_its_item() -> None:
    isolation = Isolation(memory_bytes=64 << 20)
    with IsolatedExecutor(len, isolation, **AS_JSON) as executor:
        small, large, last = executor.map([Attempt("x"), Attempt("x" * (24 << 20)), Attempt("xx")])
    assert (small.value, last.value) == (1, 2)
    assert large.error is not None
    assert large.error.kind is ErrorKind.MEMORY


def test_after_a_fork_the_error_says_what_to_do() -> None:
    with IsolatedExecutor(decode, LIMITS, **AS_JSON) as executor:
        assert outcomes(executor, ["a"]) == ["a"]
        read_end, write_end = os.pipe()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python 3.12 warns of forks where there are threads
            pid = os.fork()
        if pid == 0:
            try:
                attempts(executor, ["b"])
            except HashmatchError as error:
                os.write(write_end, str(error).encode())
            executor.close()
            os._exit(0)
        os.waitpid(pid, 0)
        assert os.read(read_end, 1000).endswith(b"after a fork, open anew what uses them")
        assert outcomes(executor, ["c"]) == ["c"]  # the copy ended none of the processes
    os.close(read_end)
    os.close(write_end)
