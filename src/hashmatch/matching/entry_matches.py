"""Matches by one algorithm: rows of an index, reduced to one match per entry.

A query can match 100,000 entries, so everything here works on whole arrays; entry ids, which are
text, are fetched only for matches that may be recorded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from hashmatch.index import Index
from hashmatch.policy import MatchGroup
from hashmatch.values import BEST_RANK, Fingerprint, Match, quality_rank

_RANKS = BEST_RANK + 1

STANDS, FITS_NO_RULE = -1, -2
"""Values of `EntryMatches.suppressed_by` for rows that no rule sets aside."""

Sightings = tuple[tuple[int, int | None], ...]
"""Distance and quality of views that meet one entry, both rising; None is the highest quality."""


@dataclass(frozen=True, slots=True, eq=False)
class EntryMatches:
    """Rows of an index that match one item by one algorithm, in no particular order.

    `fingerprint` has the views searched for; `radius`, in bits, inclusive, is the search radius.
    `rows`, int64 (m,), are rows of the algorithm in the index, numbered through all of its
    segments; `distances`, int32 (m,), are in bits; `views`, int64 (m,), is the view that matched
    each row, as a position in the fingerprint. `clearer` maps the position of a match to views that
    are farther from its entry but have a higher quality; few matches have any. `suppressed_by`,
    int64 (m,), is the number of the rule that sets the sighting aside, `STANDS` or `FITS_NO_RULE`;
    if not given, all stand.
    """

    fingerprint: Fingerprint
    radius: int
    rows: NDArray[np.int64]
    distances: NDArray[np.int32]
    views: NDArray[np.int64]
    clearer: Mapping[int, Sightings] = field(default_factory=dict)
    suppressed_by: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))

    def __post_init__(self) -> None:
        if self.suppressed_by.size != self.rows.size:
            object.__setattr__(self, "suppressed_by", np.full(self.rows.size, STANDS))

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
            suppressed_by=np.concatenate([self.suppressed_by, other.suppressed_by]),
        )

    def at(self, positions: NDArray[np.int64]) -> EntryMatches:
        """Return only the rows at these positions."""
        return replace(
            self,
            rows=self.rows[positions],
            distances=self.distances[positions],
            views=self.views[positions],
            suppressed_by=self.suppressed_by[positions],
        )

    def quality_ranks(self) -> NDArray[np.int64]:
        """Return the `quality_rank` of each row's view."""
        found = self.fingerprint
        pairs = zip(found.qualities, found.stretched_qualities, strict=True)
        return np.array([quality_rank(*pair) for pair in pairs], dtype=np.int64)[self.views]

    def groups(self, index: Index, rule_names: Sequence[str] = ()) -> list[MatchGroup]:
        """Return the matches as a policy sees them: grouped where no rule can tell them apart.

        `rule_names` are the names of the rules that `suppressed_by` numbers.
        """
        starts = self._run_starts(index.origin_of(self.algorithm, self.rows))
        keys, sizes = self.at(starts)._group_keys(index), np.diff(starts, append=len(self))
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
            group, suppressed_by = self._group_of(index, key)
            name = rule_names[suppressed_by] if suppressed_by >= 0 else None
            groups.append(replace(group, n_matches=n_matches, clearer=clearer, suppressed_by=name))
        return groups

    def plain_groups(self, index: Index) -> tuple[list[MatchGroup], NDArray[np.int64]]:
        """Return a group for each kind of single sighting, and the position of each row's group."""
        keys, positions = np.unique(self._group_keys(index), return_inverse=True)
        return [self._group_of(index, key)[0] for key in keys.tolist()], positions

    def _group_keys(self, index: Index) -> NDArray[np.int64]:
        """Return a number for each row that holds all facts that rules ask about."""
        origins = index.origin_of(self.algorithm, self.rows).astype(np.int64)
        keys = (origins * (self.radius + 1) + self.distances) * _RANKS + self.quality_ranks()
        by = np.maximum(self.suppressed_by, STANDS) - STANDS
        return np.asarray(keys * self._n_suppressors + by, dtype=np.int64)

    @property
    def _n_suppressors(self) -> int:
        return 1 + int(self.suppressed_by.max(initial=STANDS)) - STANDS

    def _group_of(self, index: Index, key: int) -> tuple[MatchGroup, int]:
        """Return what a number of `_group_keys` stands for, and which rule sets it aside."""
        key, by = divmod(key, self._n_suppressors)
        rest, rank = divmod(key, _RANKS)
        number, distance = divmod(rest, self.radius + 1)
        origin = index.origins[number]
        group = MatchGroup(
            list=origin.list,
            harm=origin.harm,
            classification=origin.classification,
            algorithm=self.algorithm,
            distance=distance,
            quality=_quality(rank),
        )
        return group, by + STANDS

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
                stretched_quality=self.fingerprint.stretched_qualities[view],
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
        """Return where runs of matches begin that agree in all that rules ask about.

        A crowd of equal hashes is one run, so that work on runs costs next to nothing.
        """
        is_start = np.ones(len(self), dtype=bool)
        is_start[1:] = origins[1:] != origins[:-1]
        is_start[1:] |= self.distances[1:] != self.distances[:-1]
        is_start[1:] |= self.views[1:] != self.views[:-1]
        is_start[1:] |= self.suppressed_by[1:] != self.suppressed_by[:-1]
        return np.flatnonzero(is_start)


