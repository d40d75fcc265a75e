"""`MatchTable`: all matches of an item, from its fingerprints and an index."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hashmatch.index import Index
from hashmatch.matching.entry_matches import (
    EntryMatches,
    keep_nearest_per_entry,
    keep_useful,
    match_order,
)
from hashmatch.matching.search import DEFAULT_BLOCK_VIEWS, search_views
from hashmatch.matching.suppressed import match_with_suppression, may_suppress
from hashmatch.policy import MatchGroup, Suppression
from hashmatch.values import MAX_RECORDED_MATCHES, Fingerprint, Fingerprints, IndexRef, Match


@dataclass(frozen=True, slots=True)
class MatchTable:
    """All matches of one item: one per entry and algorithm.

    An entry is all that a list has under one entry id: one or more rows, each a hash. If its rows
    differ in harm or classification, rules tell them apart, and each kind counts as an entry.

    `index` is the index that was searched. `groups` are all matches, grouped where no rule can tell
    them apart; `matches` are the nearest of them, by (distance, list, entry_id, algorithm).
    `n_matches` counts all matches, `n_entries` the distinct entries among them.
    """

    index: IndexRef
    groups: tuple[MatchGroup, ...] = ()
    matches: tuple[Match, ...] = ()
    n_matches: int = 0
    n_entries: int = 0


def match_fingerprints(
    index: Index,
    fingerprints: Fingerprints,
    radii: Mapping[str, int],
    *,
    suppression: Suppression | None = None,
    limit: int | None = MAX_RECORDED_MATCHES,
    block_views: int = DEFAULT_BLOCK_VIEWS,
) -> MatchTable:
    """Find every entry within a radius of one of the fingerprinted views.

    Parameters
    ----------
    index : Index
        Searched in the calling thread.
    fingerprints : Fingerprints
        Fingerprints from luma are skipped: they only nominate candidates.
    radii : mapping of str to int
        From algorithm to radius in bits, inclusive. Algorithms that are not given do not match.
    suppression : Suppression or None
        That of the policy that is to decide; without it, no match is suppressed.
    limit : int or None
        Maximum number of matches to record; None: all. All are counted.
    block_views : int
        Views per search. Memory grows with it and with the number of matches.

    Raises
    ------
    KeyError
        The index has no codes of an algorithm to search for.
    ValueError
        A radius that the index does not accept.
    """
    (table,) = match_many(
        index,
        [fingerprints],
        radii,
        suppression=suppression,
        limit=limit,
        block_views=block_views,
    )
    return table


def match_many(
    index: Index,
    contents: Sequence[Fingerprints],
    radii: Mapping[str, int],
    *,
    suppression: Suppression | None = None,
    limit: int | None = MAX_RECORDED_MATCHES,
    block_views: int = DEFAULT_BLOCK_VIEWS,
) -> list[MatchTable]:
    """Return what `match_fingerprints` returns for each content, searching for all together."""
    found: list[list[EntryMatches]] = [[] for _ in contents]
    for algorithm, radius in radii.items():
        searched = {
            position: fingerprint
            for position, fingerprints in enumerate(contents)
            if (fingerprint := _searchable(fingerprints, algorithm))
        }
        positions = list(searched)
        met: dict[int, EntryMatches] = {}
        for number, hits in search_views(
            index, algorithm, list(searched.values()), radius, block_views=block_views
        ):
            # Drop matches that no longer count, so that memory grows with the entries matched, not
            # with the number of matches.
            earlier = met.get(number)
            joined = hits if earlier is None else earlier.joined(hits)
            is_reducible = earlier is not None or joined.views[0] != joined.views[-1]
            met[number] = keep_useful(index, joined) if is_reducible else joined
        for number, hits in met.items():
            found[positions[number]].append(keep_nearest_per_entry(index, hits))
    for position, of_content in enumerate(found if suppression is not None else ()):
        assert suppression is not None
        if may_suppress(index, of_content, suppression):
            again = [
                (fingerprint, radius)
                for algorithm, radius in radii.items()
                if (fingerprint := _searchable(contents[position], algorithm))
            ]
            found[position] = match_with_suppression(
                index, again, suppression, block_views=block_views
            )
    names = () if suppression is None else suppression.names
    return [_tabulate(index, of_content, limit, names) for of_content in found]


def _searchable(fingerprints: Fingerprints, algorithm: str) -> Fingerprint | None:
    fingerprint = fingerprints.get(algorithm)
    return None if fingerprint is None or fingerprint.decode == "luma" else fingerprint


def _tabulate(
    index: Index, found: Sequence[EntryMatches], limit: int | None, rule_names: Sequence[str]
) -> MatchTable:
    if not found:
        return MatchTable(index.ref)
    matches = [match for by_algorithm in found for match in by_algorithm.nearest(index, limit)]
    return MatchTable(
        index=index.ref,
        groups=tuple(
            group for by_algorithm in found for group in by_algorithm.groups(index, rule_names)
        ),
        matches=tuple(sorted(matches, key=match_order)[:limit]),
        n_matches=sum(map(len, found)),
        n_entries=_count_entries(index, found),
    )


def _count_entries(index: Index, found: Sequence[EntryMatches]) -> int:
    """Return the number of distinct entries; by one algorithm, each has one match."""
    if len(found) == 1:
        return len(found[0])
    ordinals = [index.entry_of(one.algorithm, one.rows) for one in found]
    ordered = np.sort(np.concatenate(ordinals), kind="stable")  # few runs: nearly linear
    return ordered.size - int((ordered[1:] == ordered[:-1]).sum())
