"""From rows of an index to matches: one for each entry, counted in full, the nearest recorded.

A query can meet 100,000 entries, so everything here works on whole arrays; entry ids, which are
text, are fetched only for matches that may be recorded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from hashmatch.index import Index
from hashmatch.policy import MatchGroup
from hashmatch.values import Match

_GRADES = 102  # qualities 0..100, and none


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What one content matches under one algorithm, in no particular order.

    Parameters
    ----------
    algorithm : str
    radius : int
        Bits, inclusive; what was searched with.
    rows : ndarray of int64, shape (m,)
        Rows of the algorithm in the index, through all of its segments.
    distances : ndarray of int32, shape (m,)
        Bits.
    views : ndarray of int64, shape (m,)
        Which view of the content met the row, as a position in its fingerprint.
    qualities : tuple of int or None
        Quality of each view.
    clearer : mapping of int to tuple of (int, int)
        Position of a match to the distance and quality of views that meet its entry from farther
        off, but are of better quality, both rising; few matches have any.
    """

    algorithm: str
    radius: int
    rows: NDArray[np.int64]
    distances: NDArray[np.int32]
    views: NDArray[np.int64]
    qualities: tuple[int | None, ...]
    clearer: Mapping[int, tuple[tuple[int, int], ...]] = field(default_factory=dict)

    def __len__(self) -> int:
        return int(self.rows.size)

    def joined(self, other: Found) -> Found:
        """Return what this and the other of the same content have met."""
        return replace(
            self,
            rows=np.concatenate([self.rows, other.rows]),
            distances=np.concatenate([self.distances, other.distances]),
            views=np.concatenate([self.views, other.views]),
        )

    def evidence(self, index: Index) -> list[MatchGroup]:
        """Return the matches as a policy sees them: grouped where no rule can tell them apart."""
        origins = index.origin_of(self.algorithm, self.rows).astype(np.int64)
        qualities = np.array([_grade(one) for one in self.qualities], dtype=np.int64)[self.views]
        plain = np.ones(len(self), dtype=bool)
        plain[list(self.clearer)] = False
        keys = (origins * (self.radius + 1) + self.distances) * _GRADES + qualities + 1
        groups, counts = np.unique(keys[plain], return_counts=True)
        counted: Counter[tuple[int, tuple[tuple[int, int], ...]]] = Counter(
            {(key, ()): n for key, n in zip(groups.tolist(), counts.tolist(), strict=True)}
        )
        counted.update((int(keys[at]), clearer) for at, clearer in self.clearer.items())
        return [
            self._evidence(index, key, clearer, n_matches)
            for (key, clearer), n_matches in counted.items()
        ]

    def _evidence(
        self, index: Index, key: int, clearer: tuple[tuple[int, int], ...], n_matches: int
    ) -> MatchGroup:
        group, grade = divmod(key, _GRADES)
        number, distance = divmod(group, self.radius + 1)
        origin = index.origins[number]
        return MatchGroup(
            list=origin.list,
            harm=origin.harm,
            classification=origin.classification,
            algorithm=self.algorithm,
            distance=distance,
            quality=grade - 1 if grade else None,
            n_matches=n_matches,
            clearer=clearer,
        )

    def nearest(
        self,
        index: Index,
        views: tuple[str, ...],
        timestamps_s: tuple[float | None, ...],
        limit: int | None,
    ) -> list[Match]:
        """Return the first `limit` matches (None: all) by (distance, list, entry_id).

        `views` and `timestamps_s` name the views of the content, in the order of its fingerprint.
        """
        origins = index.origin_of(self.algorithm, self.rows)
        kept = self._first_by_list(index, origins, limit)
        rows = self.rows[kept]
        entry_ids = index.entry_ids(self.algorithm, rows)
        entry_times_s = index.entry_timestamps_s(self.algorithm, rows)
        matches = []
        for row, entry_id, entry_time_s in zip(
            kept.tolist(), entry_ids, entry_times_s, strict=True
        ):
            origin, view = index.origins[int(origins[row])], int(self.views[row])
            matches.append(
                Match(
                    list=origin.list,
                    list_version=origin.list_version,
                    entry_id=entry_id,
                    harm=origin.harm,
                    algorithm=self.algorithm,
                    distance=int(self.distances[row]),
                    radius=self.radius,
                    view=views[view],
                    timestamp_s=timestamps_s[view],
                    quality=self.qualities[view],
                    entry_timestamp_s=entry_time_s,
                )
            )
        return sorted(matches, key=match_order)[:limit]

    def _first_by_list(
        self, index: Index, origins: NDArray[np.int32], limit: int | None
    ) -> NDArray[np.int64]:
        """Return the positions of the first `limit` matches by (distance, list), with all ties.

        Entry ids break the ties; which they are is known only once they are fetched.
        """
        if limit is None or len(self) <= limit:
            return np.arange(len(self))
        names = sorted({origin.list for origin in index.origins})
        ranks = np.array([names.index(origin.list) for origin in index.origins], dtype=np.int64)
        order = self.distances.astype(np.int64) * len(names) + ranks[origins]
        last = np.partition(order, limit - 1)[limit - 1]
        return np.flatnonzero(order <= last)


