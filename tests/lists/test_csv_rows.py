"""CSV lists, against the csv module; what is refused names the row."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashmatch.errors import HashListError
from hashmatch.lists import HashList, ListReading, read_list

HASH = "f8f8f0cee0f4a84f06370a22038f63f0b36e2ed596621e1d33e6b39c4e9c9b22"

ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.text(
    alphabet='",\r\n; é', max_size=6
)
IDS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1).filter(str.strip)
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "entry_id": IDS,
            "hash": st.binary(min_size=1, max_size=33).map(bytes.hex),
            "note": ANY_TEXT,
            "classification": ANY_TEXT,
        }
    ),
    max_size=12,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("lists")


def read(path: Path, data: bytes, *, block_bytes: int = 4 << 20) -> HashList:
    path.write_bytes(data)
    return read_list(path, ListReading(harm="h", block_bytes=block_bytes))


@given(
    rows=ROWS,
    end=st.sampled_from(["\n", "\r\n"]),
    has_mark=st.booleans(),
    block_bytes=st.sampled_from([1 << 10, 1 << 12, 4 << 20]),
)
def test_rows_are_those_that_the_csv_module_reads(
    folder: Path, rows: list[dict[str, str]], end: str, has_mark: bool, block_bytes: int
) -> None:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(
        text, ["note", "entry_id", "hash", "classification"], lineterminator=end, quoting=1
    )
    writer.writeheader()
    writer.writerows(rows)
    data = b"\xef\xbb\xbf" * has_mark + text.getvalue().encode()
    got = read(folder / "a.csv", data, block_bytes=block_bytes).table
    expected = list(csv.DictReader(io.StringIO(text.getvalue(), newline="")))
    assert [json.loads(str(record)) for record in got["record"].to_pylist()] == expected
    assert got["entry_id"].to_pylist() == [row["entry_id"].strip() for row in expected]
    assert got["code"].to_pylist() == [bytes.fromhex(row["hash"]) for row in expected]
    assert got["classification"].to_pylist() == [
        row["classification"].strip() or None for row in expected
    ]
    assert got["row_number"].to_pylist() == list(range(2, 2 + len(rows)))


@pytest.mark.parametrize("delimiter", [";", "\t"])
@pytest.mark.parametrize("is_named_csv", [True, False])
def test_semicolons_and_tabs_separate_fields(
    folder: Path, delimiter: str, *, is_named_csv: bool
) -> None:
    file = io.StringIO(newline="")
    writer = csv.writer(file, delimiter=delimiter)
    rows = [["entry_id", "hash", "note"], ["a, b", HASH, f'x{delimiter}"y"\n'], ["c", HASH, ""]]
    writer.writerows(rows)
    table = read(folder / ("a.csv" if is_named_csv else "a.list"), file.getvalue().encode()).table
    assert table["entry_id"].to_pylist() == ["a, b", "c"]
    assert [json.loads(str(one))["note"] for one in table["record"].to_pylist()] == [
        rows[1][2],
        "",
    ]


def test_unnamed_columns_that_are_empty_are_left_out(folder: Path) -> None:
    data = f"hash,,entry_id,\n{HASH},,a,\n{HASH},,b,\n".encode()
    table = read(folder / "a.csv", data).table
    assert table["entry_id"].to_pylist() == ["a", "b"]
    assert json.loads(str(table["record"][0].as_py())) == {"hash": HASH, "entry_id": "a"}


def test_a_list_of_withdrawals_needs_one_of_hash_and_entry_id(folder: Path) -> None:
    for column, cell in (("hash", HASH), ("entry_id", "a")):
        table = read(folder / "a.csv", f"{column},status\n{cell},withdrawn\n".encode()).table
        assert table["status"].to_pylist() == ["withdrawn"]
        with pytest.raises(HashListError, match="row 2, column (hash|entry_id): empty"):
            read(folder / "a.csv", f"{column},status\n{cell},active\n".encode())


def test_labels_are_split(folder: Path) -> None:
    data = f"hash,entry_id,labels\n{HASH},a, x ;y;; \n{HASH},b,\n".encode()
    assert read(folder / "a.csv", data).table["labels"].to_pylist() == [["x", "y"], None]


def test_blank_rows_count_and_are_left_out(folder: Path) -> None:
    data = f"hash,entry_id\n\n{HASH},a\n,\n\n{HASH},b\n\n".encode()
    table = read(folder / "a.csv", data).table
    assert table["entry_id"].to_pylist() == ["a", "b"]
    assert table["row_number"].to_pylist() == [3, 6]


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_a_header_alone_is_an_empty_list(folder: Path, end: bytes) -> None:
    assert read(folder / "a.csv", b"hash,entry_id" + end).table.num_rows == 0


FAULTS = {
    "empty": (b"", "a.csv: the file is empty; expected a header row of column names"),
    "mark alone": (b"\xef\xbb\xbf", "a.csv: the file is empty"),
    "no header": (b"\nhash,entry_id\n", "a.csv row 1: expected a header row of column names"),
    "unnamed column": (
        f"hash,entry_id,,\n{HASH},a,,\n{HASH},b,,x\n".encode(),
        "a.csv row 3: column 4 has no name but is filled in",
    ),
    "twice": (b"hash,entry_id, hash\n", "a.csv row 1: two columns have the name hash"),
    "header not UTF-8": (b"hash,entry_id,\xe9\n", "row 1: the name of column 3 is not UTF-8"),
    "UTF-16": ("hash,entry_id\n".encode("utf-16"), "row 1: the name of column 1 is not UTF-8"),
    "no entry_id": (b"hash,id\n", "a.csv: there is no column entry_id (entry_id) among: hash, id"),
    "no header row": (
        f"{HASH},a\n".encode(),
        "there is no column hash (hash) among: (something like a hash, not shown), a",
    ),
    "too many": (
        f"hash,entry_id\n{HASH},a\n{HASH},b,c\n".encode(),
        "a.csv row 3: expected 2 fields, found 3",
    ),
    "too few": (
        f"hash,entry_id\n{HASH},a\n\n{HASH}\n{HASH},a\n".encode(),
        "a.csv row 4: expected 2 fields, found 1",
    ),
    "an earlier fault": (
        f"hash,entry_id\n{HASH},\n{HASH}\n".encode(),
        "a.csv row 2, column entry_id: empty",
    ),
    "not UTF-8": (
        f"hash,entry_id\n{HASH},a\n{HASH},".encode() + b"\xff\n",
        "a.csv row 3, column entry_id: not UTF-8",
    ),
    "open quote": (
        f'hash,entry_id\n{HASH},a\n{HASH},"b\n{HASH},c\n'.encode(),
        "a.csv row 3: a quotation mark is never closed",
    ),
    "open quote, closed by the next": (
        f'hash,entry_id\n{HASH},"a\n{HASH},"b"\n'.encode(),
        "a.csv row 2: quotation mark inside an unquoted field",
    ),
    "text after a field": (
        f'hash,entry_id\n{HASH},a\n"{HASH}"x,b\n'.encode(),
        "a.csv row 3: quotation mark inside an unquoted field",
    ),
    "line break in an id": (
        f'hash,entry_id\n{HASH},"a\nb"\n'.encode(),
        "a.csv row 2, column entry_id: it contains a line break or control character",
    ),
}


@pytest.mark.parametrize(("data", "message"), FAULTS.values(), ids=FAULTS.keys())
def test_what_is_no_csv_is_named_without_a_hash(folder: Path, data: bytes, message: str) -> None:
    with pytest.raises(HashListError) as caught:
        read(folder / "a.csv", data)
    assert message in str(caught.value)
    assert HASH[:16] not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.__context__ is None  # an error of the parser may hold the row


@pytest.mark.parametrize("bad", [2, 3, 20, 39])
@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (f"{HASH},a\n", "expected 3 fields, found 2"),
        (f"{HASH},,x\n", "column entry_id: empty"),
        (f'{HASH},a,x"\n', "quotation mark inside an unquoted field"),
    ],
)
def test_rows_are_numbered_across_blocks(folder: Path, bad: int, fault: str, message: str) -> None:
    rows = [f'{HASH},a,"two\nlines"\n' if row % 2 else f"{HASH},b,\n" for row in range(2, 40)]
    rows[bad - 2] = fault
    data = "".join(["hash,entry_id,note\n", *rows]).encode()
    with pytest.raises(HashListError, match=f"row {bad}.*{message}"):
        read(folder / "a.csv", data, block_bytes=256)


def test_a_row_longer_than_a_block_is_refused(folder: Path) -> None:
    data = f"hash,entry_id,note\n{HASH},a,{'x' * (2 << 20)}\n".encode()
    with pytest.raises(
        HashListError, match=r"a\.csv: a row is longer than 1 MiB, or the file is not CSV"
    ):
        read(folder / "a.csv", data, block_bytes=1 << 20)
