"""Folders that were built before lists had times of frames stay readable, and can be changed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from frozen_folder import entry_ids, unpack

from hashmatch.catalog import (
    Catalog,
    add_list,
    compact_catalog,
    remove_entries,
    verify_catalog,
)


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return unpack(2, tmp_path / "old")


def test_it_is_read(old: Path) -> None:
    assert len(verify_catalog(old)) == 8
    catalog = Catalog.open(old, verify=True)
    assert (catalog.ref.name, catalog.ref.generation) == ("demo", 4)
    assert catalog.ref.digest.startswith("d1137b5a7f4d")
    assert entry_ids(old) == [
        "k-1",
        "k-1",
        "k-1",
        "k-2",
        "n-1",
    ]  # the other list is disabled
    assert catalog.entry_timestamps_s("pdq", np.arange(7)) == [None] * 7
    assert catalog.provenance("pdq", 0)["timestamp_s"] is None


def test_building_it_again_changes_nothing_but_the_manifest(old: Path) -> None:
    before = {path.name for path in (old / "built").iterdir()}
    report = remove_entries(old, "known", ["n-1"])
    assert report.generation == 5
    after = {path.name for path in (old / "built").iterdir()}
    assert {name for name in before if name.endswith((".hmi", ".arrow"))} <= after


def test_times_can_be_added(old: Path, tmp_path: Path) -> None:
    rows = f"entry_id,hash,harm,timestamp_s\nn-1,{'ab' * 32},csam,1.5\nn-9,{'cd' * 32},csam,2\n"
    (tmp_path / "more.csv").write_text(rows)
    assert add_list(old, tmp_path / "more.csv", list_name="known").generation == 5
    for generation in (5, 6):
        catalog = Catalog.open(old, verify=True)
        assert catalog.ref.generation == generation
        rows_found = catalog.search("pdq", np.zeros((1, 32), np.uint8), 256).ids
        named = zip(
            catalog.entry_ids("pdq", rows_found),
            catalog.entry_timestamps_s("pdq", rows_found),
            strict=True,
        )
        times = [pair for pair in named if pair[1] is not None]
        assert sorted(times) == [("n-1", 1.5), ("n-9", 2.0)]
        assert entry_ids(old) == ["k-1", "k-1", "k-1", "k-2", "n-1", "n-1", "n-9"]
        compact_catalog(old)