def match_order(match: Match) -> tuple[int, str, str, str]:
    """Return what recorded matches are sorted by."""
    return match.distance, match.list, match.entry_id, match.algorithm


def one_per_entry(index: Index, found: Found) -> Found:
    """Keep one match for each entry: the nearest, ties in the order of views, then of rows."""
    order, is_first = _by_entry(index, found)
    return replace(_at(found, order[is_first]), clearer=_clearer(found, order, is_first))


def worth_keeping(index: Index, found: Found) -> Found:
    """Leave out what `one_per_entry` makes no use of, whatever else the content may meet."""
    order, is_first = _by_entry(index, found)
    return _at(found, order[is_first | _is_clearer(found, order, is_first)])


def _at(found: Found, kept: NDArray[np.int64]) -> Found:
    return replace(
        found, rows=found.rows[kept], distances=found.distances[kept], views=found.views[kept]
    )


def _by_entry(index: Index, found: Found) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return the order by entry, then from nearest to farthest, and which is the first of one."""
    entries = index.entry_of(found.algorithm, found.rows)
    order = np.lexsort((found.rows, found.views, found.distances, entries))
    entries = entries[order]
    is_first = np.ones(entries.size, dtype=bool)
    is_first[1:] = entries[1:] != entries[:-1]
    return order, is_first


def _is_clearer(
    found: Found, order: NDArray[np.int64], is_first: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Return which matches are of a better quality than all nearer ones of their entry."""
    grades = np.array([_grade(one) for one in found.qualities], dtype=np.int64)[found.views[order]]
    ranks = (np.cumsum(is_first) - 1) * _GRADES + grades
    is_clearer = ~is_first
    is_clearer[1:] &= ranks[1:] > np.maximum.accumulate(ranks[:-1])
    return is_clearer


def _clearer(
    found: Found, order: NDArray[np.int64], is_first: NDArray[np.bool_]
) -> dict[int, tuple[tuple[int, int], ...]]:
    """Return what views, from nearest to farthest, are clearer than all nearer ones of an entry."""
    numbers = np.cumsum(is_first) - 1
    clearer: dict[int, tuple[tuple[int, int], ...]] = {}
    for at in np.flatnonzero(_is_clearer(found, order, is_first)).tolist():
        quality = found.qualities[int(found.views[order[at]])]
        sighting = (int(found.distances[order[at]]), _grade(quality))
        number = int(numbers[at])
        clearer[number] = (*clearer.get(number, ()), sighting)
    return clearer


def _grade(quality: int | None) -> int:
    return -1 if quality is None else quality
