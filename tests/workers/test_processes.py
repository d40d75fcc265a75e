"""Worker processes: shared work, deaths, failures to start, and nobody left behind."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

import pytest

from hashmatch.workers import ProcessExecutor, WorkerDiedError
from tests.workers.processes import children_of, is_alive, wait_for

LINUX_ONLY = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc")


def name_process(number: int) -> tuple[int, int]:
    time.sleep(0.3 if number == 0 else 0.0)
    return number, os.getpid()


EXIT_CODES = {9: 7, 11: 0}


def die(number: int) -> int:
    if number == 5:
        os.kill(os.getpid(), signal.SIGKILL)
    if number in EXIT_CODES:
        os._exit(EXIT_CODES[number])
    return number


def ignores_interrupts(_: int) -> bool:
    return signal.getsignal(signal.SIGINT) == signal.SIG_IGN


def test_work_is_shared_and_still_in_order() -> None:
    with ProcessExecutor(name_process, workers=2) as executor:
        results = list(executor.map(range(12)))
    assert [number for number, _ in results] == list(range(12))
    assert os.getpid() not in {pid for _, pid in results}
    assert len({pid for _, pid in results}) == 2


@pytest.mark.parametrize(
    ("items", "first_bad", "cause"),
    [
        (range(12), 5, "SIGKILL, possibly out of memory"),
        ([1, 9, 2], 1, "exit code 7"),
        ([1, 11, 2], 1, "exit code 0"),
        ([5], 0, "SIGKILL, possibly out of memory"),
    ],
)
def test_a_death_at_work_names_its_item_and_cause(
    items: list[int], first_bad: int, cause: str
) -> None:
    done: list[int] = []
    with (
        ProcessExecutor(die, workers=2) as executor,
        pytest.raises(WorkerDiedError, match="a worker process died") as caught,
    ):
        done.extend(executor.map(items))
    assert done == list(items[:first_bad])
    assert (caught.value.item_number, caught.value.cause) == (first_bad, cause)


def test_a_worker_that_dies_idle_is_replaced() -> None:
    with ProcessExecutor(name_process, workers=2) as executor:
        for _ in range(3):
            results = list(executor.map(range(6)))
            assert [number for number, _ in results] == list(range(6))
            for pid in {pid for _, pid in results}:
                os.kill(pid, signal.SIGKILL)


def test_workers_leave_ctrl_c_to_the_parent() -> None:
    with ProcessExecutor(ignores_interrupts, workers=2) as executor:
        assert all(executor.map(range(12)))


BLOCKED = """
import signal
from hashmatch.workers import ProcessExecutor
def is_blocked(_):
    return signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, [])
if __name__ == '__main__':
    with ProcessExecutor(is_blocked, workers=2) as executor:
        assert all(executor.map(range(6)))
    assert not is_blocked(0)
"""


def test_workers_never_see_ctrl_c_not_even_as_they_start(tmp_path: Path) -> None:
    """In a process of its own, as the first worker of a program also starts multiprocessing's."""
    script = tmp_path / "script.py"
    script.write_text(BLOCKED)
    run = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (0, "")


def report_and_wait(folder: str, number: int) -> int:
    (Path(folder) / str(os.getpid())).touch()
    time.sleep(60 if number else 0)
    return number


@LINUX_ONLY
def test_closing_does_not_wait_for_work_in_flight(tmp_path: Path) -> None:
    started_s = time.monotonic()
    with ProcessExecutor(partial(report_and_wait, str(tmp_path)), workers=2) as executor:
        next(executor.map(range(12)))
    assert time.monotonic() - started_s < 30  # a task takes 60
    assert not any(is_alive(int(path.name)) for path in tmp_path.iterdir())


def large(_: int) -> bytes:
    return bytes(16 << 20)


def test_closing_while_results_are_sent_leaves_nobody_waiting() -> None:
    """A worker that ends in the middle of a result leaves the reader without the rest."""

    def close_early() -> None:
        for _ in range(5):
            with ProcessExecutor(large, workers=2) as executor:
                next(executor.map(range(12)))

    thread = threading.Thread(target=close_early, daemon=True)
    thread.start()
    thread.join(60)
    assert not thread.is_alive()


PARENT = """
import os, sys, time
from hashmatch.workers import ProcessExecutor
def wait(number):
    open(os.path.join(sys.argv[1], str(os.getpid())), 'w').close()
    time.sleep(60)
if __name__ == '__main__':
    list(ProcessExecutor(wait, workers=2).map(range(3)))
"""


@LINUX_ONLY
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_workers_do_not_outlive_their_parent(tmp_path: Path, number: signal.Signals) -> None:
    script, folder = tmp_path / "parent.py", tmp_path / "pids"
    script.write_text(PARENT)
    folder.mkdir()
    with subprocess.Popen([sys.executable, script, folder], stderr=subprocess.DEVNULL) as parent:
        wait_for(lambda: len(list(folder.iterdir())) == 2)
        workers = {int(path.name) for path in folder.iterdir()}
        assert workers <= children_of(parent.pid)
        parent.send_signal(number)
    wait_for(lambda: not any(map(is_alive, workers)))


FAILURES = {
    "no guard": (
        "from hashmatch.workers import ProcessExecutor\n"
        "list(ProcessExecutor(len, workers=2).map(['a', 'b']))\n",
        '__name__ == "__main__"',
    ),
    "no import": (
        "import sys\n"
        "if __name__ != '__main__': raise ImportError('no such package')\n"
        "from hashmatch.workers import ProcessExecutor\n"
        "list(ProcessExecutor(len, workers=2).map(['a', 'b']))\n",
        r"worker processes die on start-up \(ImportError: no such package\); .* must be importable",
    ),
    "no descriptors": (
        "import resource\n"
        "from hashmatch.workers import ProcessExecutor\n"
        "if __name__ == '__main__':\n"
        "    resource.setrlimit(resource.RLIMIT_NOFILE, (8, 8))\n"
        "    list(ProcessExecutor(len, workers=2).map(['a', 'b']))\n",
        "cannot start a worker process: .*Too many open files",
    ),
    "no threads": (
        "import threading\n"
        "from hashmatch.workers import ProcessExecutor\n"
        "def refuse(*_): raise RuntimeError('no new thread')\n"
        "if __name__ == '__main__':\n"
        "    threading.Thread.start = refuse\n"
        "    list(ProcessExecutor(len, workers=2).map(['a', 'b']))\n",
        "cannot start a worker process: no new thread",
    ),
    "no processes": (
        "import subprocess\n"
        "from hashmatch.workers import ProcessExecutor\n"
        "def refuse(*_): raise BlockingIOError(11, 'Resource temporarily unavailable')\n"
        "if __name__ == '__main__':\n"
        "    subprocess.Popen._execute_child = refuse\n"
        "    list(ProcessExecutor(len, workers=2).map(['a', 'b']))\n",
        "cannot start a worker process: .*Resource temporarily unavailable",
    ),
}


@LINUX_ONLY
@pytest.mark.parametrize("failure", list(FAILURES))
def test_a_worker_that_fails_to_start_says_so(tmp_path: Path, failure: str) -> None:
    script = tmp_path / "script.py"
    text, message = FAILURES[failure]
    script.write_text(text)
    run = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, timeout=60, check=False
    )
    assert run.returncode == 1
    last = run.stderr.splitlines()[-1]
    assert "HashmatchError" in last

    assert re.search(message, last)
    assert "memory" not in last
