"""Decoders that really crash, hang and eat memory cost one content each, wherever they stand."""

import ctypes
import gc
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from hashmatch.decode import InProcess, Isolated, Isolation
from hashmatch.errors import DecodeError, HashmatchError

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs Linux")

LIMITS = Isolation(time_s=2.0, memory_bytes=200 << 20)
TIMED_OUT = "timed out: more than 2 s"
CRASHED = "decoder crashed: SIGSEGV"
OUT_OF_MEMORY = "out of memory: more than 200 MiB"
REASONS = {"crash": CRASHED, "hang": TIMED_OUT, "eat": OUT_OF_MEMORY, "bad": "not an image"}


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
        raise DecodeError("not an image")
    elif content == "bug":
        raise ValueError("a bug")
    elif content == "exit":
        os._exit(7)
    elif content == "slow":
        time.sleep(60)
    return content, os.getpid()


def allocate(size_bytes: int) -> int:
    return len(bytearray(size_bytes))


def outcomes(isolated: Isolated[tuple[str, int]], contents: list[str]) -> list[str]:
    found = isolated.run((content,) for content in contents)
    return [str(one) if isinstance(one, DecodeError) else one[0] for one in found]


@pytest.mark.parametrize(
    "contents",
    [
        ["crash"],
        ["hang", "a", "b"],
        ["a", "eat", "b", "c", "d", "e", "f", "g", "bad"],
        ["crash", "crash", "a", "crash"],
        ["a", "b", "c", "d", "e", "f", "crash", "eat", "h", "hang"],
        [],
    ],
)
def test_each_failure_costs_its_own_content(contents: list[str]) -> None:
    with closing(Isolated(decode, LIMITS)) as isolated:
        assert outcomes(isolated, contents) == [REASONS.get(one, one) for one in contents]
        assert outcomes(isolated, ["after"]) == ["after"]


def test_an_exit_is_a_crash_and_a_missing_content_is_handed_through() -> None:
    with closing(Isolated(decode, LIMITS)) as isolated:
        absent = DecodeError("no such file")
        first, second, third = isolated.run([absent, ("exit",), ("a",)])
        assert first is absent
        assert str(second) == "decoder crashed: exit code 7"
        assert not isinstance(third, DecodeError)
        assert third[0] == "a"


def test_a_bug_is_raised_in_its_place() -> None:
    with closing(Isolated(decode, LIMITS)) as isolated:
        found = isolated.run([("a",), ("bug",), ("b",)])
        assert not isinstance(next(found), DecodeError)
        with pytest.raises(ValueError, match="a bug"):
            next(found)
        assert outcomes(isolated, ["after"]) == ["after"]


def test_one_process_serves_until_it_dies_and_is_not_this_one() -> None:
    with closing(Isolated(decode, LIMITS)) as isolated:
        found = list(isolated.run((name,) for name in ["a", "b", "crash", "c"]))
        pids = [one[1] for one in found if not isinstance(one, DecodeError)]
        assert pids[0] == pids[1]
        assert len({os.getpid(), *pids}) == 3


def test_contents_are_taken_a_few_ahead_only() -> None:
    taken = 0

    def endless() -> Iterator[tuple[str]]:
        nonlocal taken
        while True:
            taken += 1
            yield (str(taken),)

    with closing(Isolated(decode, LIMITS)) as isolated:
        found = isolated.run(endless())
        assert [next(found)[0] for _ in range(20)] == [str(n + 1) for n in range(20)]  # type: ignore[index]
        assert taken <= 26
        found.close()  # type: ignore[attr-defined]


def test_threads_share_processes() -> None:
    with closing(Isolated(decode, LIMITS, children=2)) as isolated:
        jobs = [["a", "crash", "b"], ["c", "d"], ["hang"], ["e", "bad", "f"]]
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(lambda job: outcomes(isolated, job), jobs))
    assert found == [[REASONS.get(one, one) for one in job] for job in jobs]


