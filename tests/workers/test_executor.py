"""Laws of every executor: order, back-pressure, errors in their place, Ctrl-C."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from hashmatch.errors import Attempt, DecodeError, ErrorKind, HashmatchError
from hashmatch.workers import (
    Executor,
    InlineExecutor,
    IsolatedExecutor,
    Isolation,
    ProcessExecutor,
    ThreadExecutor,
    attempted,
    spread,
)
from tests.workers.processes import AS_JSON

Make = Callable[[Callable[[Any], Any]], Executor[Any, Any]]

WORKERS = 2
MAKES: dict[str, Make] = {
    "inline": InlineExecutor,
    "threads": partial(ThreadExecutor, workers=WORKERS),
    "processes": partial(ProcessExecutor, workers=WORKERS),
}
if sys.platform.startswith("linux"):
    MAKES["isolated"] = partial(IsolatedExecutor, isolation=Isolation(), workers=WORKERS, **AS_JSON)


@pytest.fixture(params=list(MAKES))
def make(request: pytest.FixtureRequest) -> Make:
    """Return each kind of executor; all have plain items and results here."""
    kind: str = request.param
    return MAKES[kind] if kind != "isolated" else _Plain


class _Plain(Executor[Any, Any]):
    """An isolated executor with its attempts unwrapped, so that all obey the same laws."""

    def __init__(self, task: Callable[[Any], Any]) -> None:
        self._isolated = MAKES["isolated"](task)

    def map(self, items: Any, /) -> Any:
        with closing(self._isolated.map(map(Attempt, items))) as results:
            for result in results:
                yield result.unwrap()

    def close(self) -> None:
        self._isolated.close()


def square(number: int) -> int:
    return number * number


def square_slowly(number: int) -> int:
    time.sleep(0.3 if number == 0 else 0.0)
    return number * number


def refuse_three(number: int) -> int:
    time.sleep(0.1 if number < 3 else 0.0)
    if number == 3:
        raise DecodeError("three", ErrorKind.EMPTY)
    return number


def fail_at_three(number: int) -> int:
    if number == 3:
        raise LookupError("a bug")
    return number


@pytest.mark.parametrize("task", [square, square_slowly])
def test_results_are_in_order(make: Make, task: Callable[[int], int]) -> None:
    with make(task) as executor:
        assert list(executor.map(range(40))) == [n * n for n in range(40)]
        assert list(executor.map([])) == []
        assert list(executor.map([7])) == [49]


def test_what_a_task_raises_is_raised_in_its_place(make: Make) -> None:
    # A child that is not trusted must not choose what is raised.
    bug = DecodeError if make is _Plain else LookupError
    for task, error in ((refuse_three, DecodeError), (fail_at_three, bug)):
        with make(task) as executor:
            results = executor.map(range(12))
            assert [next(results) for _ in range(3)] == [0, 1, 2]
            with pytest.raises(error, match="three|a bug"):
                next(results)
            assert list(executor.map([1, 2])) == [1, 2]


class Stubborn:
    """A value that cannot be pickled, or not unpickled."""

    def __init__(self, fault: str) -> None:
        self.fault = fault

    def __reduce__(self) -> Any:
        if self.fault == "send":
            raise ValueError("cannot be sent")
        return refuse_to_load, ()


def refuse_to_load() -> None:
    raise ValueError("cannot be loaded")


class TwoPartError(Exception):
    """An exception that cannot be unpickled, since its message does not rebuild it."""

    def __init__(self, part: str, other: str) -> None:
        super().__init__(f"{part} {other}")


def answer_stubbornly(item: object) -> object:
    if item == "raise":
        raise TwoPartError("cannot be", "rebuilt")
    return Stubborn(item) if item in {"send", "load"} else item


@pytest.mark.parametrize("kind", [kind for kind in MAKES if kind in {"processes", "isolated"}])
@pytest.mark.parametrize(
    ("item", "message"),
    [
        (Stubborn("send"), "cannot be sent"),
        (Stubborn("load"), "cannot be loaded"),
        (lambda: 0, "Can't pickle|Can't get local"),
        ("send", "cannot be sent|not JSON serializable"),
        ("load", "cannot be loaded|not JSON serializable"),
        ("raise", "TwoPartError: cannot be rebuilt"),
    ],
)
def test_what_cannot_cross_between_processes_is_an_error_in_its_place(
    kind: str, item: object, message: str
) -> None:
    make = MAKES[kind] if kind != "isolated" else _Plain
    with make(answer_stubbornly) as executor:
        results = executor.map(["a", item, "b"])
        assert next(results) == "a"
        with pytest.raises(Exception, match=message):
            next(results)
        assert list(executor.map(["c", "d"])) == ["c", "d"]


def test_an_error_keeps_its_kind(make: Make) -> None:
    with make(refuse_three) as executor, pytest.raises(DecodeError) as caught:
        list(executor.map([3]))
    assert caught.value.kind is ErrorKind.EMPTY


def test_items_are_read_a_few_ahead_and_in_the_calling_thread(make: Make) -> None:
    n_read = 0

    def endless() -> Iterator[int]:
        nonlocal n_read
        while True:
            assert threading.current_thread() is threading.main_thread()
            n_read += 1
            yield n_read

    with make(square) as executor, closing(executor.map(endless())) as results:
        assert n_read == 0
        for n in range(1, 60):
            assert next(results) == n * n
            assert n <= n_read <= n + 16 * WORKERS


def test_several_threads_may_map_at_once(make: Make) -> None:
    found: dict[int, list[int]] = {}

    def run(first: int) -> None:
        found[first] = list(executor.map(range(first, first + 20)))

    with make(square) as executor:
        threads = [threading.Thread(target=run, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert found == {n: [m * m for m in range(n, n + 20)] for n in range(4)}


def test_tasks_over_attempts_hand_errors_through() -> None:
    error = DecodeError("no such file", ErrorKind.UNREADABLE)
    items = [Attempt(2), Attempt(error=error), Attempt(3)]
    with InlineExecutor(attempted(refuse_three)) as executor:
        first, second, third = executor.map(items)
    assert (first.value, second.error, third.value) == (2, error, None)
    assert third.error is not None
    assert third.error.kind is ErrorKind.EMPTY


def test_a_task_may_spread_its_item() -> None:
    assert list(InlineExecutor(spread(pow)).map([(2, 3), (3, 2)])) == [8, 9]


def test_threads_drop_what_has_not_been_started() -> None:
    is_released = threading.Event()
    started: list[int] = []

    def wait(number: int) -> int:
        started.append(number)
        if number:
            is_released.wait(30)
        return number

    with ThreadExecutor(wait, workers=2) as executor:
        results = executor.map(range(100))
        assert next(results) == 0
        threading.Timer(0.1, is_released.set).start()
        results.close()
        n_started = len(started)
        assert n_started < 20
        assert list(executor.map([0])) == [0]
        assert len(started) == n_started + 1


def test_a_thread_that_cannot_be_started_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with ThreadExecutor(square, workers=2) as executor:
        monkeypatch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(HashmatchError, match="in a thread: can't start new thread"):
            list(executor.map(range(3)))
        monkeypatch.undo()
        assert list(executor.map(range(3))) == [0, 1, 4]


INTERRUPTED = """
import json, sys, time
from functools import partial
from hashmatch.errors import Attempt
from hashmatch.workers import *

