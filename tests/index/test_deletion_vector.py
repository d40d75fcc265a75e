from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashmatch.index.deletion_vector import contains, decode_rows, encode_rows, renumber

VECTORS = st.sets(st.integers(0, 2**32 - 2))


@given(VECTORS, st.lists(st.integers(0, 2**32 - 2)))
def test_rows_are_read_back_and_found(members: set[int], others: list[int]) -> None:
    vector = np.array(sorted(members), dtype=np.int64)
    raw = encode_rows(vector)
    assert len(raw) == 4 * len(members)
    assert decode_rows(raw, 2**32 - 1).tolist() == sorted(members)
    asked = [*others, *members]
    found = contains(vector, np.array(asked, dtype=np.int64))
    assert found.tolist() == [row in members for row in asked]


@given(st.sets(st.integers(0, 30)), st.sets(st.integers(0, 30)))
def test_rows_get_their_number_among_those_kept(members: set[int], kept: set[int]) -> None:
    vector, rows = (np.array(sorted(numbers), dtype=np.int64) for numbers in (members, kept))
    expected = [place for place, row in enumerate(sorted(kept)) if row in members]
    assert renumber(vector, rows).tolist() == expected


@pytest.mark.parametrize("rows", [[1, 1], [2, 1], [0, 5], [5]])
def test_rows_that_do_not_ascend_or_fit_are_refused(rows: list[int]) -> None:
    with pytest.raises(ValueError, match="rows"):
        decode_rows(np.array(rows, "<u4").tobytes(), 5)
    with pytest.raises(ValueError, match="buffer size"):
        decode_rows(b"\0\0\0", 5)
