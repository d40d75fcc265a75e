"""Folders that were built before there were live changes stay readable, and can be changed."""

from __future__ import annotations

from pathlib import Path

import pytest
from frozen_folder import entry_ids, unpack

from hashmatch.catalog import (
    Catalog,
    add_list,
    build_catalog,
    compact_catalog,
    remove_entries,
    verify_catalog,
)


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return unpack(1, tmp_path / "old")


def test_it_is_read(old: Path) -> None:
    assert len(verify_catalog(old)) == 3
    catalog = Catalog.open(old, verify=True)
    assert (catalog.ref.name, catalog.ref.generation) == ("demo", 1)
    assert entry_ids(old) == ["k-1", "k-1", "k-1", "k-1", "k-2"]
    assert catalog.describe()["n_entries"] == 4


def test_building_it_again_finds_the_same(old: Path) -> None:
    before = entry_ids(old)
    assert not compact_catalog(old).is_new
    # Index files of a newer format have other digests: one new generation, and no second.
    assert build_catalog(old).generation == 2
    assert entry_ids(old) == before
    assert not build_catalog(old).is_new


def test_it_can_be_changed(old: Path, tmp_path: Path) -> None:
    (tmp_path / "more.csv").write_text(f"entry_id,hash,harm\nn-1,{'ab' * 32},csam\n")
    assert add_list(old, tmp_path / "more.csv", list_name="known").generation == 2
    assert remove_entries(old, "known", ["k-1"]).generation == 3
    assert entry_ids(old) == ["k-1", "k-2", "n-1"]  # that of the other list stays
    assert compact_catalog(old).n_dropped == 3
    assert entry_ids(old) == ["k-1", "k-2", "n-1"]