def work(item):
    if isinstance(item, Attempt):
        item = item.unwrap()
    time.sleep(0.05)
    return item

def encode(value):
    return json.dumps(value).encode()

def decode(_, data):
    return json.loads(data)

if __name__ == "__main__":
    kind, path = sys.argv[1:]
    executor = {
        "inline": InlineExecutor,
        "threads": partial(ThreadExecutor, workers=2),
        "processes": partial(ProcessExecutor, workers=2),
        "isolated": partial(
            IsolatedExecutor, isolation=Isolation(), workers=2, encode=encode, decode=decode
        ),
    }[kind](work)
    with open(path, "wb", buffering=0) as file:
        try:
            with executor:
                for result in executor.map(map(Attempt, range(10_000))):
                    value = result.unwrap() if isinstance(result, Attempt) else result
                    file.write(b"%05d\\n" % value)
                    print(value, flush=True)
        except KeyboardInterrupt:
            print("interrupted", flush=True)
"""


@pytest.mark.parametrize("kind", list(MAKES))
def test_ctrl_c_leaves_whole_rows_in_order(tmp_path: Path, kind: str) -> None:
    script, output = tmp_path / "script.py", tmp_path / "rows"
    script.write_text(INTERRUPTED)
    with subprocess.Popen(
        [sys.executable, script, kind, output],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        for _ in range(5):
            process.stdout.readline()
        os.killpg(process.pid, signal.SIGINT)  # a terminal sends it to workers too
        assert process.stdout.read().endswith("interrupted\n")
        assert process.wait(30) == 0
        assert process.stderr.read() == ""
    rows = output.read_text().splitlines(keepends=True)
    assert rows == [f"{n:05}\n" for n in range(len(rows))]
    assert 5 <= len(rows) < 10_000
