"""Folders that were built before lists had times of frames stay readable, and can be changed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from frozen_folder import entry_ids, unpack

from hashmatch.index import (
    Index,
    add_list,
    compact_index,
    remove_entries,
    verify_index,
)


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return unpack(2, tmp_path / "old")


def test_it_is_read(old: Path) -> None:
    assert len(verify_index(old)) == 8
    index = Index.open(old, verify=True)
    assert (index.ref.name, index.ref.generation) == ("demo", 4)
    assert index.ref.digest.startswith("d1137b5a7f4d")
    assert entry_ids(old) == [
        "k-1",
        "k-1",
        "k-1",
        "k-2",
        "n-1",
    ]  # the other list is disabled
    assert index.entry_timestamps_s("pdq", np.arange(7)) == [None] * 7
    assert index.provenance("pdq", 0)["timestamp_s"] is None


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
        index = Index.open(old, verify=True)
        assert index.ref.generation == generation
        rows_found = index.search("pdq", np.zeros((1, 32), np.uint8), 256).ids
        named = zip(
            index.entry_ids("pdq", rows_found),
            index.entry_timestamps_s("pdq", rows_found),
            strict=True,
        )
        times = [pair for pair in named if pair[1] is not None]
        assert sorted(times) == [("n-1", 1.5), ("n-9", 2.0)]
        assert entry_ids(old) == ["k-1", "k-1", "k-1", "k-2", "n-1", "n-1", "n-9"]
        compact_index(old)
