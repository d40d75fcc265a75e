"""The matches of one content by a policy that suppresses some: its views, searched once more.

Which sightings an allow-list sets aside is known only once the whole content has been searched. So
a content that meets an entry of an allow-list is searched twice: for the sightings that suppress,
of which one is kept per rule and place, and then for all, each of which is judged and reduced at
once. Memory grows with the views and with the entries matched, not with both together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hashmatch.index import Index
from hashmatch.matching.entry_matches import (
    FITS_NO_RULE,
    STANDS,
    EntryMatches,
    keep_nearest_per_entry,
    keep_useful,
)
from hashmatch.matching.search import search_views
from hashmatch.policy import Place, Sight, Sighting, Suppression, Suppressors
from hashmatch.values import DIGEST_BITS, Fingerprint
from hashmatch.views import appearance, kinds, region

_ONLY_OURS = {"negative", "stretched"}  # kinds of views that no person sees


def may_suppress(index: Index, found: Sequence[EntryMatches], suppression: Suppression) -> bool:
    """Return whether an entry that a suppressing rule asks about is among the matches."""
    for hits in found:
        origins = np.unique(index.origin_of(hits.algorithm, hits.rows), return_index=True)[1]
        groups, _ = hits.at(origins).plain_groups(index)
        if any(map(suppression.may_begin, groups)):
            return True
    return False


def match_with_suppression(
    index: Index,
    searched: Sequence[tuple[Fingerprint, int]],
    suppression: Suppression,
    *,
    block_views: int,
) -> list[EntryMatches]:
    """Return the matches of one content, by algorithm, with those that are suppressed marked.

    `searched` has the fingerprints to search for, each with its radius in bits.
    """
    suppressors = suppression.settle(
        sighting
        for found in _search(index, searched, block_views)
        for sighting in _suppressing(index, found, suppression)
    )
    met: dict[str, EntryMatches] = {}
    for found in _search(index, searched, block_views):
        judged = _judge(index, found, suppression, suppressors)
        earlier = met.get(found.algorithm)
        met[found.algorithm] = keep_useful(index, earlier.joined(judged) if earlier else judged)
    return [keep_nearest_per_entry(index, found) for found in met.values()]


def _search(
    index: Index, searched: Sequence[tuple[Fingerprint, int]], block_views: int
) -> Iterator[EntryMatches]:
    """Yield the matches of one content in blocks of views."""
    for fingerprint, radius in searched:
        for _, hits in search_views(
            index, fingerprint.algorithm, [fingerprint], radius, block_views=block_views
        ):
            yield hits


def _suppressing(index: Index, found: EntryMatches, suppression: Suppression) -> Iterator[Sighting]:
    """Yield one sighting for each suppressing rule, view and distance."""
    rules = _rules_of(index, found, suppression)
    suppressing = np.flatnonzero(np.isin(rules, list(suppression.suppressing)))
    for kind in _distinct(rules, found, suppressing)[0].tolist():
        yield _sighting(found.fingerprint, *kind)


def _judge(
    index: Index, found: EntryMatches, suppression: Suppression, suppressors: Suppressors
) -> EntryMatches:
    """Return the matches, each marked with the rule that sets it aside."""
    rules = _rules_of(index, found, suppression)
    marks = np.where(rules < 0, FITS_NO_RULE, STANDS)
    suppressed = np.flatnonzero(np.isin(rules, list(suppression.suppressors)))
    distinct, positions = _distinct(rules, found, suppressed)
    by = (suppressors.of(_sighting(found.fingerprint, *kind)) for kind in distinct.tolist())
    judged = np.array([STANDS if each is None else each for each in by], dtype=np.int64)
    marks[suppressed] = judged[positions]
    return replace(found, suppressed_by=marks)


def _rules_of(index: Index, found: EntryMatches, suppression: Suppression) -> NDArray[np.int64]:
    """Return the number of the first rule that takes each sighting alone, -1 if none does."""
    groups, positions = found.plain_groups(index)
    first: Iterable[int | None] = map(suppression.first, groups)
    numbers = np.array([-1 if number is None else number for number in first], dtype=np.int64)
    return numbers[positions]


def _distinct(
    rules: NDArray[np.int64], found: EntryMatches, chosen: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return distinct rows of rule, view and distance, and the position of each chosen row."""
    columns = rules[chosen], found.views[chosen], found.distances[chosen].astype(np.int64)
    distinct, positions = np.unique(np.stack(columns, axis=1), axis=0, return_inverse=True)
    return distinct, positions.reshape(-1)


def _sighting(fingerprint: Fingerprint, rule: int, view: int, distance: int) -> Sighting:
    share = distance / (8 * fingerprint.codes.shape[1])
    if fingerprint.algorithm in DIGEST_BITS:
        return Sighting(rule, Place(None, fingerprint.algorithm), share)
    name, sight = fingerprint.views[view], Sight.HIDDEN
    if not _ONLY_OURS.isdisjoint(kinds(name)):
        sight = Sight.ALTERED
    elif fingerprint.is_seen[view]:
        sight = Sight.SEEN
    part = fingerprint.parts[view]
    shown = f"{region(name)} {part}" if part else region(name)
    place = Place(fingerprint.pictures[view], shown, appearance(name), sight)
    return Sighting(rule, place, share)
