"""JSON Lines lists, against the json module; what is refused names the row."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashmatch.errors import HashListError
from hashmatch.lists import HashList, ListReading, read_list

HASH = "f8f8f0cee0f4a84f06370a22038f63f0b36e2ed596621e1d33e6b39c4e9c9b22"
GOOD = {"hash": HASH, "entry_id": "a", "harm": "h"}

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
IDS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1).filter(str.strip)
ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "entry_id": IDS | st.integers(0, 10**18),
            "hash": st.binary(min_size=1, max_size=33).map(bytes.hex),
            "harm": IDS,
        },
        optional={
            "labels": st.none() | st.lists(TEXT, max_size=3),
            "severity": st.none() | st.integers(-5, 5) | TEXT,
            "note": ANYTHING,
        },
    ),
    max_size=8,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("lists")


def read(path: Path, data: bytes, **options: Any) -> HashList:
    path.write_bytes(data)
    return read_list(path, ListReading(**options))


def text_or_none(value: object) -> str | None:
    return None if value is None else str(value).strip() or None


@given(
    rows=ROWS,
    is_ascii=st.booleans(),
    end=st.sampled_from(["\n", "\r\n", "\n\n"]),
    has_mark=st.booleans(),
)
def test_rows_are_those_that_json_reads(
    folder: Path, rows: list[dict[str, Any]], is_ascii: bool, end: str, has_mark: bool
) -> None:
    lines = [json.dumps(row, ensure_ascii=is_ascii) for row in rows]
    data = "".join(line + end for line in lines).encode(errors="surrogatepass")
    if any("\ud800" <= character <= "\udfff" for line in lines for character in line):
        return  # half a surrogate pair cannot be written as UTF-8
    table = read(folder / "a.jsonl", b"\xef\xbb\xbf" * has_mark + data).table
    assert table["record"].to_pylist() == lines
    assert table["row_number"].to_pylist() == [
        1 + position * end.count("\n") for position in range(len(rows))
    ]
    assert table["code"].to_pylist() == [bytes.fromhex(row["hash"]) for row in rows]
    for name in ("entry_id", "severity", "harm"):
        assert table[name].to_pylist() == [text_or_none(row.get(name)) for row in rows]
    assert table["labels"].to_pylist() == [
        [label.strip() for label in row.get("labels") or [] if label.strip()] or None
        for row in rows
    ]


def test_nothing_is_an_empty_list(folder: Path) -> None:
    assert read(folder / "a.jsonl", b"").table.num_rows == 0
    assert read(folder / "a.jsonl", b"\n \n", columns={"hash": "h"}).table.num_rows == 0


def test_blocks_do_not_show(folder: Path) -> None:
    lines = [json.dumps(GOOD | {"entry_id": str(number)}) for number in range(100)]
    whole = read(folder / "a.jsonl", "\n".join(lines).encode()).table
    parts = read(folder / "a.jsonl", "\n".join(lines).encode(), block_rows=7).table
    assert parts["entry_id"].num_chunks > whole["entry_id"].num_chunks
    assert parts.equals(whole)


FAULTS: dict[str, tuple[str | bytes, str]] = {
    "not JSON": ("{'a': 1}", "not JSON; expected one object a line"),
    "cut": ('{"hash": "', "not JSON"),
    "not a number": ('{"a": NaN}', "not JSON"),
    "deep": ("[" * 100_000, "not JSON"),
    "a list": ("[]", "expected a JSON object"),
    "text": (f'"{HASH}"', "expected a JSON object"),
    "twice": ('{"hash": "a", "hash": "b"}', "the name hash occurs twice in one object"),
    "not UTF-8": (b'{"a": "\xff"}', "not UTF-8; save the list as UTF-8"),
    "truth": (json.dumps(GOOD | {"entry_id": True}), "column entry_id: expected text, a whole"),
    "fraction": (json.dumps(GOOD | {"quality": 9.5}), "column quality: expected text, a whole"),
    "number": (json.dumps(GOOD | {"hash": 1234567890123456}), "column hash: expected text or null"),
    "endless": (json.dumps(GOOD | {"note": "x" * 5_000_000}), "longer than 4 MiB"),
    "object": (json.dumps(GOOD | {"hash": {"pdq": HASH}}), "column hash: expected text or null"),
    "labels text": (json.dumps(GOOD | {"labels": "a;b"}), "column labels: expected a list of text"),
    "labels of numbers": (json.dumps(GOOD | {"labels": [1]}), "column labels: expected a list"),
    "half a pair": (json.dumps(GOOD | {"harm": "\ud800"}), "column harm: it contains half a surr"),
    "half in labels": (json.dumps(GOOD | {"labels": ["\udfff"]}), "column labels: it contains"),
    "no hash": (json.dumps(GOOD | {"hash": None}), "column hash: empty"),
}


@pytest.mark.parametrize(("line", "message"), FAULTS.values(), ids=FAULTS.keys())
def test_a_bad_line_is_named_without_a_hash(folder: Path, line: str | bytes, message: str) -> None:
    data = (
        json.dumps(GOOD).encode() + b"\n\n" + (line if isinstance(line, bytes) else line.encode())
    )
    with pytest.raises(HashListError) as caught:
        read(folder / "a.jsonl", data + b"\n{")
    place = ", " if message.startswith("column") else ": "
    assert str(caught.value).startswith(f"{folder / 'a.jsonl'} row 3{place}{message}")
    assert HASH[:16] not in str(caught.value)
    assert caught.value.__context__ is None  # an error of the parser holds the row


def test_an_earlier_fault_goes_first(folder: Path) -> None:
    lines = [json.dumps(GOOD), json.dumps(GOOD | {"quality": 1000}), "nonsense"]
    with pytest.raises(HashListError, match="row 2, column quality"):
        read(folder / "a.jsonl", "\n".join(lines).encode())


def test_a_surrogate_in_what_is_only_kept_is_no_fault(folder: Path) -> None:
    line = json.dumps(GOOD | {"note": "\ud800"})
    assert read(folder / "a.jsonl", line.encode()).table["record"].to_pylist() == [line]
