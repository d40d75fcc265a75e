"""Commands that are killed and repeated end as if they had run once."""

import random
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from hashmatch.cli import main
from hashmatch.index import Index
from tests.index.live_kills import in_child
from tests.index.live_model import contents

N_KILLS = 4

COMMANDS: dict[str, Callable[[Path], list[object]]] = {
    "build": lambda index: ["index", "build", index],
    "add": lambda index: [
        *("index", "add", index, index / "delta.csv", "--list", "demo-spam"),
        *("--version", "2026-48"),
    ],
    "replace": lambda index: [
        *("index", "replace", index, index / "delta.csv", "--list", "demo-spam"),
        *("--version", "2026-48"),
    ],
    "remove": lambda index: ["index", "remove", index, "--list", "demo-spam", "--entry", "cat"],
    "disable": lambda index: ["index", "disable", index, "--list", "demo-spam"],
    "enable": lambda index: ["index", "enable", index, "--list", "demo-spam"],
    "compact": lambda index: ["index", "compact", index, "--purge"],
    "rollback": lambda index: ["index", "rollback", index, "1", "--yes"],
    "hash": lambda index: [
        *("hash", index / "images", "--workers", "1", "-o", index.parent / "out" / "hashes.csv"),
    ],
    "scan": lambda index: [
        *("scan", index / "uploads", "--workers", "1", "--index", index, "--policy"),
        *(index / "policy.toml", "-o", index.parent / "out" / "rows.jsonl"),
    ],
}


def make_place(demo: Path, folder: Path) -> Path:
    """Return a copy of the built demo with a change that a rollback would undo, and an output."""
    index = folder / "demo"
    shutil.copytree(demo, index)
    (folder / "out").mkdir()
    text = f"entry_id,hash\nnew,{'5a' * 32}\n"
    (index / "delta.csv").write_text(text)
    return index


def state_of(index: Path) -> tuple[object, dict[str, bytes]]:
    """Return the rows of the index and the bytes of every output."""
    out = index.parent / "out"
    place = bytes(index.parent)
    return contents(Index.open(index)), {
        file.name: file.read_bytes().replace(place, b"") for file in sorted(out.iterdir())
    }


def run(index: Path, name: str) -> int:
    return main([str(arg) for arg in COMMANDS[name](index)])


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_killed_and_repeated_ends_as_if_run_once(
    demo: Path, tmp_path: Path, name: str
) -> None:
    once, often = (make_place(demo, tmp_path / place) for place in ("once", "often"))
    if name in {"rollback", "compact"}:
        for index in (once, often):
            assert run(index, "remove") == 0
    started_s = time.monotonic()
    assert run(once, name) == 0
    whole_s = time.monotonic() - started_s
    chooser = random.Random(name)
    for _ in range(N_KILLS):
        code = in_child(lambda: run(often, name), 1.2 * whole_s * chooser.random())
        assert code in {0, -signal.SIGKILL}
    assert run(often, name) == 0
    assert state_of(often) == state_of(once)
    assert run(often, name) == 0
    assert state_of(often) == state_of(once)
