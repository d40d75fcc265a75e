from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hashmatch.errors import HashListError, HashmatchError, UnknownNameError
from hashmatch.index import (
    Index,
    StorageOptions,
    add_list,
    build_index,
    compact_index,
    remove_entries,
    replace_list,
)
from hashmatch.lists import ListReading
from tests.builders import MakeFolder, MakeList, built_files, found_entries, pdq_hash


def row_of(entry_id: str, seed: object, **cells: str) -> dict[str, str]:
    plain = {"entry_id": entry_id, "hash": pdq_hash(seed), "harm": "csam"}
    return {**plain, "classification": "A1", "status": "", **cells}


def test_what_is_there_is_neither_written_nor_moved(built: Path, list_file: MakeList) -> None:
    remove_entries(built, "known", ["k-2"])
    before = {name: (built / "built" / name).stat() for name in built_files(built)}
    report = add_list(built, list_file([row_of("n", 9)]), list_name="known")
    assert (report.generation, report.is_new, report.n_added, report.n_removed) == (3, True, 1, 0)
    after = {name: (built / "built" / name).stat() for name in built_files(built)}
    for name, stat in before.items():
        if name not in {"CURRENT", ".lock"}:
            assert (after[name].st_ino, after[name].st_mtime_ns) == (stat.st_ino, stat.st_mtime_ns)
    assert len(after) == len(before) + 3  # manifest, codes, entries
    assert ("known", "v1", "n") in found_entries(built)


def test_repetitions_and_other_statuses(built: Path, list_file: MakeList) -> None:
    rows = [row_of("k-1", 1), row_of("k-1", 1), row_of("k-1", 3, status="disputed")]
    report = add_list(built, list_file(rows), list_name="known", version="v2")
    assert report.counts is not None
    assert (report.counts.rows, report.counts.indexed, report.counts.duplicates) == (3, 1, 2)
    assert (report.n_added, report.n_removed) == (1, 2)  # a row of hash 1 has another harm
    assert found_entries(built).count(("known", "v2", "k-1")) == 1
    again = add_list(built, list_file(rows), list_name="known", version="v3")
    assert (again.is_new, again.generation, again.n_added) == (False, 2, 0)
    assert [one["list_version"] for one in Index.open(built).describe()["lists"]] == [
        "v1",
        "v1",
        "v2",
    ]


def test_a_withdrawal_takes_every_row_of_its_entry(built: Path, list_file: MakeList) -> None:
    rows = [row_of("k-1", 1, status="withdrawn"), row_of("x", 8, status="withdrawn")]
    report = add_list(built, list_file(rows), list_name="known")
    assert (report.n_added, report.n_removed, report.n_unmet_withdrawals) == (0, 3, 1)
    assert found_entries(built).count(("known", "v1", "k-1")) == 0  # all hashes, every harm
    assert ("spam", "v1", "k-1") in found_entries(built)


@pytest.mark.parametrize("lacks", ["hash", "entry_id", "harm"])
def test_a_withdrawal_may_name_an_entry_or_a_hash(
    built: Path, list_file: MakeList, lacks: str
) -> None:
    rows = [row_of("k-2", 2, status="withdrawn") | {lacks: ""}, row_of("n", 9, status="active")]
    report = add_list(built, list_file(rows), list_name="known")
    assert (report.n_added, report.n_removed, report.n_unmet_withdrawals) == (1, 1, 0)
    assert ("known", "v1", "k-2") not in found_entries(built)
    again = add_list(built, list_file(rows), list_name="known")
    assert (again.is_new, again.n_unmet_withdrawals) == (False, 1)
    assert again.counts is not None
    assert (again.counts.rows, again.counts.withdrawn) == (2, 1)


def test_a_withdrawal_names_an_entry_or_a_hash_at_least(built: Path, list_file: MakeList) -> None:
    rows = [row_of("k-2", 2, status="withdrawn") | {"hash": "", "entry_id": ""}]
    with pytest.raises(HashListError, match="row 2, column hash: empty"):
        add_list(built, list_file(rows), list_name="known")


def test_a_withdrawn_entry_that_is_given_anew_changes_its_hash(
    built: Path, list_file: MakeList
) -> None:
    rows = [row_of("k-2", 2, status="withdrawn"), row_of("k-2", 9, status="active")]
    report = add_list(built, list_file(rows), list_name="known", version="v2")
    assert (report.n_added, report.n_removed) == (1, 1)
    assert found_entries(built).count(("known", "v2", "k-2")) == 1


