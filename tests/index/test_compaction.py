from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from hashmatch.errors import IndexFormatError
from hashmatch.index import (
    Index,
    add_list,
    build_index,
    compact_index,
    compaction,
    entry_table,
    remove_entries,
)
from hashmatch.index.description import MANY_SEGMENTS

MakeFolder = Callable[..., Path]
HashOf = Callable[[object], str]
ListFile = Callable[..., Path]


def told(folder: Path) -> list[dict[str, object]]:
    """All that is known of every row that may match, but for its ordinal, in order."""
    index = Index.open(folder, verify=True)
    rows = np.sort(index.search("pdq", np.zeros((1, 32), np.uint8), 256).ids)
    codes = index.codes("pdq")
    return [
        index.provenance("pdq", int(row)) | {"code": code.tobytes()}
        for row, code in zip(rows, codes, strict=True)
    ]


@pytest.mark.parametrize("batch_rows", [1, 4, 7, 16, 1 << 16])
@pytest.mark.parametrize("sizes", [(9,), (8, 4, 4), (0, 3, 13), (5, 1, 1, 1, 1)])
def test_every_row_keeps_all_that_is_known_of_it(
    make_folder: MakeFolder,
    list_file: ListFile,
    hash_of: HashOf,
    monkeypatch: pytest.MonkeyPatch,
    batch_rows: int,
    sizes: tuple[int, ...],
) -> None:
    monkeypatch.setattr(entry_table, "BATCH_ROWS", batch_rows)
    monkeypatch.setattr(compaction, "BATCH_ROWS", batch_rows)
    n_rows = sum(sizes)
    rows = [
        {"entry_id": f"e{n}", "hash": hash_of(n), "harm": "hi"[n % 2], "note": f"n{n}"}
        for n in range(n_rows)
    ]
    folder = make_folder({"known": rows[: sizes[0]]})
    build_index(folder)
    start = sizes[0]
    for number, size in enumerate(sizes[1:]):
        add_list(folder, list_file(rows[start : start + size]), version=f"v{number}")
        start += size
    remove_entries(folder, "known", [f"e{n}" for n in range(1, n_rows, 3)])
    before = told(folder)
    n_removed = len(range(1, n_rows, 3))
    assert len(before) == n_rows - n_removed
    report = compact_index(folder)
    assert report.is_new
    assert (report.n_segments_before, report.n_segments) == (len(sizes), 1)
    assert report.n_dropped == n_removed
    assert told(folder) == before
    assert len(list((folder / "built").iterdir())) == 5  # lock, manifest, codes, entries, ledger
    assert not compact_index(folder).is_new


def test_all_removed_leaves_an_empty_segment(folder: Path) -> None:
    build_index(folder)
    remove_entries(folder, "known", ["k-1", "k-2"])
    remove_entries(folder, "spam", ["k-1"])
    assert Index.open(folder).describe()["compaction_advised"]
    assert compact_index(folder).n_dropped == 5
    index = Index.open(folder, verify=True)
    assert index.codes("pdq").shape == (0, 32)
    assert not index.describe()["compaction_advised"]


def test_damage_is_not_carried_on(folder: Path, list_file: ListFile, hash_of: HashOf) -> None:
    build_index(folder)
    (base,) = (folder / "built").glob("*.hmi")
    row = {"entry_id": "n", "hash": hash_of(9), "harm": "csam"}
    add_list(folder, list_file([row]), list_name="known")
    whole = base.read_bytes()
    base.write_bytes(whole.replace(bytes.fromhex(hash_of(1)), bytes(32)))
    with pytest.raises(IndexFormatError, match=f"{base.name}: damaged"):
        compact_index(folder)
    assert Index.open(folder).ref.generation == 2
    base.write_bytes(whole)
    assert compact_index(folder).is_new


def test_many_segments_are_worth_compacting(
    folder: Path, list_file: ListFile, hash_of: HashOf
) -> None:
    build_index(folder)
    for number in range(2, MANY_SEGMENTS + 1):
        assert not Index.open(folder).describe()["compaction_advised"]
        row = {"entry_id": f"n{number}", "hash": hash_of(f"n{number}"), "harm": "csam"}
        add_list(folder, list_file([row]), list_name="known")
    facts = Index.open(folder).describe()
    assert facts["compaction_advised"]
    assert facts["algorithms"][0]["n_segments"] == MANY_SEGMENTS
