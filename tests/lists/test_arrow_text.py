"""Columns of text cells, against the same in plain Python."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from hashmatch.lists import arrow_text

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
PADDED = st.text(alphabet=" \t\n\x0b\x1c\x1f\x85\xa0\u2003;aé", max_size=8)


def column(texts: list[str]) -> Any:
    """Return a column that begins inside its buffers, as a slice does."""
    return pa.array(["\nzz ", *texts, "ÿ"], pa.string()).slice(1, len(texts))


@given(st.lists(TEXT, max_size=5))
def test_cell_bytes_are_those_of_the_slice(texts: list[str]) -> None:
    assert arrow_text.cell_bytes(column(texts)).tobytes() == "".join(texts).encode()


@given(st.lists(PADDED, max_size=5))
def test_trim_is_strip(texts: list[str]) -> None:
    assert arrow_text.trim(column(texts)).to_pylist() == [text.strip() for text in texts]


@given(st.lists(PADDED, max_size=5))
def test_labels_are_split_at_semicolons(texts: list[str]) -> None:
    expected = [
        [label.strip() for label in text.split(";") if label.strip()] or None for text in texts
    ]
    assert arrow_text.split_labels(column(texts)).to_pylist() == expected


@given(st.lists(TEXT, max_size=5))
def test_controls_and_foreign_digits_are_found(texts: list[str]) -> None:
    controls = [any(ord(c) < 0x20 or ord(c) == 0x7F for c in text) for text in texts]
    assert arrow_text.has_control(column(texts)).to_pylist() == controls
    foreign = [any(c not in "0123456789abcdefABCDEF" for c in text) for text in texts]
    assert arrow_text.has_other_than_hex(column(texts)).to_pylist() == foreign


@given(st.lists(st.binary(max_size=6), max_size=5))
def test_pack_hex_is_fromhex(codes: list[bytes]) -> None:
    digits = column([code.hex().upper() for code in codes])
    assert arrow_text.pack_hex(digits).to_pylist() == codes


ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@given(
    st.lists(ANY_TEXT, min_size=1, max_size=4, unique=True).flatmap(
        lambda names: st.lists(st.fixed_dictionaries(dict.fromkeys(names, ANY_TEXT)), max_size=8)
    )
)
def test_json_objects_read_back_as_what_was_written(rows: list[dict[str, str]]) -> None:
    names = list(rows[0]) if rows else ["a"]
    columns = {name: pa.array([row[name] for row in rows], pa.string()) for name in names}
    objects = arrow_text.json_objects(columns).to_pylist()
    assert [list(json.loads(text).items()) for text in objects] == [
        [(name, row[name]) for name in names] for row in rows
    ]
