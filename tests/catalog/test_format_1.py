"""Folders that were built before there were live changes stay readable, and can be changed.

data/format-1 never changes.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from hashmatch.catalog import (
    Catalog,
    add_list,
    build_catalog,
    compact_catalog,
    remove_entries,
    verify_catalog,
)

DATA = Path(__file__).parent / "data" / "format-1"


@pytest.fixture
def old(tmp_path: Path) -> Path:
    folder = tmp_path / "old"
    shutil.copytree(DATA, folder)
    (folder / "files").rename(folder / "built")
    return folder


def ids(folder: Path) -> list[str]:
    catalog = Catalog.open(folder, verify=True)
    rows = catalog.search("pdq", np.zeros((1, 32), np.uint8), 256).ids
    return sorted(catalog.entry_ids("pdq", rows))


def test_it_is_read(old: Path) -> None:
    assert len(verify_catalog(old)) == 3
    catalog = Catalog.open(old, verify=True)
    assert (catalog.ref.name, catalog.ref.generation) == ("demo", 1)
    assert ids(old) == ["k-1", "k-1", "k-1", "k-1", "k-2"]
    assert catalog.describe()["n_entries"] == 4


def test_building_it_again_finds_the_same(old: Path) -> None:
    before = ids(old)
    assert not compact_catalog(old).is_new
    # Index files of a newer format have other digests: one new generation, and no second.
    assert build_catalog(old).generation == 2
    assert ids(old) == before
    assert not build_catalog(old).is_new


def test_it_can_be_changed(old: Path, tmp_path: Path) -> None:
    (tmp_path / "more.csv").write_text(f"entry_id,hash,harm\nn-1,{'ab' * 32},csam\n")
    assert add_list(old, tmp_path / "more.csv", list_name="known").generation == 2
    assert remove_entries(old, "known", ["k-1"]).generation == 3
    assert ids(old) == ["k-1", "k-2", "n-1"]  # that of the other list stays
    assert compact_catalog(old).n_dropped == 3
    assert ids(old) == ["k-1", "k-2", "n-1"]
