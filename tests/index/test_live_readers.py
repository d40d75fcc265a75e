"""Readers in other processes and threads see whole generations while a writer makes new ones."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from live_model import perform, register_toy, script, write_recipe
from live_readers import N_EDITS

from hashmatch.index import Index, build_index
from hashmatch.index.built_folder import BuiltFolder

PROGRAM = Path(__file__).with_name("live_readers.py")
SEED, N_OPS, N_READERS, N_THREADS = 3, 90, 2, 2


@pytest.fixture
def _toy() -> Iterator[None]:
    with register_toy():
        yield


@pytest.mark.usefixtures("_toy")
def test_readers_never_see_a_mixture(tmp_path: Path) -> None:
    folder = tmp_path / "index"
    folder.mkdir()
    write_recipe(folder)
    steps = script(SEED, N_OPS)
    for op, _ in steps[: N_EDITS + 1]:
        perform(folder, op)
    command = [sys.executable, str(PROGRAM), str(folder), str(SEED), str(N_OPS), str(N_THREADS)]
    readers = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
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


def test_a_writer_at_work_blocks_no_reader(folder: Path) -> None:
    build_index(folder)
    with BuiltFolder.hold(folder) as held:
        held.create("half").close()
        index = Index.open(folder, verify=True)
        assert index.refreshed() is index
