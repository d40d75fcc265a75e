"""Matches by one algorithm: rows of an index, reduced to one match per entry.

A query can match 100,000 entries, so everything here works on whole arrays; entry ids, which are
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
from hashmatch.values import Fingerprint, Match

_RANKS = 102  # of quality: none, and 0..100

Sightings = tuple[tuple[int, int], ...]
"""Distance and quality of views that meet one entry, both rising."""


@dataclass(frozen=True, slots=True, eq=False)
class EntryMatches:
    """Rows of an index that match one item by one algorithm, in no particular order.

    `fingerprint` has the views searched for; `radius`, in bits, inclusive, is the search radius.
    `rows`, int64 (m,), are rows of the algorithm in the index, numbered through all of its
    segments; `distances`, int32 (m,), are in bits; `views`, int64 (m,), is the view that matched
    each row, as a position in the fingerprint. `clearer` maps the position of a match to views that
    are farther from its entry but have a higher quality; few matches have any.
    """

    fingerprint: Fingerprint
    radius: int
    rows: NDArray[np.int64]
    distances: NDArray[np.int32]
    views: NDArray[np.int64]
    clearer: Mapping[int, Sightings] = field(default_factory=dict)

    def __len__(self) -> int:
        return int(self.rows.size)

    @property
    def algorithm(self) -> str:
        """Algorithm of the fingerprint."""
        return self.fingerprint.algorithm

    def joined(self, other: EntryMatches) -> EntryMatches:
        """Return the rows of this and another value, which belong to the same content."""
        return replace(
            self,
            rows=np.concatenate([self.rows, other.rows]),
            distances=np.concatenate([self.distances, other.distances]),
            views=np.concatenate([self.views, other.views]),
        )

    def at(self, positions: NDArray[np.int64]) -> EntryMatches:
        """Return only the rows at these positions."""
        return replace(
            self,
            rows=self.rows[positions],
            distances=self.distances[positions],
            views=self.views[positions],
        )

    def quality_ranks(self) -> NDArray[np.int64]:
        """Return the quality of each row's view, -1 if the view has none."""
        qualities = self.fingerprint.qualities
        return np.array([_rank(quality) for quality in qualities], dtype=np.int64)[self.views]

    def groups(self, index: Index) -> list[MatchGroup]:
        """Return the matches as a policy sees them: grouped where no rule can tell them apart."""
        origins = index.origin_of(self.algorithm, self.rows)
        starts = self._run_starts(origins)
        runs, sizes = self.at(starts), np.diff(starts, append=len(self))
        keys = origins[starts].astype(np.int64) * (self.radius + 1) + runs.distances
        keys = keys * _RANKS + runs.quality_ranks() + 1
        distinct, numbers = np.unique(keys, return_inverse=True)
        counts = np.zeros(distinct.size, dtype=np.int64)
        np.add.at(counts, numbers, sizes)
        counted: Counter[tuple[int, Sightings]] = Counter(
            {(key, ()): n for key, n in zip(distinct.tolist(), counts.tolist(), strict=True)}
        )
        for at, clearer in self.clearer.items():
            key = int(keys[np.searchsorted(starts, at, side="right") - 1])
            counted[key, ()] -= 1
            counted[key, clearer] += 1
        groups = []
        for (key, clearer), n_matches in (+counted).items():
            rest, rank = divmod(key, _RANKS)
            number, distance = divmod(rest, self.radius + 1)
            origin = index.origins[number]
            group = MatchGroup(
                list=origin.list,
                harm=origin.harm,
                classification=origin.classification,
                algorithm=self.algorithm,
                distance=distance,
                quality=rank - 1 if rank else None,
                n_matches=n_matches,
                clearer=clearer,
            )
            groups.append(group)
        return groups

    def nearest(self, index: Index, limit: int | None) -> list[Match]:
        """Return the first `limit` matches (None: all) by (distance, list, entry_id)."""
        origins = index.origin_of(self.algorithm, self.rows)
        kept = self._first_by_list(index, origins, limit)
        rows = self.rows[kept]
        entry_ids = index.entry_ids(self.algorithm, rows)
        times_s = index.entry_timestamps_s(self.algorithm, rows)
        matches = []
        for at, entry_id, time_s in zip(kept.tolist(), entry_ids, times_s, strict=True):
            origin, view = index.origins[int(origins[at])], int(self.views[at])
            match = Match(
                list=origin.list,
                list_version=origin.list_version,
                entry_id=entry_id,
                harm=origin.harm,
                algorithm=self.algorithm,
                distance=int(self.distances[at]),
                radius=self.radius,
                view=self.fingerprint.views[view],
                timestamp_s=self.fingerprint.timestamps_s[view],
                quality=self.fingerprint.qualities[view],
                entry_timestamp_s=time_s,
            )
            matches.append(match)
        return sorted(matches, key=match_order)[:limit]

    def _first_by_list(
        self, index: Index, origins: NDArray[np.int32], limit: int | None
    ) -> NDArray[np.int64]:
        """Return the positions of the first `limit` matches by (distance, list, entry_id).

        Entry ids are compared only where distance and list leave it open which come first.
        """
        if limit is None or len(self) <= limit:
            return np.arange(len(self))
        starts = self._run_starts(origins)
        if starts.size == 1:
            return index.first_by_entry_id(self.algorithm, self.rows, limit)
        of_runs = index.list_ranks[origins[starts]]
        of_runs += self.distances[starts] * np.int64(len(index.origins))
        order = np.repeat(of_runs, np.diff(starts, append=len(self)))
        last = np.partition(order, limit - 1)[limit - 1]
        first, tied = np.flatnonzero(order < last), np.flatnonzero(order == last)
        n_left = limit - first.size
        if tied.size > n_left:
            tied = tied[index.first_by_entry_id(self.algorithm, self.rows[tied], n_left)]
        return np.concatenate([first, tied])

    def _run_starts(self, origins: NDArray[np.int32]) -> NDArray[np.int64]:
        """Return where runs of matches begin that agree in origin, distance and view.

        A crowd of equal hashes is one run, so that work on runs costs next to nothing.
        """
        is_start = np.ones(len(self), dtype=bool)
        is_start[1:] = origins[1:] != origins[:-1]
        is_start[1:] |= self.distances[1:] != self.distances[:-1]
        is_start[1:] |= self.views[1:] != self.views[:-1]
        return np.flatnonzero(is_start)