@pytest.mark.parametrize("change", [{"harm": "other"}, {"classification": "C"}])
def test_another_harm_or_grade_replaces_the_old_one(
    built: Path, list_file: MakeList, change: dict[str, str]
) -> None:
    rows = [row_of("k-2", 2) | change]
    report = add_list(built, list_file(rows), list_name="known", version="v2")
    assert (report.n_added, report.n_removed) == (1, 1)
    assert [one for one in found_entries(built) if one[2] == "k-2"] == [("known", "v2", "k-2")]
    assert not add_list(built, list_file(rows), list_name="known", version="v3").is_new


def test_two_grades_of_one_hash_in_a_file_stay_both(built: Path, list_file: MakeList) -> None:
    rows = [row_of("k-2", 2) | {"classification": grade} for grade in ("A", "B")]
    for chunk_rows in (1, 10):
        options = StorageOptions(chunk_rows=chunk_rows)
        add_list(built, list_file(rows), list_name="known", version="v2", options=options)
        assert [one for one in found_entries(built) if one[2] == "k-2"] == [
            ("known", "v2", "k-2"),
            ("known", "v2", "k-2"),
        ]


def test_one_entry_in_two_segments_and_two_algorithms(
    make_folder: MakeFolder, list_file: MakeList, toy: str
) -> None:
    folder = make_folder({"known": [row_of("a", 1), row_of("b", 2)]})
    build_index(folder)
    short = row_of("b", 5)["hash"][:16]
    rows = [row_of("c", 3), row_of("a", 4), row_of("b", 5, hash=short, algorithm=toy)]
    rows = [{"algorithm": "pdq", **row} for row in rows]
    add_list(folder, list_file(rows), version="v2")
    for _ in range(2):
        index = Index.open(folder)
        ordinals: dict[str, set[int]] = {}
        for algorithm, n_rows in (("pdq", 4), (toy, 1)):
            rows_there = np.arange(n_rows)
            ids = index.entry_ids(algorithm, rows_there)
            for entry_id, entry in zip(ids, index.entry_of(algorithm, rows_there), strict=True):
                ordinals.setdefault(entry_id, set()).add(int(entry))
        assert ordinals == {"a": {0}, "b": {1}, "c": {2}}
        assert index.describe()["n_entries"] == 3
        compact_index(folder)


def test_what_is_removed_stays_out_unless_it_is_to_return(built: Path, list_file: MakeList) -> None:
    remove_entries(built, "known", ["k-1"])
    rows = [row_of("k-1", 1), row_of("other-id", 1)]
    kept_out = add_list(built, list_file(rows), list_name="known", version="v2")
    assert kept_out.counts is not None
    assert (kept_out.is_new, kept_out.n_added, kept_out.counts.removed) == (False, 0, 2)
    report = add_list(
        built, list_file(rows[:1]), list_name="known", version="v2", return_removed=True
    )
    assert (report.n_added, report.n_returned_entries) == (1, 1)
    assert [one for one in found_entries(built) if one[2] == "k-1"] == [
        ("known", "v2", "k-1"),
        ("spam", "v1", "k-1"),
    ]
    add_list(built, list_file(rows), list_name="known", version="v3")
    assert ("known", "v3", "other-id") in found_entries(built)


def test_a_hash_that_another_entry_has_is_not_removed(built: Path, list_file: MakeList) -> None:
    add_list(built, list_file([row_of("twin", 2)]), list_name="known")
    remove_entries(built, "known", ["k-2"])
    rows = [row_of("k-2", 2), row_of("twin", 2), row_of("third", 2)]
    replace_list(built, list_file(rows), list_name="known", version="v2")
    assert [one[2] for one in found_entries(built) if one[0] == "known"] == ["third", "twin"]


def test_replace_leaves_nothing_of_before_and_removed_entries_out(
    built: Path, list_file: MakeList
) -> None:
    remove_entries(built, "known", ["k-2"])
    rows = [row_of("k-1", 1), row_of("k-2", 2), row_of("n", 9)]
    report = replace_list(built, list_file(rows), list_name="known", version="v2")
    assert report.counts is not None
    assert (report.n_added, report.n_removed, report.counts.removed) == (2, 3, 1)
    expected = [("known", "v2", "k-1"), ("known", "v2", "n"), ("spam", "v1", "k-1")]
    assert found_entries(built) == expected
    empty = replace_list(built, list_file([]), list_name="known", version="v3")
    assert (empty.n_added, empty.n_removed) == (0, 2)
    assert found_entries(built) == expected[2:]
    compact_index(built)
    assert found_entries(built) == expected[2:]


