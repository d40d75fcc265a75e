"""Whenever a writer is killed, what was published is whole; see `live_kills.py`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("live_kills.py")
QUIET = ("-W", "ignore::DeprecationWarning")  # fork beside the threads of NumPy


@pytest.mark.parametrize(("how", "at_least"), [("steps", 150), ("moments", 10)])
def test_a_killed_writer_leaves_the_old_generation_or_the_new(
    tmp_path: Path, how: str, at_least: int
) -> None:
    done = subprocess.run(
        [sys.executable, *QUIET, str(PROGRAM), how, str(tmp_path / "index")],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert int(done.stdout) >= at_least
