"""List files of all formats as one canonical table."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from hashmatch.errors import HashListError
from hashmatch.lists import SCHEMA, ListReading, read_list

HASH = "f8f8f0cee0f4a84f06370a22038f63f0b36e2ed596621e1d33e6b39c4e9c9b22"
OTHER = "00" * 32
FORMS = pytest.mark.parametrize("form", ["csv", "jsonl", "ndjson"])


def write(path: Path, rows: list[dict[str, str]]) -> Path:
    """The same rows in the form that the suffix of `path` names."""
    if path.suffix == ".csv":
        lines = [",".join(rows[0]), *(",".join(row.values()) for row in rows)]
    else:
        lines = [json.dumps({name: cell or None for name, cell in row.items()}) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@FORMS
def test_a_row_takes_its_canonical_form(tmp_path: Path, form: str) -> None:
    row = {
        "hash": f" {HASH.upper()} ",
        "entry_id": " e-1 ",
        "algorithm": "PDQ",
        "harm": "csam ",
        "classification": "A1",
        "member_id": "42",
        "media_type": "image",
        "quality": " 87 ",
        "timestamp_s": " 12.50 ",
        "severity": "high",
        "status": "Disputed",
        "first_seen": "2026-01-02T03:04:05Z",
        "last_seen": "",
        "note": " as it was ",
    }
    path = write(tmp_path / f"known.{form}", [row])
    got = read_list(path)
    assert got.n_ignored == 0
    assert got.table.schema == SCHEMA
    (cells,) = got.table.to_pylist()
    record = json.loads(cells.pop("record"))
    assert {name: cell or "" for name, cell in record.items()} == row
    assert cells == {
        "row_number": 2 if form == "csv" else 1,
        "entry_id": "e-1",
        "algorithm": "pdq",
        "code": bytes.fromhex(HASH),
        "quality": 87,
        "timestamp_s": 12.5,
        "harm": "csam",
        "classification": "A1",
        "severity": "high",
        "labels": None,
        "status": "disputed",
        "member_id": "42",
        "media_type": "image",
        "first_seen": "2026-01-02T03:04:05Z",
        "last_seen": None,
    }


@FORMS
def test_defaults_hold_where_a_row_is_silent(tmp_path: Path, form: str) -> None:
    rows = [
        {"hash": HASH, "entry_id": "a", "harm": "", "classification": "", "algorithm": ""},
        {"hash": HASH, "entry_id": "b", "harm": "own", "classification": "B", "algorithm": "x"},
    ]
    path = write(tmp_path / f"known.{form}", rows)
    table = read_list(
        path, ListReading(harm=" spam ", classification="A", algorithm=" PHash ")
    ).table
    assert table["harm"].to_pylist() == ["spam", "own"]
    assert table["classification"].to_pylist() == ["A", "B"]
    assert table["algorithm"].to_pylist() == ["phash", "x"]
    assert table["status"].to_pylist() == ["active", "active"]
    assert table["quality"].to_pylist() == [None, None]


@FORMS
def test_columns_may_have_foreign_names(tmp_path: Path, form: str) -> None:
    row = {"md5": "no hex", "hash": "not it", "pdq hash": HASH, "id": "a", "harm": "h"}
    path = write(tmp_path / f"known.{form}", [row])
    columns = {"hash": "pdq hash", "entry_id": "id"}
    (cells,) = read_list(path, ListReading(columns=columns)).table.to_pylist()
    assert (cells["code"].hex(), cells["entry_id"]) == (HASH, "a")
    assert json.loads(cells["record"]) == row


@FORMS
def test_a_mapped_name_that_never_occurs_is_named(tmp_path: Path, form: str) -> None:
    path = write(tmp_path / f"known.{form}", [{"hash": HASH, "entry_id": "a", "harm": "h"}])
    with pytest.raises(HashListError, match=r"no column grade \(severity\) among: hash, entry_id"):
        read_list(path, ListReading(columns={"severity": "grade"}))


@FORMS
def test_rows_to_be_ignored_need_not_be_sound(tmp_path: Path, form: str) -> None:
    rows = [
        {"hash": "1,2,3" if form != "csv" else "zz", "entry_id": "", "harm": "", "algorithm": "T"},
        {"hash": HASH, "entry_id": "a", "harm": "h", "algorithm": "pdq"},
    ]
    path = write(tmp_path / f"known.{form}", rows)
    got = read_list(path, ListReading(ignore_algorithms=["t", "u"]))
    assert got.table["entry_id"].to_pylist() == ["a"]
    assert got.n_ignored == 1


FAULTS = [
    ({"hash": ""}, "column hash: empty; every entry needs a hash"),
    ({"hash": "  "}, "column hash: empty"),
    ({"hash": HASH[:-1] + "g"}, "column hash: expected hex digits"),
    ({"hash": "0x" + HASH}, "column hash: expected hex digits"),
    ({"hash": HASH[:20] + " " + HASH[20:]}, "column hash: expected hex digits"),
    ({"hash": HASH[:-1]}, "column hash: expected an even number of hex digits"),
    ({"entry_id": ""}, "column entry_id: empty; give every entry an id"),
    ({"harm": ""}, "column harm: empty; name it there or give the whole list a harm"),
    ({"status": HASH}, "column status: expected one of: active, withdrawn, disputed"),
    ({"quality": "101"}, "column quality: expected a whole number from 0 to 100"),
    ({"quality": "-1"}, "column quality: expected a whole number"),
    ({"quality": "9.5"}, "column quality: expected a whole number"),
    ({"quality": HASH}, "column quality: expected a whole number"),
]


@FORMS
@pytest.mark.parametrize(("fault", "message"), FAULTS)
def test_the_first_bad_row_is_named_without_its_hash(
    tmp_path: Path, form: str, fault: dict[str, str], message: str
) -> None:
    good = {
        "hash": HASH,
        "entry_id": "a",
        "harm": "h",
        "status": "active",
        "quality": "1",
    }
    path = write(tmp_path / f"known.{form}", [good, good, good | fault, good | {"hash": "?"}])
    row = 4 if form == "csv" else 3
    with pytest.raises(HashListError) as caught:
        read_list(path)
    assert str(caught.value).startswith(f"{path} row {row}, {message}")
    assert HASH[:16] not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_one_row_with_two_faults_names_the_hash_first(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", [{"hash": "z", "entry_id": "", "harm": "h", "quality": "x"}])
    with pytest.raises(HashListError, match="row 2, column hash"):
        read_list(path)


def test_a_harm_is_needed_somewhere(tmp_path: Path) -> None:
    rows = [{"hash": HASH, "entry_id": "a"}]
    with pytest.raises(HashListError, match=r"no column harm \(harm\) among: hash, entry_id"):
        read_list(write(tmp_path / "a.csv", rows), ListReading(harm=" "))
    with pytest.raises(HashListError, match="row 1, column harm: empty"):
        read_list(write(tmp_path / "a.jsonl", rows))
    assert read_list(tmp_path / "a.csv", ListReading(harm="h")).table.num_rows == 1


def test_only_canonical_columns_can_be_mapped(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", [{"hash": HASH, "entry_id": "a"}])
    with pytest.raises(ValueError, match="not record"):
        read_list(path, ListReading(columns={"record": "x"}))
    with pytest.raises(ValueError, match="column for hash"):
        read_list(path, ListReading(columns={"hash": " "}))


def test_what_is_no_list_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HashListError, match=r"a\.xls: cannot be read: No such file"):
        read_list(tmp_path / "a.xls")
    with pytest.raises(HashListError, match=r"a\.csv: cannot be read: No such file"):
        read_list(tmp_path / "a.csv")
    (tmp_path / "d.csv").mkdir()
    with pytest.raises(HashListError, match=r"d\.csv: the folder holds no file of vpdq \(\.txt\)"):
        read_list(tmp_path / "d.csv")
    os.mkfifo(tmp_path / "f.csv")
    with pytest.raises(HashListError, match=r"f\.csv: not a regular file"):
        read_list(tmp_path / "f.csv")


def test_the_suffix_may_be_upper_case(tmp_path: Path) -> None:
    rows = [{"hash": HASH, "entry_id": "a", "harm": "h"}]
    path = write(tmp_path / "a.csv", rows).rename(tmp_path / "A.CSV")
    assert read_list(path).table.num_rows == 1


@FORMS
def test_rows_of_one_entry_have_their_times(tmp_path: Path, form: str) -> None:
    times = ["0", "0.1", "12.000000000000002", "", "86400.5"]
    rows = [
        {"hash": f"{n:064x}", "entry_id": "clip", "timestamp_s": time_s, "harm": "h"}
        for n, time_s in enumerate(times)
    ]
    table = read_list(write(tmp_path / f"a.{form}", rows)).table
    assert table["timestamp_s"].to_pylist() == [0.0, 0.1, 12.000000000000002, None, 86400.5]


def test_times_in_json_may_be_numbers(tmp_path: Path) -> None:
    times = [0, 0.1, 1e-7, 12.000000000000002, None, "3.5", 1e14]
    path = tmp_path / "a.jsonl"
    with path.open("w") as file:
        for n, time_s in enumerate(times):
            row = {"hash": f"{n:064x}", "entry_id": "a", "harm": "h", "timestamp_s": time_s}
            file.write(json.dumps(row) + "\n")
    table = read_list(path).table
    expected = [None if time_s is None else float(time_s) for time_s in times]
    assert table["timestamp_s"].to_pylist() == expected


@pytest.mark.parametrize("written", ["-1", "1e3", "1.", ".5", "nan", "inf", "1:30", "0x1"])
def test_times_are_read_strictly(tmp_path: Path, written: str) -> None:
    rows = [{"hash": HASH, "entry_id": "a", "harm": "h", "timestamp_s": written}]
    for form in ("csv", "jsonl"):
        path = write(tmp_path / f"a.{form}", rows)
        with pytest.raises(HashListError) as caught:
            read_list(path)
        row = 2 if form == "csv" else 1
        assert str(caught.value) == (
            f"{path} row {row}, column timestamp_s: expected seconds from 0 on, such as 12.5"
        )


@pytest.mark.parametrize("written", ["true", "[1]", "-0.5", "1e999", "1e30"])
def test_times_in_json_are_read_strictly(tmp_path: Path, written: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(f'{{"hash":"{HASH}","entry_id":"a","harm":"h","timestamp_s":{written}}}\n')
    with pytest.raises(HashListError, match=r"a\.jsonl row 1, column timestamp_s: expected "):
        read_list(path)