def test_a_build_does_not_drop_additions_unasked(built: Path, list_file: MakeList) -> None:
    add_list(built, list_file([row_of("n", 9)]), list_name="known")
    compact_index(built)
    with pytest.raises(HashmatchError) as caught:
        build_index(built)
    assert str(caught.value) == (
        f"{built}: changed since the last build by add or replace: known; bring the files "
        f"of the recipe up to date, then run: hashmatch index build {built} --discard-additions"
    )
    assert ("known", "v1", "n") in found_entries(built)
    assert build_index(built, discard_additions=True).generation == 4
    assert not build_index(built).is_new


def test_the_recipe_says_how_to_read_and_options_come_first(
    make_folder: MakeFolder, list_file: MakeList
) -> None:
    own = {"digits": pdq_hash(1), "entry_id": "a"}
    folder = make_folder({"known": [own]}, columns='{ hash = "digits" }', harm='"csam"')
    build_index(folder)
    add_list(folder, list_file([own | {"digits": pdq_hash(2)}]))
    with pytest.raises(HashListError, match="there is no column digits"):
        add_list(folder, list_file([{"hash": pdq_hash(3), "entry_id": "b"}]))
    add_list(
        folder,
        list_file([{"hash": pdq_hash(3), "entry_id": "b"}]),
        reading=ListReading(columns={}, harm="spam"),
    )
    harms = {origin.harm for origin in Index.open(folder).origins}
    assert harms == {"csam", "spam"}
    (folder / "recipe.toml").unlink()  # a folder that was copied without
    add_list(folder, list_file([{"hash": pdq_hash(4), "entry_id": "c", "harm": "csam"}]))
    assert len(found_entries(folder)) == 4


def test_which_list_it_is(built: Path, list_file: MakeList) -> None:
    file = list_file([row_of("n", 9)])
    with pytest.raises(
        HashmatchError, match=f"^{built}: say which list it belongs to: known, spam$"
    ):
        add_list(built, file)
    with pytest.raises(
        UnknownNameError, match="no list knwon; did you mean known. .index add --new"
    ):
        add_list(built, file, list_name="knwon")
    with pytest.raises(HashmatchError, match="list other is new; give its version"):
        add_list(built, file, list_name="other", new_list=True)
    for name, version in (("a\nb", "1"), ("other", " "), ("other", ""), ("other", "\x07")):
        with pytest.raises(ValueError, match="text on one line"):
            add_list(built, file, list_name=name, version=version, new_list=True)
    with pytest.raises(UnknownNameError, match="no list zzz, only: known, spam .index add --new"):
        replace_list(built, file, list_name="zzz", version="1")
    assert Index.open(built).ref.generation == 1
    assert add_list(built, file, list_name="other", version="1", new_list=True).is_new
    assert ("other", "1", "n") in found_entries(built)


def test_a_new_list_yet_empty_is_known(built: Path, list_file: MakeList, toy: str) -> None:
    report = add_list(
        built,
        list_file([]),
        list_name="other",
        version="1",
        new_list=True,
        reading=ListReading(algorithm=toy),
    )
    assert report.is_new
    assert Index.open(built).algorithms == ("pdq", toy)
    row = row_of("n", 1, hash="ab" * 8)
    add_list(built, list_file([row]), list_name="other", reading=ListReading(algorithm=toy))
    assert found_entries(built, toy) == [("other", "1", "n")]


def test_a_bad_file_changes_nothing(built: Path, list_file: MakeList) -> None:
    before = built_files(built)
    for change in (add_list, replace_list):
        with pytest.raises(HashListError, match="row 2, column hash"):
            change(built, list_file([row_of("n", 9, hash="zz")]), list_name="known")
        with pytest.raises(HashListError, match=r"nowhere\.csv: cannot be read"):
            change(built, built / "nowhere.csv", list_name="known")
    assert built_files(built) == before


def test_a_fault_behind_rows_on_disk_changes_nothing(built: Path, list_file: MakeList) -> None:
    rows = [row_of(f"n{number}", number) for number in range(9, 30)]
    file = list_file([*rows, row_of("n", 99, hash="zz")])
    before = built_files(built)
    for change in (add_list, replace_list):
        with pytest.raises(HashListError, match="row 23, column hash"):
            change(
                built,
                file,
                list_name="known",
                reading=ListReading(block_rows=2),
                options=StorageOptions(chunk_rows=2),
            )
    assert built_files(built) == before


def test_a_folder_never_built_is_left_alone(folder: Path, list_file: MakeList) -> None:
    with pytest.raises(HashmatchError, match="is not built; run: hashmatch index build"):
        add_list(folder, list_file([row_of("n", 9)]), list_name="known")
    assert not (folder / "built").exists()
