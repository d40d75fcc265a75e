"""Matches per entry against a naive model: dictionaries and loops instead of arrays."""

from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashmatch.matching.entry_matches import EntryMatches, keep_nearest_per_entry, keep_useful
from hashmatch.values import Fingerprint

RADIUS = 31


@dataclass(frozen=True)
class Row:
    """A row of an index: which entry it belongs to, and how far it is from which view."""

    entry: int
    distance: int
    view: int


class FakeIndex:
    """Entries with ids and origins, kept in plain lists."""

    def __init__(self, entry_of_row: list[int], ids: list[str], origin_of_entry: list[int]) -> None:
        self._entry_of_row = np.array(entry_of_row, dtype=np.int64)
        self._ids = ids
        self._origin_of_entry = np.array(origin_of_entry, dtype=np.int32)
        self.origins = tuple(
            SimpleNamespace(list=name, list_version="1", harm=harm, classification=grade)
            for name, harm, grade in (("b", "spam", None), ("a", "csam", "A1"), ("c", "csam", None))
        )

    def entry_of(self, _: str, rows: Any) -> Any:
        return self._entry_of_row[rows]

    def origin_of(self, _: str, rows: Any) -> Any:
        return self._origin_of_entry[self._entry_of_row[rows]]

    @property
    def list_ranks(self) -> Any:
        return np.array([1, 0, 2])  # of lists b, a, c

    def first_by_entry_id(self, algorithm: str, rows: Any, n: int) -> Any:
        ids = self.entry_ids(algorithm, rows)
        return np.array(sorted(range(len(ids)), key=lambda at: (ids[at], at))[:n])

    def entry_ids(self, _: str, rows: Any) -> list[str]:
        return [self._ids[entry] for entry in self._entry_of_row[rows]]

    def entry_timestamps_s(self, _: str, rows: Any) -> list[float | None]:
        return [row / 2 if row % 2 else None for row in rows.tolist()]


N_ENTRIES = 12
rows_strategy = st.lists(
    st.builds(
        Row,
        entry=st.integers(0, N_ENTRIES - 1),
        distance=st.integers(0, RADIUS),
        view=st.integers(0, 7),
    ),
    max_size=40,
)
VIEWS = tuple(f"view{number}" for number in range(8))
QUALITIES = (30, 30, 80, 0, 100, 49, None, 80)
STRETCHED = (None, 60, 80, 0, 100, 80, None, None)
TIMES_S = (None, 0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5)
FINGERPRINT = Fingerprint(
    *("pdq", "exact", VIEWS, np.zeros((8, 32), np.uint8), QUALITIES, TIMES_S),
    stretched_qualities=STRETCHED,
)


def read_by_rules(view: int) -> int | None:
    """Return the quality that rules read; None passes every limit."""
    shown, stretched = QUALITIES[view], STRETCHED[view]
    return shown if stretched is None or shown is None else max(shown, stretched)


def build(rows: list[Row]) -> tuple[Any, EntryMatches]:
    # Ids run against the order of ordinals, so that sorting by one is not sorting by the other.
    ids = [f"id{N_ENTRIES - entry:03}" for entry in range(N_ENTRIES)]
    index = FakeIndex([row.entry for row in rows], ids, [n % 3 for n in range(N_ENTRIES)])
    found = EntryMatches(
        FINGERPRINT,
        RADIUS,
        np.arange(len(rows), dtype=np.int64),
        np.array([row.distance for row in rows], dtype=np.int32),
        np.array([row.view for row in rows], dtype=np.int64),
    )
    return index, found


def naive_best(rows: list[Row]) -> dict[int, tuple[int, int]]:
    best: dict[int, tuple[int, int]] = {}
    for row in rows:
        key = (row.distance, row.view)
        best[row.entry] = min(best.get(row.entry, key), key)
    return best


def naive_sightings(rows: list[Row]) -> list[tuple[int, int | None]]:
    """Distance and quality of the nearest row and of each clearer than all nearer ones."""
    kept: list[tuple[int, int | None]] = []
    for row in sorted(rows, key=lambda row: (row.distance, row.view)):
        own = read_by_rules(row.view)
        if all(quality is not None and (own is None or own > quality) for _, quality in kept):
            kept.append((row.distance, own))
    return kept


