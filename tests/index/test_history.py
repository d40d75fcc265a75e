"""Generations that are kept: listed, rolled back to, pruned and purged."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hashmatch.errors import HashmatchError, IndexFormatError
from hashmatch.index import (
    ChangeReport,
    Index,
    StorageOptions,
    add_list,
    build_index,
    compact_index,
    disable,
    index_history,
    remove_entries,
    replace_list,
    rollback_index,
    verify_index,
)
from tests.builders import (
    MakeFolder,
    MakeList,
    Row,
    built_file,
    built_files,
    current_manifest,
    found_entries,
    pdq_hash,
    stored_rows,
)


def row_of(entry_id: str) -> Row:
    return {"entry_id": entry_id, "hash": pdq_hash(entry_id), "harm": "h"}


@pytest.fixture
def index(make_folder: MakeFolder) -> Path:
    """A list of entries a, b and c, built."""
    folder = make_folder({"known": [row_of(entry_id) for entry_id in "abc"]})
    build_index(folder)
    return folder


def ids(folder: Path) -> str:
    return "".join(entry_id for _, _, entry_id in found_entries(folder))


def holds(folder: Path, entry_id: str) -> bool:
    """Return whether the hash of an entry is in any file, as bytes or as text."""
    digits = pdq_hash(entry_id)
    forms = (bytes.fromhex(digits), digits.encode(), digits.upper().encode())
    return any(form in data for data in built_files(folder).values() for form in forms)


def test_history_says_what_each_generation_changed(index: Path, list_file: MakeList) -> None:
    begun = datetime.now(UTC) - timedelta(seconds=5)
    add_list(index, list_file([row_of("d")]), version="v2")
    remove_entries(index, "known", ["a"])
    disable(index, "known")
    changes = [
        (one.change.kind, one.change.list, one.change.n_added, one.change.n_removed)
        for one in index_history(index)
    ]
    assert changes == [
        ("build", None, 3, 0),
        ("add", "known", 1, 0),
        ("remove", "known", 0, 1),
        ("disable", "known", 0, 0),
    ]
    history = index_history(index)
    assert [one.generation for one in history] == [1, 2, 3, 4]
    assert [one.is_current for one in history] == [False, False, False, True]
    assert [one.n_rows for one in history] == [3, 4, 3, 3]
    assert history[-1].change.n_disabled == 3
    assert history[-1].digest == Index.open(index).ref.digest
    assert begun < history[0].published <= history[-1].published <= datetime.now(UTC)
    told = history[0].to_dict()
    assert (told["kind"], told["n_added"], told["generation"]) == ("build", 3, 1)
    build_index(index, discard_additions=True)
    (rebuilt,) = (one for one in index_history(index) if one.is_current)
    assert (rebuilt.change.n_added, rebuilt.change.n_removed) == (2, 3)


def test_the_last_generations_are_kept(index: Path, list_file: MakeList) -> None:
    for n in range(12):
        add_list(index, list_file([row_of(f"n{n}")]))
    assert [one.generation for one in index_history(index)] == list(range(6, 14))
    add_list(index, list_file([row_of("x")]), options=StorageOptions(kept_generations=10))
    assert [one.generation for one in index_history(index)] == list(range(6, 15))
    compact_index(index, options=StorageOptions(kept_generations=2))
    assert [one.generation for one in index_history(index)] == [14, 15]
    assert set(built_files(index)) == {".lock", *verify_index(index)}


def test_a_rollback_publishes_a_new_generation_with_the_old_rows(
    index: Path, list_file: MakeList
) -> None:
    before = Index.open(index)
    replace_list(index, list_file([row_of("a"), row_of("d")]), version="v2")
    assert ids(index) == "ad"
    report = rollback_index(index, 1)
    assert (report.generation, report.is_new) == (3, True)
    assert (report.n_added, report.n_removed, report.n_returned_entries) == (2, 1, 2)
    assert ids(index) == "abc"
    assert Index.open(index).ref.digest == before.ref.digest
    assert [one.change.restored for one in index_history(index)] == [None, None, 1]
    assert rollback_index(index, 2).generation == 4
    assert ids(index) == "ad"
    assert not rollback_index(index, 4).is_new
    assert before.refreshed().ref.generation == 4


def test_a_dry_run_counts_and_changes_nothing(index: Path) -> None:
    remove_entries(index, "known", ["a"])
    files = built_files(index)
    plan = rollback_index(index, 1, with_overrides=True, dry_run=True)
    assert (plan.generation, plan.is_new) == (2, False)
    assert (plan.n_added, plan.n_removed, plan.n_returned_entries) == (1, 0, 1)
    assert rollback_index(index, 1, dry_run=True).n_returned_entries == 0
    assert built_files(index) == files


def test_names_stay_out_unless_their_overrides_are_restored(
    index: Path, list_file: MakeList
) -> None:
    add_list(index, list_file([row_of("d")]))
    remove_entries(index, "known", ["a"])
    disable(index, "known", ["b"])
    report = rollback_index(index, 2)
    assert not report.is_new  # only names had changed
    assert (report.n_disabled, report.n_enabled) == (0, 0)
    assert ids(index) == "cd"
    report = rollback_index(index, 1)
    assert (report.n_removed, report.n_returned_entries) == (1, 0)
    assert ids(index) == "c"
    report = rollback_index(index, 2, with_overrides=True)
    assert (report.n_added, report.n_returned_entries) == (3, 3)
    assert ids(index) == "abcd"
    assert Index.open(index).describe()["n_removed_entries"] == 0
    # And back: a later state has its own overrides.
    rollback_index(index, 4, with_overrides=True)
    assert ids(index) == "cd"
    build_index(index, discard_additions=True)
    assert ids(index) == "c"


def test_an_entry_that_was_readmitted_goes_with_its_rows(index: Path, list_file: MakeList) -> None:
    remove_entries(index, "known", ["a"])
    add_list(index, list_file([row_of("a")]), return_removed=True)
    assert ids(index) == "abc"
    rollback_index(index, 2)
    assert ids(index) == "bc"
    assert Index.open(index).describe()["n_removed_entries"] == 0


def test_generations_that_are_not_kept_are_refused(index: Path, tmp_path: Path) -> None:
    with pytest.raises(HashmatchError, match=r"generation 7 is not kept; kept: 1$"):
        rollback_index(index, 7)
    empty = tmp_path / "empty"
    empty.mkdir()
    calls: list[Callable[[], object]] = [
        lambda: rollback_index(empty, 1),
        lambda: index_history(empty),
    ]
    for call in calls:
        with pytest.raises(HashmatchError, match="is not built; run: hashmatch index build"):
            call()
    assert list(empty.iterdir()) == []


def test_a_lost_generation_is_recovered_from_the_one_before(
    index: Path, list_file: MakeList
) -> None:
    remove_entries(index, "known", ["a"])
    add_list(index, list_file([row_of("d")]))
    current_manifest(index).unlink()
    calls: list[Callable[[], object]] = [
        lambda: Index.open(index),
        lambda: build_index(index),
        lambda: rollback_index(index, 2),
    ]
    for call in calls:
        with pytest.raises(IndexFormatError, match=r"000003\.json: missing.*--with-overrides"):
            call()
    report = rollback_index(index, 2, with_overrides=True)
    assert report.generation == 4
    assert ids(index) == "bc"
    assert Index.open(index).describe()["n_removed_entries"] == 1


def test_a_manifest_under_the_number_of_another_is_noticed(index: Path) -> None:
    remove_entries(index, "known", ["a"])
    disable(index, "known", ["b"])
    first = index / "built" / "manifests" / "000001.json"
    first.with_name("000002.json").write_bytes(first.read_bytes())
    calls: list[Callable[[], object]] = [
        lambda: index_history(index),
        lambda: verify_index(index),
        lambda: rollback_index(index, 2),
    ]
    for call in calls:
        with pytest.raises(IndexFormatError, match=r"000002\.json: holds generation 1; restore it"):
            call()
    assert ids(index) == "c"
    compact_index(index, purge=True)  # deletes it
    assert [one.generation for one in index_history(index)] == [1, 3, 4]


def test_damage_is_not_rolled_back_to(index: Path, list_file: MakeList) -> None:
    codes = built_file(index, ".hmi")
    replace_list(index, list_file([row_of(name) for name in "defg"]))
    codes.write_bytes(codes.read_bytes()[:-1] + b"?")
    with pytest.raises(IndexFormatError, match=f"{codes.name}: damaged"):
        rollback_index(index, 1)
    assert ids(index) == "defg"


def test_a_purge_leaves_no_byte_of_a_removed_hash(index: Path, list_file: MakeList) -> None:
    add_list(index, list_file([row_of("d"), row_of("e")]))
    remove_entries(index, "known", ["a"])
    gone = {**row_of("d"), "status": "withdrawn"}
    add_list(index, list_file([gone]))
    disable(index, "known", ["b"])
    compact_index(index)
    history = index_history(index)
    assert all(holds(index, entry_id) for entry_id in "abcde")
    reader = Index.open(index)
    time.sleep(0.01)
    report = compact_index(index, purge=True)
    assert not report.is_new
    assert report.n_purged == 2
    assert [holds(index, entry_id) for entry_id in "abcde"] == [False, True, True, False, True]
    assert set(built_files(index)) == {".lock", *verify_index(index)}
    after = index_history(index)
    assert [one.n_purged for one in after] == [1, 2, 1, 0, 0, 0]
    for old, new in zip(history, after, strict=True):
        assert (new.generation, new.digest, new.change) == (old.generation, old.digest, old.change)
        assert new.published == old.published
    assert [row["entry_id"] for row in stored_rows(index, 2)] == ["b", "c", "e"]
    rollback_index(index, 2)
    assert ids(index) == "ce"
    assert len(reader.codes("pdq")) == 2
    assert compact_index(index, purge=True).n_purged == 0


def test_a_purge_deletes_hashes_that_a_list_no_longer_has(index: Path, list_file: MakeList) -> None:
    replace_list(index, list_file([row_of("b")]))
    build_index(index, discard_additions=True)
    remove_entries(index, "known", ["c"])
    report = compact_index(index, purge=True)
    assert isinstance(report, ChangeReport)
    assert [holds(index, entry_id) for entry_id in "abc"] == [True, True, False]
    rollback_index(index, 2)
    assert ids(index) == "b"


def test_a_purge_keeps_rows_of_equal_bytes_apart(make_folder: MakeFolder) -> None:
    for harm, names in (('"h"', "abc"), ('"x"', "abc"), ('"h"', "ab")):
        rows = [{"entry_id": name, "hash": pdq_hash(name)} for name in names]
        folder = make_folder({"known": rows}, harm=harm)
        build_index(folder)
    assert len(list((folder / "built").glob("*.entries.arrow"))) == 2  # the first two share theirs
    compact_index(folder, purge=True)
    assert [one.n_rows for one in index_history(folder)] == [2, 0, 2]
    assert [row["entry_id"] for row in stored_rows(folder, 1)] == ["a", "b"]


def test_a_purge_deletes_a_generation_that_it_cannot_read(index: Path, list_file: MakeList) -> None:
    (codes,) = (index / "built").glob("*.hmi")
    remove_entries(index, "known", ["a"])
    compact_index(index)
    codes.write_bytes(codes.read_bytes()[:-1] + b"?")
    compact_index(index, purge=True)
    assert not holds(index, "a")
    assert [one.generation for one in index_history(index)] == [3]
    verify_index(index)
