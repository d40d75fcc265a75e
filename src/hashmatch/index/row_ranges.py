"""Rows split among consecutive ranges: the batches of a table, the segments of an index."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Places = NDArray[np.int64] | slice
"""Positions: an array, or a slice where they are consecutive, which is read without a copy."""


def places_at(places: Places, chosen: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the chosen ones of some places."""
    return places.start + chosen if isinstance(places, slice) else places[chosen]


def split_rows(
    rows: NDArray[np.int64], starts: NDArray[np.int64]
) -> Iterator[tuple[int, Places, Places]]:
    """Yield each range that has some of `rows`, their positions in `rows`, and in the range.

    Range i holds the rows ``starts[i]`` to ``starts[i + 1] - 1``; every row is in one. Costs a few
    passes over the rows if they ascend, otherwise a sort of them as well.
    """
    order: NDArray[np.int64] | None = None
    if not (rows[1:] > rows[:-1]).all():
        order = np.argsort(rows, kind="stable")
        rows = rows[order]
    are_consecutive = order is None and rows.size and rows[-1] - rows[0] + 1 == rows.size
    bounds = np.searchsorted(rows, starts)
    for number in np.flatnonzero(np.diff(bounds)).tolist():
        own, start = slice(int(bounds[number]), int(bounds[number + 1])), int(starts[number])
        first = int(rows[own.start]) - start
        consecutive = slice(first, first + own.stop - own.start)
        local = consecutive if are_consecutive else rows[own] - start
        yield number, own if order is None else order[own], local
