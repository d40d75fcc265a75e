"""Whenever a writer is killed, what was published is whole; see `live_kills.py`."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("live_kills.py")
QUIET = ("-W", "ignore::DeprecationWarning")  # fork beside the threads of NumPy


@pytest.fixture
def in_memory(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where there is such a thing: what is synced matters to power cuts alone,
    and thousands of files are."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else tmp_path) as folder:
        yield Path(folder)


@pytest.mark.parametrize(("how", "at_least"), [("steps", 150), ("moments", 10)])
def test_a_killed_writer_leaves_the_old_generation_or_the_new(
    in_memory: Path, how: str, at_least: int
) -> None:
    done = subprocess.run(
        [sys.executable, *QUIET, str(PROGRAM), how, str(in_memory / "index")],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert int(done.stdout) >= at_least