def match_order(match: Match) -> tuple[int, str, str, str]:
    """Return the sort key for recorded matches."""
    return match.distance, match.list, match.entry_id, match.algorithm


def keep_nearest_per_entry(index: Index, found: EntryMatches) -> EntryMatches:
    """Keep the nearest match of each entry; the order of views, then of rows, breaks ties."""
    entries = index.entry_of(found.algorithm, found.rows)
    if (entries[1:] > entries[:-1]).all():  # each has one match, as in a crowd of equal hashes
        return found
    order, is_first, is_clearer = _sort_by_entry(entries, found)
    entry_numbers = np.cumsum(is_first) - 1
    clearer: dict[int, Sightings] = {}
    for at in np.flatnonzero(is_clearer).tolist():  # from near to far
        entry, row = int(entry_numbers[at]), int(order[at])
        quality = _rank(found.fingerprint.qualities[int(found.views[row])])
        clearer[entry] = (*clearer.get(entry, ()), (int(found.distances[row]), quality))
    return replace(found.at(order[is_first]), clearer=clearer)


def keep_useful(index: Index, found: EntryMatches) -> EntryMatches:
    """Drop rows that `keep_nearest_per_entry` will not need, whatever rows are joined later."""
    entries = index.entry_of(found.algorithm, found.rows)
    order, is_first, is_clearer = _sort_by_entry(entries, found)
    return found.at(order[is_first | is_clearer])


def _sort_by_entry(
    entries: NDArray[np.int64], found: EntryMatches
) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_]]:
    """Return the order by entry, then by distance.

    Also returns which positions in it begin an entry, and which have a higher quality than all
    nearer ones of their entry.
    """
    order = np.lexsort((found.rows, found.views, found.distances, entries))
    entries = entries[order]
    is_first = np.ones(entries.size, dtype=bool)
    is_first[1:] = entries[1:] != entries[:-1]
    ranks = np.cumsum(is_first) * _RANKS + found.quality_ranks()[order]
    is_clearer = ~is_first
    is_clearer[1:] &= ranks[1:] > np.maximum.accumulate(ranks[:-1])
    return order, is_first, is_clearer


def _rank(quality: int | None) -> int:
    return -1 if quality is None else quality
