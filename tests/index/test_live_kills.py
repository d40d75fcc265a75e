"""Whenever a writer is killed, the index is whole; see `live_kills.py`."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
QUIET = ("-W", "ignore::DeprecationWarning")  # fork beside the threads of NumPy


@pytest.fixture
def in_memory(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory if there is such a thing: thousands of files are synced, which matters to
    power cuts alone."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else tmp_path) as folder:
        yield Path(folder)


@pytest.mark.parametrize(("how", "at_least"), [("steps", 250), ("moments", 10)])
def test_a_killed_writer_leaves_the_old_generation_or_the_new(
    in_memory: Path, how: str, at_least: int
) -> None:
    program = [sys.executable, *QUIET, "-m", "tests.index.live_kills", how]
    done = subprocess.run(
        [*program, str(in_memory / "index")],
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
        cwd=ROOT,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert int(done.stdout) >= at_least