def match_order(match: Match) -> tuple[int, str, str, str]:
    """Return the sort key for recorded matches."""
    return match.distance, match.list, match.entry_id, match.algorithm


def keep_nearest_per_entry(index: Index, found: EntryMatches) -> EntryMatches:
    """Keep the nearest match of each entry; the order of views, then of rows, breaks ties.

    Sightings that are set aside count only if no rule takes another of the same entry.
    """
    found = _drop_suppressed(index, found)
    entries = index.entry_of(found.algorithm, found.rows)
    if (entries[1:] > entries[:-1]).all():  # each has one match, as in a crowd of equal hashes
        return found
    order, is_first, is_clearer = _sort_by_entry(entries, found)
    entry_numbers = np.cumsum(is_first) - 1
    ranks = found.quality_ranks()[order]
    clearer: dict[int, Sightings] = {}
    for at in np.flatnonzero(is_clearer).tolist():  # from near to far
        entry, row = int(entry_numbers[at]), int(order[at])
        sighting = int(found.distances[row]), _quality(int(ranks[at]))
        clearer[entry] = (*clearer.get(entry, ()), sighting)
    return replace(found.at(order[is_first]), clearer=clearer)


def keep_useful(index: Index, found: EntryMatches) -> EntryMatches:
    """Drop rows that `keep_nearest_per_entry` will not need, whatever rows are joined later."""
    entries = index.entry_of(found.algorithm, found.rows)
    order, is_first, is_clearer = _sort_by_entry(entries, found)
    return found.at(order[is_first | is_clearer])


def _drop_suppressed(index: Index, found: EntryMatches) -> EntryMatches:
    """Keep the rows of each entry that stand; if no rule takes any, those that are set aside."""
    is_aside = found.suppressed_by >= 0
    if not is_aside.any():
        return found
    _, entries = np.unique(index.entry_of(found.algorithm, found.rows), return_inverse=True)
    n_entries = int(entries.max()) + 1
    is_taken, has_aside = np.zeros(n_entries, dtype=bool), np.zeros(n_entries, dtype=bool)
    is_taken[entries[found.suppressed_by == STANDS]] = True
    has_aside[entries[is_aside]] = True
    return found.at(np.flatnonzero(is_aside == (has_aside & ~is_taken)[entries]))


def _sort_by_entry(
    entries: NDArray[np.int64], found: EntryMatches
) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_]]:
    """Return the order by entry, those set aside last, then by distance.

    Also returns which positions in it begin the rows of an entry that stand or that are set aside,
    and which have a higher quality than all nearer ones of those.
    """
    entries = 2 * entries + (found.suppressed_by >= 0)
    order = np.lexsort((found.rows, found.views, found.distances, entries))
    entries = entries[order]
    is_first = np.ones(entries.size, dtype=bool)
    is_first[1:] = entries[1:] != entries[:-1]
    ranks = np.cumsum(is_first) * _RANKS + found.quality_ranks()[order]
    is_clearer = ~is_first
    is_clearer[1:] &= ranks[1:] > np.maximum.accumulate(ranks[:-1])
    return order, is_first, is_clearer


def _quality(rank: int) -> int | None:
    return None if rank == BEST_RANK else rank
