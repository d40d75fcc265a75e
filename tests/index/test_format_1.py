"""Folders that were built before there were live changes stay readable, and can be changed."""

from __future__ import annotations

from pathlib import Path

import pytest
from frozen_folder import entry_ids, unpack

from hashmatch.index import (
    Index,
    add_list,
    build_index,
    compact_index,
    remove_entries,
    verify_index,
)


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return unpack(1, tmp_path / "old")


def test_it_is_read(old: Path) -> None:
    assert len(verify_index(old)) == 3
    index = Index.open(old, verify=True)
    assert (index.ref.name, index.ref.generation) == ("demo", 1)
    assert entry_ids(old) == ["k-1", "k-1", "k-1", "k-1", "k-2"]
    assert index.describe()["n_entries"] == 4


def test_building_it_again_finds_the_same(old: Path) -> None:
    before = entry_ids(old)
    assert not compact_index(old).is_new
    # Index files of a newer format have other digests: one new generation, and no second.
    assert build_index(old).generation == 2
    assert entry_ids(old) == before
    assert not build_index(old).is_new


def test_it_can_be_changed(old: Path, tmp_path: Path) -> None:
    (tmp_path / "more.csv").write_text(f"entry_id,hash,harm\nn-1,{'ab' * 32},csam\n")
    assert add_list(old, tmp_path / "more.csv", list_name="known").generation == 2
    assert remove_entries(old, "known", ["k-1"]).generation == 3
    assert entry_ids(old) == ["k-1", "k-2", "n-1"]  # that of the other list stays
    assert compact_index(old).n_dropped == 3
    assert entry_ids(old) == ["k-1", "k-2", "n-1"]
