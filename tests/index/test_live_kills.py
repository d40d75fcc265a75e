"""Whenever a writer is killed, the index is whole; see `live_kills.py`."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from tests.index.live_kills import OPS

ROOT = Path(__file__).parents[2]
QUIET = ("-W", "ignore::DeprecationWarning")  # fork beside the threads of NumPy


@pytest.fixture
def in_memory(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory if there is such a thing: thousands of files are synced, which matters to
    power cuts alone."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else tmp_path) as folder:
        yield Path(folder)


def kill_writers(folder: Path, how: str) -> int:
    program = [sys.executable, *QUIET, "-m", "tests.index.live_kills", how, str(folder / how / "i")]
    (folder / how).mkdir()
    done = subprocess.run(
        program, capture_output=True, text=True, check=False, timeout=900, cwd=ROOT
    )
    assert (done.returncode, done.stderr) == (0, ""), how
    return int(done.stdout)


def test_a_killed_writer_leaves_the_old_generation_or_the_new(in_memory: Path) -> None:
    hows = ["first", *(op.kind for op in OPS), "moments"]
    with ThreadPoolExecutor(2) as pool:
        n_killed = dict(zip(hows, pool.map(partial(kill_writers, in_memory), hows), strict=True))
    assert n_killed.pop("moments") >= 10
    assert min(n_killed.values()) >= 10
    assert sum(n_killed.values()) >= 250
