from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hashmatch.errors import IndexFormatError
from hashmatch.index import (
    Index,
    StorageOptions,
    add_list,
    build_index,
    compact_index,
    remove_entries,
)
from hashmatch.index.description import MANY_SEGMENTS
from hashmatch.index.manifest import Manifest
from tests.builders import MakeFolder, MakeList, built_file, built_files, pdq_hash, stored_rows

NO_MERGES = StorageOptions(merged_codes=1)


def without_ordinals(folder: Path) -> list[dict[str, Any]]:
    """Return all that is known of every row that may match, except for its ordinal, in order."""
    Index.open(folder, verify=True)
    return [{**row, "entry": None} for row in stored_rows(folder)]


@pytest.mark.parametrize("batch_rows", [1, 4, 7, 16, 1 << 16])
@pytest.mark.parametrize("sizes", [(9,), (8, 4, 4), (0, 3, 13), (5, 1, 1, 1, 1)])
def test_every_row_keeps_all_that_is_known_of_it(
    make_folder: MakeFolder, list_file: MakeList, batch_rows: int, sizes: tuple[int, ...]
) -> None:
    options = StorageOptions(batch_rows=batch_rows, merged_codes=1)
    n_rows = sum(sizes)
    rows = [
        {"entry_id": f"e{n}", "hash": pdq_hash(n), "harm": "hi"[n % 2], "note": f"n{n}"}
        for n in range(n_rows)
    ]
    folder = make_folder({"known": rows[: sizes[0]]})
    build_index(folder, options=options)
    start = sizes[0]
    for number, size in enumerate(sizes[1:]):
        file = list_file(rows[start : start + size])
        add_list(folder, file, version=f"v{number}", options=options)
        start += size
    remove_entries(folder, "known", [f"e{n}" for n in range(1, n_rows, 3)])
    before = without_ordinals(folder)
    n_removed = len(range(1, n_rows, 3))
    assert len(before) == n_rows - n_removed
    n_segments = len(sizes) - (sizes[0] == 0)  # an empty one is taken in
    options = StorageOptions(batch_rows=batch_rows, kept_generations=1)
    report = compact_index(folder, options=options)
    assert report.is_new
    assert (report.n_segments_before, report.n_segments) == (n_segments, 1)
    assert report.n_dropped == n_removed
    assert without_ordinals(folder) == before
    # lock, pointer, manifest, codes, entries, overrides
    assert len(built_files(folder)) == 6
    assert not compact_index(folder).is_new


def test_all_removed_leaves_an_empty_segment(built: Path) -> None:
    remove_entries(built, "known", ["k-1", "k-2"])
    remove_entries(built, "spam", ["k-1"])
    assert Index.open(built).describe()["compaction_advised"]
    assert compact_index(built).n_dropped == 5
    index = Index.open(built, verify=True)
    assert index.codes("pdq").shape == (0, 32)
    assert not index.describe()["compaction_advised"]


def test_damage_is_not_carried_on(built: Path, list_file: MakeList) -> None:
    base = built_file(built, ".hmi")
    rows = [{"entry_id": f"n{n}", "hash": pdq_hash(f"n{n}"), "harm": "csam"} for n in range(9)]
    add_list(built, list_file(rows[:1]), list_name="known")
    whole = base.read_bytes()
    base.write_bytes(whole.replace(bytes.fromhex(pdq_hash(1)), bytes(32)))
    with pytest.raises(IndexFormatError, match=f"{base.name}: damaged"):
        compact_index(built)
    with pytest.raises(IndexFormatError, match=f"{base.name}: damaged"):
        add_list(built, list_file(rows), list_name="known")  # would merge it
    assert Index.open(built).ref.generation == 2
    base.write_bytes(whole)
    assert compact_index(built).is_new


def test_many_segments_are_worth_compacting(built: Path, list_file: MakeList) -> None:
    for number in range(2, MANY_SEGMENTS + 1):
        assert not Index.open(built).describe()["compaction_advised"]
        row = {"entry_id": f"n{number}", "hash": pdq_hash(f"n{number}"), "harm": "csam"}
        add_list(built, list_file([row]), list_name="known", options=NO_MERGES)
    facts = Index.open(built).describe()
    assert facts["compaction_advised"]
    assert facts["algorithms"][0]["n_segments"] == MANY_SEGMENTS


def test_additions_merge_small_segments(make_folder: MakeFolder, list_file: MakeList) -> None:
    rows = [{"entry_id": f"e{n}", "hash": pdq_hash(n), "harm": "h"} for n in range(160)]
    folder = make_folder({"known": rows[:100]})
    build_index(folder)
    base = built_file(folder, ".hmi").read_bytes()
    for n in range(100, 160):
        assert add_list(folder, list_file([rows[n]])).n_added == 1
        segments = current(folder).segments
        assert len(segments) <= 1 + (n - 99).bit_length()
        assert segments[0].n_codes == 100
    assert base in built_files(folder).values()
    assert [row["entry_id"] for row in stored_rows(folder)] == [row["entry_id"] for row in rows]
    with pytest.raises(ValueError, match="merged_codes must be at least 1"):
        StorageOptions(merged_codes=0)


def test_a_merge_drops_removed_rows_and_keeps_disabled_ones(
    make_folder: MakeFolder, list_file: MakeList
) -> None:
    from hashmatch.index import disable, enable

    rows = [{"entry_id": f"e{n}", "hash": pdq_hash(n), "harm": "h"} for n in range(12)]
    folder = make_folder({"known": rows[:6]})
    build_index(folder)
    remove_entries(folder, "known", ["e1", "e5"])
    disable(folder, "known", ["e2", "e9"][:1])
    report = add_list(folder, list_file(rows[6:]))
    assert (report.n_added, report.n_disabled, report.n_enabled) == (6, 0, 0)
    (segment,) = current(folder).segments
    assert (segment.n_codes, segment.removed) == (10, None)
    ids = [row["entry_id"] for row in stored_rows(folder)]
    assert ids == ["e0", "e3", "e4", *(f"e{n}" for n in range(6, 12))]
    assert enable(folder, "known", ["e2"]).n_enabled == 1


def current(folder: Path) -> Manifest:
    from hashmatch.index.directory import decode_current, read_pointer

    found = decode_current(folder, read_pointer(folder))
    assert found is not None
    return found.manifest
