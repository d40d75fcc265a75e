"""Appending a list to a transaction, however it is cut into chunks."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from hashmatch.errors import HashListError
from hashmatch.index import (
    Index,
    ListCounts,
    Origin,
    Recipe,
    StorageOptions,
    append_list,
    open_transaction,
)
from hashmatch.lists import ListReading
from tests.builders import MakeFolder, pdq_hash, stored_rows


@pytest.fixture(params=[1, 2, 1 << 16], ids="chunk_rows={}".format)
def chunk_rows(request: pytest.FixtureRequest) -> int:
    n_rows: int = request.param
    return n_rows


def append_all(folder: Path, chunk_rows: int) -> tuple[ListCounts, ...]:
    """Append the lists of a recipe to an empty transaction and commit it."""
    options = StorageOptions(chunk_rows=chunk_rows, batch_rows=2)
    with open_transaction(folder, empty=True, options=options) as transaction:
        for source in Recipe.load(folder).lists:
            reading = replace(source.reading, block_bytes=180 if chunk_rows == 1 else 1 << 20)
            own = replace(source, reading=reading)
            counts, n_returned, _ = append_list(transaction, own, "build")
            assert n_returned == 0
            transaction.lists.append(counts)
        transaction.commit("build")
        return tuple(transaction.lists)


def test_rows_go_where_the_counts_say(folder: Path, chunk_rows: int) -> None:
    assert append_all(folder, chunk_rows) == (
        ListCounts("known", "v1", rows=6, indexed=4, withdrawn=1, ignored=0, duplicates=1),
        ListCounts("spam", "v1", rows=1, indexed=1, withdrawn=0, ignored=0, duplicates=0),
    )
    index = Index.open(folder, verify=True)
    assert index.origins == (
        Origin("known", "v1", "csam", "A1"),
        Origin("known", "v1", "csam", None),
        Origin("known", "v1", "spam", "A1"),
        Origin("spam", "v1", "spam", None),
    )
    rows = stored_rows(folder)
    assert [row["row_number"] for row in rows] == [2, 3, 4, 7, 2]
    assert [row["entry_id"] for row in rows] == ["k-1", "k-2", "k-1", "k-1", "k-1"]
    assert [row["harm"] for row in rows] == ["csam", "csam", "csam", "spam", "spam"]
    assert [row["entry"] for row in rows] == [0, 1, 0, 2, 3]
    assert [row["hash"] for row in rows] == [pdq_hash(seed) for seed in (1, 2, 3, 1, 1)]


def test_one_segment_an_algorithm(make_folder: MakeFolder, toy: str, chunk_rows: int) -> None:
    rows = [
        {"entry_id": "a", "hash": pdq_hash(1)[:16], "harm": "h", "algorithm": toy},
        {"entry_id": "a", "hash": pdq_hash(1), "harm": "h", "algorithm": ""},
        {"entry_id": "b", "hash": "00ff", "harm": "h", "algorithm": "photodna"},
        {"entry_id": "c", "hash": pdq_hash(2)[:16], "harm": "h", "algorithm": "Toy"},
    ]
    folder = make_folder({"known": rows}, ignore_algorithms='["photodna"]')
    assert append_all(folder, chunk_rows) == (ListCounts("known", "v1", 4, 3, 0, 1, 0),)
    assert Index.open(folder).algorithms == ("pdq", toy)
    assert [(row["algorithm"], row["entry"]) for row in stored_rows(folder)] == [
        ("pdq", 0),
        (toy, 0),
        (toy, 1),
    ]


def test_an_empty_list_has_its_segment(make_folder: MakeFolder, toy: str) -> None:
    folder = make_folder({"known": []}, algorithm=f'"{toy}"')
    append_all(folder, 1 << 16)
    index = Index.open(folder)
    assert index.algorithms == (toy,)
    assert index.codes(toy).shape == (0, 8)
    assert (index.origins, index.describe()["n_entries"]) == ((), 0)


def test_a_list_all_withdrawn_keeps_its_segment(make_folder: MakeFolder, toy: str) -> None:
    row = {"entry_id": "a", "hash": pdq_hash(1)[:16], "harm": "h", "status": "withdrawn"}
    folder = make_folder({"known": [row | {"algorithm": toy}]})
    append_all(folder, 1 << 16)
    assert Index.open(folder).algorithms == (toy,)
    assert stored_rows(folder) == []


def test_withdrawn_rows_repeated_are_duplicates(make_folder: MakeFolder, chunk_rows: int) -> None:
    row = {"entry_id": "a", "hash": pdq_hash(1), "harm": "h", "status": "withdrawn"}
    (counts,) = append_all(make_folder({"known": [row, row]}), chunk_rows)
    assert (counts.rows, counts.indexed, counts.withdrawn, counts.duplicates) == (2, 0, 1, 1)


def test_two_statuses_of_one_hash_are_refused(make_folder: MakeFolder, chunk_rows: int) -> None:
    row = {"entry_id": "a", "hash": pdq_hash(1), "harm": "h", "status": "active"}
    folder = make_folder({"known": [row, row | {"entry_id": "b"}, row | {"status": "withdrawn"}]})
    with pytest.raises(HashListError) as caught:
        append_all(folder, chunk_rows)
    assert str(caught.value) == (
        f"{folder / 'known.csv'} row 4, column status: "
        "row 2 gives the same entry and hash another status; keep one of them"
    )


@pytest.mark.parametrize(
    ("algorithm", "message"),
    [
        ("photodna", "column type: photodna is not a known algorithm ("),
        ("photodna", "); name it in ignore_algorithms in recipe.toml to leave such rows out"),
        ("0123456789abcdef", "column type: this is not a known algorithm ("),
        ("", "column digits: expected 64 hex digits, as pdq has 256 bits"),
    ],
)
def test_rows_that_the_registry_does_not_know_are_refused(
    make_folder: MakeFolder, chunk_rows: int, algorithm: str, message: str
) -> None:
    good = {"entry_id": "a", "digits": pdq_hash(1), "harm": "h", "type": "pdq"}
    bad = good | {"digits": pdq_hash(2)[:32], "type": algorithm}
    folder = make_folder(
        {"known": [good, bad, bad]}, columns='{ hash = "digits", algorithm = "type" }'
    )
    with pytest.raises(HashListError) as caught:
        append_all(folder, chunk_rows)
    assert str(caught.value).startswith(f"{folder / 'known.csv'} row 3, ")
    assert message in str(caught.value)
    assert pdq_hash(2)[:32] not in str(caught.value)
    assert "0123456789abcdef" not in str(caught.value)


def test_the_first_of_two_kinds_of_fault_is_named(make_folder: MakeFolder, chunk_rows: int) -> None:
    good = {"entry_id": "a", "hash": pdq_hash(1), "harm": "h", "algorithm": "pdq"}
    short, foreign = good | {"hash": "00"}, good | {"algorithm": "photodna"}
    for rows, place in [([short, foreign], "column hash"), ([foreign, short], "column algorithm")]:
        with pytest.raises(HashListError, match=f"row 2, {place}"):
            append_all(make_folder({"known": rows}), chunk_rows)


def test_records_keep_every_column(make_folder: MakeFolder) -> None:
    row = {"entry_id": "a", "hash": pdq_hash(1), "harm": "h", "note": 'say "é"\n'}
    folder = make_folder({"known": [row]})
    append_all(folder, 1 << 16)
    assert [json.loads(stored["record"]) for stored in stored_rows(folder)] == [row]


def test_a_transaction_that_is_not_committed_changes_nothing(built: Path) -> None:
    before = Index.open(built)
    with open_transaction(built) as transaction:
        (source, _) = Recipe.load(built).lists
        append_list(transaction, replace(source, reading=ListReading(harm="spam")), "add")
        transaction.remove_entries("spam", None)
    assert before.refreshed() is before
