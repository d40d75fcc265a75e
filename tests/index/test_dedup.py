from __future__ import annotations

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from hashmatch.index.numbering import first_alike, number_rows

COLUMNS = ("harm", "classification", "entry_id", "code", "algorithm")
ROWS = st.lists(
    st.tuples(
        st.sampled_from("hi"),
        st.sampled_from([None, "a", "b"]),
        st.sampled_from(["1", "2", "3"]),
        st.sampled_from([b"x", b"y"]),
        st.sampled_from(["pdq", "toy"]),
    ),
    max_size=40,
)


def table(rows: list[tuple[object, ...]], chunk: int) -> pa.Table:
    columns = list(zip(*rows, strict=True)) or [()] * len(COLUMNS)
    types = [pa.string(), pa.string(), pa.string(), pa.binary(), pa.string()]
    return pa.table(
        [
            pa.chunked_array(
                [pa.array(column[i : i + chunk], kind) for i in range(0, len(column), chunk)], kind
            )
            for column, kind in zip(columns, types, strict=True)
        ],
        names=COLUMNS,
    )


@given(ROWS, st.integers(1, 20))
def test_numbers_are_those_of_a_dict(rows: list[tuple[object, ...]], chunk: int) -> None:
    origins: dict[object, int] = {}
    entries: dict[object, int] = {}
    for harm, classification, entry_id, *_ in rows:
        origins.setdefault((harm, classification), len(origins))
        entries.setdefault((harm, classification, entry_id), len(entries))
    got = number_rows(table(rows, chunk))
    assert got.origins == list(origins)
    assert got.n_entries == len(entries)
    assert got.origin.tolist() == [origins[row[:2]] for row in rows]
    assert got.entry.tolist() == [entries[row[:3]] for row in rows]


@given(ROWS, st.integers(1, 20))
def test_the_first_alike_is_the_first(rows: list[tuple[object, ...]], chunk: int) -> None:
    assert first_alike(table(rows, chunk)).tolist() == [rows.index(row) for row in rows]