def test_memory_is_counted_beyond_what_the_process_holds() -> None:
    """A content within the limit passes again and again; the imports do not count."""
    with closing(Isolated(allocate, Isolation(30.0, 64 << 20))) as isolated:
        sizes = [40 << 20, 40 << 20, 80 << 20, 40 << 20]
        found = list(isolated.run((size,) for size in sizes))
        assert [found[0], found[1], found[3]] == [40 << 20] * 3
        assert str(found[2]) == "out of memory: more than 64 MiB"


@pytest.mark.parametrize("mib", [8, 15, 17, 60, 100])
def test_bytes_too_large_to_receive_are_out_of_memory(mib: int) -> None:
    with closing(Isolated(len, Isolation(30.0, 64 << 20))) as isolated:
        small, large, last = isolated.run([(b"ab",), (bytes(mib << 20),), (b"abc",)])
    assert (small, last) == (2, 3)
    assert large == mib << 20 if mib <= 16 else str(large) == "out of memory: more than 64 MiB"


def test_closing_lets_nobody_wait() -> None:
    isolated = Isolated(decode, Isolation(time_s=50))
    raised: list[BaseException] = []

    def wait() -> None:
        try:
            outcomes(isolated, ["a", "slow", "b"])
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    time.sleep(1.0)
    started_s = time.monotonic()
    isolated.close()
    thread.join(10)
    assert not thread.is_alive()
    assert time.monotonic() - started_s < 10
    assert isinstance(raised[0], CancelledError | HashmatchError)
    with pytest.raises(HashmatchError, match="stopped"):
        outcomes(isolated, ["a"])


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_until_gone(pid: int) -> None:
    end_s = time.monotonic() + 20
    while is_alive(pid):
        assert time.monotonic() < end_s
        time.sleep(0.05)


def test_processes_end_with_the_object() -> None:
    isolated = Isolated(decode, LIMITS)
    ((_, pid),) = isolated.run([("a",)])  # type: ignore[misc]
    assert is_alive(pid)
    del isolated
    gc.collect()
    wait_until_gone(pid)


@pytest.mark.parametrize("content", ["a", "hang"])
def test_processes_do_not_outlive_a_killed_parent(tmp_path: Path, content: str) -> None:
    script = tmp_path / "parent.py"
    script.write_text(
        "import ctypes, os, sys, time\n"
        "from hashmatch.decode import Isolated, Isolation\n"
        "def decode(content):\n"
        "    print(os.getpid(), flush=True)\n"
        "    if content == 'hang':\n"
        "        ctypes.PyDLL(None).sleep(1000)\n"
        "if __name__ == '__main__':\n"
        "    for _ in Isolated(decode, Isolation(time_s=3)).run([(sys.argv[1],)]):\n"
        "        time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, script, content], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert is_alive(pid)
        os.kill(parent.pid, signal.SIGKILL)
    wait_until_gone(pid)


def test_a_script_without_a_guard_is_told(tmp_path: Path) -> None:
    script = tmp_path / "unguarded.py"
    script.write_text(
        "from hashmatch.decode import Isolated, Isolation\n"
        "print(list(Isolated(len, Isolation()).run([('abc',)])))\n"
    )
    run = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, timeout=60, check=False
    )
    assert run.returncode == 1
    assert '__name__ == "__main__"' in run.stderr or "freeze_support" in run.stderr


@pytest.mark.parametrize("limits", [{"time_s": 0}, {"time_s": -1.0}, {"memory_bytes": 0}])
def test_limits_are_positive(limits: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="must be positive"):
        Isolation(**limits)


def test_in_process_does_the_same_but_for_what_kills() -> None:
    found = list(InProcess(decode).run([("a",), ("bad",), DecodeError("x"), ("b",)]))
    assert [one if isinstance(one, tuple) else str(one) for one in found] == [
        ("a", os.getpid()),
        "not an image",
        "x",
        ("b", os.getpid()),
    ]
