"""Rows split among ranges, against a loop over the rows."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hashmatch.index.row_ranges import places_at, split_rows


@given(st.lists(st.integers(0, 5), min_size=1), st.data())
def test_every_row_is_in_its_range(sizes: list[int], data: st.DataObject) -> None:
    starts = np.cumsum([0, *sizes])
    n_rows = int(starts[-1])
    rows = data.draw(st.lists(st.integers(0, n_rows - 1), max_size=30) if n_rows else st.just([]))
    rows = {"any": rows, "ascending": sorted(set(rows)), "all": list(range(n_rows))}[
        data.draw(st.sampled_from(["any", "ascending", "all"]))
    ]
    array = np.array(rows, dtype=np.int64)
    seen = {}
    for number, places, local in split_rows(array, starts):
        own = np.arange(sizes[number])[local]
        assert own.size > 0
        for place, row in zip(np.arange(array.size)[places].tolist(), own.tolist(), strict=True):
            seen[place] = (number, row)
        everything = np.arange(own.size)
        assert places_at(places, everything).tolist() == np.arange(array.size)[places].tolist()
    assert seen == {
        place: (number, row - int(starts[number]))
        for place, row in enumerate(rows)
        for number in range(len(sizes))
        if starts[number] <= row < starts[number + 1]
    }