@given(rows_strategy, st.one_of(st.none(), st.integers(1, N_ENTRIES + 2)))
def test_against_the_naive_model(rows: list[Row], limit: int | None) -> None:
    index, found = build(rows)
    best = naive_best(rows)
    found = keep_nearest_per_entry(index, found)
    assert len(found) == len(best)

    expected = sorted(
        (distance, index.origins[entry % 3].list, f"id{N_ENTRIES - entry:03}", VIEWS[view])
        for entry, (distance, view) in best.items()
    )[:limit]
    matches = found.nearest(index, limit)
    assert [(m.distance, m.list, m.entry_id, m.view) for m in matches] == expected
    assert all(m.radius == RADIUS and m.algorithm == "pdq" for m in matches)

    for one in matches:
        view = VIEWS.index(one.view)
        assert (one.quality, one.stretched_quality) == (QUALITIES[view], STRETCHED[view])
    counted = Counter(
        (entry % 3, *naive_sightings([row for row in rows if row.entry == entry])) for entry in best
    )
    groups = found.groups(index)
    assert {
        ("bac".index(group.list), (group.distance, group.quality), *group.clearer): group.n_matches
        for group in groups
    } == counted
    assert len(groups) == len(counted)
    assert all(group.algorithm == "pdq" for group in groups)
    for group in groups:
        origin = index.origins["bac".index(group.list)]
        assert (group.harm, group.classification) == (origin.harm, origin.classification)


def test_ids_are_compared_and_fetched_only_where_they_can_matter() -> None:
    rows = [Row(entry=n, distance=n // 4, view=0) for n in range(N_ENTRIES)]
    index, found = build(rows)
    compared: list[int] = []
    fetched: list[int] = []
    compare, fetch = index.first_by_entry_id, index.entry_ids

    def comparing(algorithm: str, rows: Any, n: int) -> Any:
        compared.extend(rows)
        first = compare(algorithm, rows, n)
        fetched.clear()
        return first

    def fetching(algorithm: str, rows: Any) -> Any:
        fetched.extend(rows)
        return fetch(algorithm, rows)

    index.first_by_entry_id, index.entry_ids = comparing, fetching
    found.nearest(index, 5)
    # Four at distance 0; of those at distance 1 (entries 4..7) list "a" comes first: entries 4, 7.
    assert sorted(compared) == [4, 7]
    assert sorted(fetched) == [0, 1, 2, 3, 7]


def test_nothing_found() -> None:
    index, found = build([])
    found = keep_nearest_per_entry(index, found)
    assert len(found) == 0
    assert found.groups(index) == []
    assert found.nearest(index, 100) == []


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_time_of_a_frame_goes_with_its_view(limit: int) -> None:
    index, found = build([Row(0, 3, 1), Row(1, 4, 0), Row(2, 5, 2)])
    matches = found.nearest(index, limit)
    expected = [("view1", 0.5, None), ("view0", None, 0.5), ("view2", 1.5, None)]
    assert [(m.view, m.timestamp_s, m.entry_timestamp_s) for m in matches] == expected[:limit]


@given(rows_strategy, st.lists(st.integers(0, 40), max_size=4))
def test_rows_dropped_between_blocks_are_never_missed(rows: list[Row], cuts: list[int]) -> None:
    """A content searched in blocks of views has the matches of one searched at once."""
    index, found = build(rows)
    bounds = [0, *sorted(min(cut, len(rows)) for cut in cuts), len(rows)]
    held = found.at(np.arange(0))
    for start, stop in pairwise(bounds):
        held = keep_useful(index, held.joined(found.at(np.arange(start, stop))))
        seen = rows[:stop]
        of_each = [[row for row in seen if row.entry == entry] for entry in range(N_ENTRIES)]
        assert len(held) == sum(len(naive_sightings(own)) for own in of_each)
    expected, actual = (keep_nearest_per_entry(index, one) for one in (found, held))
    for name in ("rows", "distances", "views"):
        assert getattr(actual, name).tolist() == getattr(expected, name).tolist()
    assert actual.clearer == expected.clearer
