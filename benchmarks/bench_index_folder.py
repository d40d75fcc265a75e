"""Cost of a live change of a large list, compared with building it again.

Builds a list of --codes entries, then adds 1,000 and removes 1,000, each as one change of a copy
whose files are cached. Additions must be found and removals must not, before anything is timed.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from hashmatch.index import (
    Index,
    add_list,
    build_index,
    compact_index,
    remove_entries,
)

N_CHANGED = 1_000


def write_list(path: Path, n: int, seed: int) -> np.ndarray:
    codes = np.random.default_rng(seed).integers(0, 256, (n, 32), dtype=np.uint8)
    rows = (f"e{seed}-{row},{code.tobytes().hex()},h\n" for row, code in enumerate(codes))
    path.write_text("entry_id,hash,harm\n" + "".join(rows))
    return codes


@pytest.fixture(scope="session")
def built(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("index") / "base"
    folder.mkdir()
    write_list(folder / "known.csv", pytestconfig.getoption("--codes"), 1)
    (folder / "recipe.toml").write_text(
        'name = "a"\n[[lists]]\nname = "known"\nfile = "known.csv"\nversion = "1"\n'
    )
    build_index(folder)
    return folder


def n_found(folder: Path, codes: np.ndarray) -> int:
    return len(Index.open(folder).search("pdq", codes, 0).ids)


def add(folder: Path) -> None:
    add_list(folder, folder / "delta.csv")


def remove(folder: Path) -> None:
    remove_entries(folder, "known", [f"e1-{row}" for row in range(N_CHANGED)])


def compact(folder: Path) -> None:
    compact_index(folder)


def build(folder: Path) -> None:
    build_index(folder)


@pytest.mark.parametrize("change", [add, remove, compact, build])
def test_change(benchmark: BenchmarkFixture, built: Path, change: Callable[[Path], None]) -> None:
    number = iter(range(100))

    def folder_to_change() -> tuple[tuple[Path], dict[str, np.ndarray]]:
        folder = built.parent / f"{change.__name__}-{next(number)}"
        shutil.copytree(built, folder)
        added = write_list(folder / "delta.csv", N_CHANGED, 2)
        base = np.random.default_rng(1).integers(0, 256, (N_CHANGED, 32), dtype=np.uint8)
        if change is compact:
            add(folder)
            remove(folder)
        return (folder,), {"added": added, "base": base}

    (trial,), codes = folder_to_change()
    change(trial)
    finds_added, finds_base = {add: (1, 1), remove: (0, 0), compact: (1, 0), build: (0, 1)}[change]
    assert n_found(trial, codes["added"]) == finds_added * N_CHANGED
    assert n_found(trial, codes["base"]) == finds_base * N_CHANGED
    benchmark.pedantic(change, setup=lambda: (folder_to_change()[0], {}), rounds=3)
    for folder in built.parent.glob(f"{change.__name__}-*"):
        shutil.rmtree(folder)
