"""Chunks in worker processes: order, errors, deaths, and nobody left behind."""

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from hashmatch.backlog.pool import WorkerDiedError, run_in_processes
from hashmatch.errors import DecodeError


def square(chunk: list[int]) -> list[int]:
    return [n * n for n in chunk]


def slow_at_first(chunk: list[int]) -> tuple[int, int]:
    time.sleep(0.3 if chunk[0] == 0 else 0.0)
    return chunk[0], os.getpid()


def refuse(chunk: list[int]) -> None:
    if chunk[0] == 3:
        raise DecodeError("three")


def die(chunk: list[int]) -> int:
    if chunk[0] == 5:
        os.kill(os.getpid(), signal.SIGKILL)
    return chunk[0]


def interrupts_blocked(_: list[int]) -> bool:
    return signal.getsignal(signal.SIGINT) == signal.SIG_IGN


CHUNKS = [[n] for n in range(12)]


@pytest.mark.parametrize("workers", [1, 3])
def test_results_are_in_order(workers: int) -> None:
    results = list(run_in_processes(square, square, CHUNKS, workers=workers))
    assert results == [[n * n] for n in range(12)]


def test_work_is_shared_and_still_in_order() -> None:
    results = list(run_in_processes(square, slow_at_first, CHUNKS, workers=2))  # type: ignore[arg-type]
    assert [number for number, _ in results] == list(range(12))
    assert os.getpid() not in {pid for _, pid in results}
    assert len({pid for _, pid in results}) == 2


@pytest.mark.parametrize("chunks", [[], [[4]]])
def test_one_chunk_needs_no_process(chunks: list[list[int]]) -> None:
    results = list(run_in_processes(lambda chunk: chunk, square, chunks, workers=4))
    assert results == chunks


def test_an_error_of_a_task_is_raised_here() -> None:
    results = run_in_processes(refuse, refuse, CHUNKS, workers=2)
    assert [next(results) for _ in range(3)] == [None] * 3
    with pytest.raises(DecodeError, match="three"):
        next(results)


def test_a_death_names_the_chunks_in_work() -> None:
    done: list[int] = []
    with pytest.raises(WorkerDiedError) as caught:
        done.extend(run_in_processes(die, die, CHUNKS, workers=2))
    assert done == list(range(len(done)))
    assert len(done) <= 5
    assert caught.value.first == len(done)
    assert 5 <= caught.value.last < 12


def test_workers_leave_ctrl_c_to_the_parent() -> None:
    assert all(run_in_processes(interrupts_blocked, interrupts_blocked, CHUNKS, workers=2))


def children_of(pid: int) -> set[int]:
    found = set()
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid and fields[0] != "Z":
            found.add(int(status.parent.name))
    return found


def report_and_wait(folder: str, chunk: list[int]) -> None:
    (Path(folder) / str(os.getpid())).touch()
    time.sleep(60 if chunk[0] else 0)


def wait_for(condition: object, limit_s: float = 30.0) -> None:
    end_s = time.monotonic() + limit_s
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end_s
        time.sleep(0.02)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (OSError, ProcessLookupError):
        return False


def test_closing_early_does_not_wait_for_work_in_hand(tmp_path: Path) -> None:
    started_s = time.monotonic()
    task = partial(report_and_wait, str(tmp_path))
    with closing(run_in_processes(task, task, CHUNKS, workers=2)) as results:
        next(results)
    assert time.monotonic() - started_s < 30  # a task takes 60
    assert not any(alive(int(path.name)) for path in tmp_path.iterdir())


def large(_: list[int]) -> bytes:
    return bytes(16 << 20)


def test_closing_while_results_are_sent_leaves_nobody_waiting() -> None:
    """A worker that ended in the midst of a result would have the executor wait for its rest."""

    def close_early() -> None:
        for _ in range(5):
            with closing(run_in_processes(large, large, CHUNKS, workers=2)) as results:
                next(results)

    thread = threading.Thread(target=close_early, daemon=True)
    thread.start()
    thread.join(60)
    assert not thread.is_alive()


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")
def test_workers_do_not_outlive_a_killed_parent(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(
        "import os, sys, time\n"
        "from hashmatch.backlog.pool import run_in_processes\n"
        "def wait(chunk):\n"
        "    open(os.path.join(sys.argv[1], str(os.getpid())), 'w').close()\n"
        "    time.sleep(60)\n"
        "if __name__ == '__main__':\n"
        "    list(run_in_processes(wait, wait, [[0], [1], [2]], workers=2))\n"
    )
    folder = tmp_path / "pids"
    folder.mkdir()
    with subprocess.Popen([sys.executable, script, folder]) as parent:
        wait_for(lambda: len(list(folder.iterdir())) == 2)
        workers = {int(path.name) for path in folder.iterdir()}
        assert workers <= children_of(parent.pid)
        parent.kill()
    wait_for(lambda: not any(map(alive, workers)))
