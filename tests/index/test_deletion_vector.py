from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashmatch.index.row_set import among, decode_rows, encode_rows

ROW_SETS = st.sets(st.integers(0, 2**32 - 2))


@given(ROW_SETS, st.lists(st.integers(0, 2**32 - 2)))
def test_rows_are_read_back_and_found(members: set[int], others: list[int]) -> None:
    row_set = np.array(sorted(members), dtype=np.int64)
    raw = encode_rows(row_set)
    assert len(raw) == 4 * len(members)
    assert decode_rows(raw, 2**32 - 1).tolist() == sorted(members)
    asked = [*others, *members]
    found = among(np.array(asked, dtype=np.int64), row_set)
    assert found.tolist() == [row in members for row in asked]


@pytest.mark.parametrize("rows", [[1, 1], [2, 1], [0, 5], [5]])
def test_what_is_no_set_of_rows_is_refused(rows: list[int]) -> None:
    with pytest.raises(ValueError, match="rows"):
        decode_rows(np.array(rows, "<u4").tobytes(), 5)
    with pytest.raises(ValueError, match="buffer size"):
        decode_rows(b"\0\0\0", 5)
