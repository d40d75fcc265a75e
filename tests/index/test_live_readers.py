"""Readers in other processes and threads see whole generations while a writer makes new ones."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from hashmatch.index import Index
from hashmatch.index.directory import LockedDirectory
from tests.index.live_model import perform, script, write_lists
from tests.index.live_readers import N_EDITS

ROOT = Path(__file__).parents[2]
SEED, N_OPS, N_READERS, N_THREADS = 3, 90, 2, 2


@pytest.mark.usefixtures("toy")
def test_readers_never_see_a_mixture(tmp_path: Path) -> None:
    folder = tmp_path / "index"
    write_lists(folder)
    steps = script(SEED, N_OPS)
    assert {op.kind for op, _ in steps} >= {"rollback", "compact", "replace", "build"}
    for op, _ in steps[: N_EDITS + 1]:
        perform(folder, op)
    command = [sys.executable, "-m", "tests.index.live_readers", str(folder)]
    readers = [
        subprocess.Popen(
            [*command, str(SEED), str(N_OPS), str(N_THREADS)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        for _ in range(N_READERS)
    ]
    for reader in readers:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "looking\n"
    for generation, (op, _) in enumerate(steps[N_EDITS + 1 :], start=2):
        assert perform(folder, op).generation == generation
    for reader in readers:
        out, err = reader.communicate(timeout=120)
        assert (reader.returncode, err) == (0, "")
        assert int(out) >= 10


def test_a_writer_at_work_blocks_no_reader(built: Path) -> None:
    with LockedDirectory.lock(built) as locked:
        locked.create("half").close()
        index = Index.open(built, verify=True)
        assert index.refreshed() is index
