"""Number the distinct entries and origins among the rows of a list, in order of appearance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Numbering:
    """What each of n rows belongs to.

    Parameters
    ----------
    origin, entry : ndarray of int64, shape (n,)
        Numbers from 0 in order of appearance. An entry is told by its id and its origin.
    origins : list of (harm, classification)
        By number.
    n_entries : int
        How many entries there are.
    """

    origin: Numbers
    entry: Numbers
    origins: list[tuple[str, str | None]]
    n_entries: int


def number_rows(rows: pa.Table) -> Numbering:
    """Return the numbers of the rows of a list in the form of `hashmatch.lists.SCHEMA`."""
    harm, classification = rows["harm"], rows["classification"]
    origin, first_of_origin = _ranked(_values(harm), _values(classification))
    entry, first_of_entry = _ranked(origin, _values(rows["entry_id"]))
    origins = [(harm[row].as_py(), classification[row].as_py()) for row in first_of_origin.tolist()]
    return Numbering(origin, entry, origins, len(first_of_entry))


def first_alike(rows: pa.Table) -> Numbers:
    """Return, for each row, the first one of the same entry, origin, algorithm and code."""
    alike, _ = _ranked(number_rows(rows).entry, _values(rows["code"]))
    alike, first = _ranked(alike, _values(rows["algorithm"]))
    return first[alike]


def _values(column: Any) -> Numbers:
    """Return a number from 0 for each distinct value of a column, -1 for null."""
    chunks = pc.dictionary_encode(column).chunks
    numbers = [chunk.indices.fill_null(-1).to_numpy(zero_copy_only=False) for chunk in chunks]
    return np.concatenate([np.empty(0, dtype=np.int64), *numbers]).astype(np.int64)


def _ranked(major: Numbers, minor: Numbers) -> tuple[Numbers, Numbers]:
    """Return numbers of the distinct pairs in order of appearance, and where each is first."""
    pairs = major * (minor.max(initial=0) + 2) + minor
    _, first, inverse = np.unique(pairs, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(order.size)
    return rank[inverse], first[order]
