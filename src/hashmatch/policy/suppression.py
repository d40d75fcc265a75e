"""Suppression: the sightings that a match of an allow-list sets aside.

A *sighting* is one view of a content that lies within the radius of an entry. A rule suppresses
another one sighting at a time, so that an allow-listed picture never speaks for anything else in
the same content. It sets aside only what

- shows the same picture, in the same colours and on the same ground;
- shows the same region: the whole, its trimmed part by the whole, any other part by that same part;
- is no nearer to its entry, by the share of bits that differ, than the allow-listed sighting;

and only if a person sees the view that meets the allow-list: not a negative, and not colours that
transparency hides. Sightings in hidden colours are set aside by what is seen of the same picture. A
digest is about the whole file: a perceptual match never sets one aside, while an allow-listed
SHA-256 sets aside everything in the file, and MD5 and SHA-1, which two files of one author may
share, only other digests.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from graphlib import TopologicalSorter
from typing import NamedTuple

from hashmatch.policy.rule_index import RuleIndex
from hashmatch.policy.rules import ContentFacts, MatchGroup, Rule

_WHOLE, _TRIMMED = "", "trimmed"
_COLLISION_FREE = "sha256"

Sight = Enum("Sight", ["SEEN", "HIDDEN", "ALTERED"])
"""A person sees the view; its colours lie hidden under transparency; it is a negative or the like,
which only hashmatch sees."""


class Place(NamedTuple):
    """A part of a content where an entry was sighted.

    `picture` is its number, None for the file as a whole. `region` and `appearance` are those of
    the view, as in `hashmatch.views`, the former with the number of the part if there are several
    (``"trimmed 2"``); of the file, `region` is the algorithm of the digest.
    """

    picture: int | None
    region: str
    appearance: str = ""
    sight: Sight = Sight.SEEN


class Sighting(NamedTuple):
    """A sighting that a rule takes, by its number; `share` is that of the bits that differ."""

    rule: int
    place: Place
    share: float


class Suppression:
    """The relation "suppresses" between rules in file order; safe to share between threads.

    A sighting that is itself set aside sets nothing aside, which is well defined only without
    cycles: graphlib.CycleError if rules suppress each other in a circle; its ``args[1]`` has their
    numbers, each suppressing the next, with the first repeated at the end. KeyError if a rule
    suppresses a name that no rule has.
    """

    def __init__(self, rules: Sequence[Rule], index: RuleIndex) -> None:
        self.names = tuple(rule.name for rule in rules)
        numbers = {name: number for number, name in enumerate(self.names)}
        self._index = index
        self._rules = index.of_content(ContentFacts())
        self.suppressors: dict[int, list[int]] = {}
        for number, rule in enumerate(rules):
            for name in rule.suppresses:
                self.suppressors.setdefault(numbers[name], []).append(number)
        self.suppressing = frozenset(n for n, rule in enumerate(rules) if rule.suppresses)
        self._mask = sum(1 << number for number in self.suppressing)
        order = TopologicalSorter(self.suppressors).static_order()
        self._order = [number for number in order if number in self.suppressing]

    def first(self, group: MatchGroup) -> int | None:
        """Return the number of the first rule that fits a match, None if none does."""
        return self._index.first(group, self._rules)

    def may_begin(self, group: MatchGroup) -> bool:
        """Return whether a suppressing rule may fit, at any distance and quality."""
        return bool(self._index.of_match(group) & self._mask)

    def settle(self, sightings: Iterable[Sighting]) -> Suppressors:
        """Return the sightings that suppress, of all those that suppressing rules take.

        Sightings by other rules are ignored.
        """
        nearest: dict[int, dict[Place, float]] = {number: {} for number in self._order}
        for rule, place, share in sightings:
            if rule in nearest and place.sight is not Sight.ALTERED:
                of_rule = nearest[rule]
                of_rule[place] = min(share, of_rule.get(place, share))
        settled = Suppressors(self)
        for number in self._order:  # after all that suppress it
            for place, share in nearest[number].items():
                sighting = Sighting(number, place, share)
                if settled.of(sighting) is None:
                    settled.add(sighting)
        return settled


@dataclass(slots=True)
class _Shown:
    """Shares of the nearest sightings of one region of a picture that one rule takes.

    `seen` has those that a person sees, by appearance; `least` is the least of all.
    """

    seen: dict[str, float] = field(default_factory=dict)
    least: float = 1.0

    def covers(self, place: Place, share: float) -> bool:
        if self.seen.get(place.appearance, 2.0) <= share:
            return True
        is_unseen = place.sight is not Sight.SEEN and not place.appearance
        return is_unseen and bool(self.seen) and self.least <= share


class Suppressors:
    """The standing sightings of one content that suppress others."""

    def __init__(self, suppression: Suppression) -> None:
        self._suppression = suppression
        self._shown: dict[tuple[int, int | None, str], _Shown] = {}
        self._digests: dict[int, set[str]] = {}

    def add(self, sighting: Sighting) -> None:
        """Add a sighting that stands."""
        rule, place, share = sighting
        if place.picture is None:
            self._digests.setdefault(rule, set()).add(place.region)
            return
        shown = self._shown.setdefault((rule, place.picture, place.region), _Shown())
        shown.least = min(shown.least, share)
        if place.sight is Sight.SEEN:
            nearest = shown.seen.get(place.appearance, share)
            shown.seen[place.appearance] = min(share, nearest)

    def of(self, sighting: Sighting) -> int | None:
        """Return the number of the first rule that sets a sighting aside, None if it stands."""
        rule, place, share = sighting
        for other in self._suppression.suppressors.get(rule, ()):
            if self._covers(other, place, share):
                return other
        return None

    def _covers(self, rule: int, place: Place, share: float) -> bool:
        digests = self._digests.get(rule, ())
        if place.picture is None or _COLLISION_FREE in digests:
            return bool(digests)
        is_trimmed = place.region.partition(" ")[0] == _TRIMMED
        regions = (place.region, _WHOLE) if is_trimmed else (place.region,)
        shown = (self._shown.get((rule, place.picture, region)) for region in regions)
        return any(each is not None and each.covers(place, share) for each in shown)
