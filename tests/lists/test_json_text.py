from __future__ import annotations

import json

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from hashmatch.lists.json_text import json_objects

TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@given(
    st.lists(TEXT, min_size=1, max_size=4, unique=True).flatmap(
        lambda names: st.lists(st.fixed_dictionaries(dict.fromkeys(names, TEXT)), max_size=8)
    )
)
def test_json_reads_back_what_was_written(rows: list[dict[str, str]]) -> None:
    names = list(rows[0]) if rows else ["a"]
    columns = {name: pa.array([row[name] for row in rows], pa.string()) for name in names}
    objects = json_objects(columns).to_pylist()
    assert [list(json.loads(text).items()) for text in objects] == [
        [(name, row[name]) for name in names] for row in rows
    ]
