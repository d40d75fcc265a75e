from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hashmatch.errors import HashListError
from hashmatch.index import ListCounts, Origin, Recipe
from hashmatch.index.contents import codes_of, read_contents
from hashmatch.index.ledger import Ledger

MakeFolder = Callable[..., Path]
HashOf = Callable[[object], str]


def contents(folder: Path) -> Any:
    return read_contents(Recipe.load(folder), Ledger())


def test_rows_go_where_the_counts_say(folder: Path, hash_of: HashOf) -> None:
    got = contents(folder)
    assert got.lists == (
        ListCounts("known", "v1", rows=6, indexed=4, withdrawn=1, ignored=0, duplicates=1),
        ListCounts("spam", "v1", rows=1, indexed=1, withdrawn=0, ignored=0, duplicates=0),
    )
    assert got.origins == (
        Origin("known", "v1", "csam", "A1"),
        Origin("known", "v1", "csam", None),
        Origin("known", "v1", "spam", "A1"),
        Origin("spam", "v1", "spam", None),
    )
    assert list(got.tables) == ["pdq"]
    table = got.tables["pdq"]
    assert table["row_number"].to_pylist() == [2, 3, 4, 7, 2]
    assert table["entry_id"].to_pylist() == ["k-1", "k-2", "k-1", "k-1", "k-1"]
    assert table["origin"].to_pylist() == [0, 1, 0, 2, 3]
    assert table["entry"].to_pylist() == [0, 1, 0, 2, 3]
    assert got.n_entries == 4
    expected = [hash_of(seed) for seed in (1, 2, 3, 1, 1)]
    assert [code.tobytes().hex() for code in codes_of(table, 256)] == expected


def test_one_table_an_algorithm(make_folder: MakeFolder, hash_of: HashOf, toy: str) -> None:
    rows = [
        {"entry_id": "a", "hash": hash_of(1)[:16], "harm": "h", "algorithm": toy},
        {"entry_id": "a", "hash": hash_of(1), "harm": "h", "algorithm": ""},
        {"entry_id": "b", "hash": "00ff", "harm": "h", "algorithm": "photodna"},
        {"entry_id": "c", "hash": hash_of(2)[:16], "harm": "h", "algorithm": "Toy"},
    ]
    got = contents(make_folder({"known": rows}, ignore_algorithms='["photodna"]'))
    assert list(got.tables) == ["pdq", toy]
    assert got.tables["pdq"]["entry"].to_pylist() == [0]
    assert got.tables[toy]["entry"].to_pylist() == [0, 1]
    assert codes_of(got.tables[toy], 64).shape == (2, 8)
    assert got.lists == (ListCounts("known", "v1", 4, 3, 0, 1, 0),)


def test_a_list_yet_empty_has_its_segment(make_folder: MakeFolder, toy: str) -> None:
    got = contents(make_folder({"known": []}, algorithm=f'"{toy}"'))
    assert list(got.tables) == [toy]
    assert codes_of(got.tables[toy], 64).shape == (0, 8)
    assert (got.origins, got.n_entries) == ((), 0)


def test_a_list_all_withdrawn_keeps_its_segment(
    make_folder: MakeFolder, hash_of: HashOf, toy: str
) -> None:
    row = {"entry_id": "a", "hash": hash_of(1)[:16], "harm": "h", "status": "withdrawn"}
    got = contents(make_folder({"known": [row | {"algorithm": toy}]}))
    assert {name: rows.num_rows for name, rows in got.tables.items()} == {toy: 0}


def test_withdrawn_rows_repeated_are_duplicates(make_folder: MakeFolder, hash_of: HashOf) -> None:
    row = {"entry_id": "a", "hash": hash_of(1), "harm": "h", "status": "withdrawn"}
    (counts,) = contents(make_folder({"known": [row, row]})).lists
    assert (counts.rows, counts.indexed, counts.withdrawn, counts.duplicates) == (2, 0, 1, 1)


def test_two_statuses_of_one_hash_are_refused(make_folder: MakeFolder, hash_of: HashOf) -> None:
    row = {"entry_id": "a", "hash": hash_of(1), "harm": "h", "status": "active"}
    folder = make_folder({"known": [row, row | {"entry_id": "b"}, row | {"status": "withdrawn"}]})
    with pytest.raises(HashListError) as caught:
        contents(folder)
    assert str(caught.value) == (
        f"{folder / 'known.csv'} row 4, column status: "
        "row 2 gives the same entry and hash another status; keep one of them"
    )


@pytest.mark.parametrize(
    ("algorithm", "message"),
    [
        ("photodna", "column type: photodna is not among the algorithms known ("),
        ("photodna", "); name it in ignore_algorithms in recipe.toml to leave such rows out"),
        ("0123456789abcdef", "column type: this is not among the algorithms known ("),
        ("", "column digits: expected 64 hex digits, as pdq has 256 bits"),
    ],
)
def test_what_the_registry_does_not_know_is_refused(
    make_folder: MakeFolder, hash_of: HashOf, algorithm: str, message: str
) -> None:
    good = {"entry_id": "a", "digits": hash_of(1), "harm": "h", "type": "pdq"}
    bad = good | {"digits": hash_of(2)[:32], "type": algorithm}
    folder = make_folder(
        {"known": [good, bad, bad]}, columns='{ hash = "digits", algorithm = "type" }'
    )
    with pytest.raises(HashListError) as caught:
        contents(folder)
    assert str(caught.value).startswith(f"{folder / 'known.csv'} row 3, ")
    assert message in str(caught.value)
    assert hash_of(2)[:32] not in str(caught.value)
    assert "0123456789abcdef" not in str(caught.value)


def test_the_first_of_two_kinds_of_fault_is_named(make_folder: MakeFolder, hash_of: HashOf) -> None:
    good = {"entry_id": "a", "hash": hash_of(1), "harm": "h", "algorithm": "pdq"}
    short, foreign = good | {"hash": "00"}, good | {"algorithm": "photodna"}
    for rows, place in [([short, foreign], "column hash"), ([foreign, short], "column algorithm")]:
        with pytest.raises(HashListError, match=f"row 2, {place}"):
            contents(make_folder({"known": rows}))


def test_records_keep_every_column(make_folder: MakeFolder, hash_of: HashOf) -> None:
    row = {"entry_id": "a", "hash": hash_of(1), "harm": "h", "note": 'say "é"\n'}
    table = contents(make_folder({"known": [row]})).tables["pdq"]
    assert [json.loads(record) for record in table["record"].to_pylist()] == [row]
