"""The parts of a policy and the facts that its rules ask about: immutable values."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import TopologicalSorter

from hashmatch.policy.conditions import When

MODES = ("enforce", "shadow")
"""Whether rules take effect, or only record what they would have ordered."""

DEFAULT_PRIORITY = "medium"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: the matches it fits, what to do, who looks at it, and which rules it suppresses."""

    name: str
    when: When
    action: str
    queue: str | None = None
    priority: str = DEFAULT_PRIORITY
    sla: str | None = None
    routes: tuple[str, ...] = ()
    suppresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OnError:
    """The treatment of an upload that could not be read or decoded."""

    action: str
    queue: str
    priority: str = DEFAULT_PRIORITY
    sla: str | None = None
    routes: tuple[str, ...] = ()


MATCH_FACTS = ("list", "harm", "classification", "algorithm")
"""Facts about a match that are the same for every view."""

VIEW_FACTS = ("distance", "quality")
"""Facts about one view that meets an entry, in the order of the tuples in `clearer`."""


@dataclass(frozen=True, slots=True)
class MatchGroup:
    """Matches of one item that no rule can distinguish, with their number.

    `list` and `harm` are those of the matched entries, `classification` is the list's own grading
    of them, None if it gives none. `distance` in bits and `quality` (0..100, None if the algorithm
    has none) are those of the nearest view. `clearer` has the distance and quality, both rising, of
    views that are farther from the same entries but of higher quality: a rule fits a match if one
    view meets all its conditions. ValueError for a negative distance, or if there is no match.
    """

    list: str
    harm: str
    classification: str | None
    algorithm: str
    distance: int
    quality: int | None
    n_matches: int = 1
    clearer: tuple[tuple[int, int], ...] = ()

    def __post_init__(self) -> None:
        if self.distance < 0:
            raise ValueError(f"distance must be at least 0 bits, not {self.distance}")
        if self.n_matches < 1:
            raise ValueError(f"n_matches must be at least 1, not {self.n_matches}")


@dataclass(frozen=True, slots=True)
class ContentFacts:
    """Facts about an upload as a whole, by name: strings and numbers; absent if unknown."""

    values: Mapping[str, str | float] = field(default_factory=dict)


class Suppression:
    """The relation "suppresses" between rules in file order; safe to share between threads.

    A rule that is itself suppressed suppresses nothing, which is well defined only without cycles:
    graphlib.CycleError if rules suppress each other in a circle; its ``args[1]`` has their numbers,
    each suppressing the next, with the first repeated at the end. KeyError if a rule suppresses a
    name that no rule has.
    """

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._names = [rule.name for rule in rules]
        numbers = {name: number for number, name in enumerate(self._names)}
        suppressors: dict[int, list[int]] = {}
        for number, rule in enumerate(rules):
            for name in rule.suppresses:
                suppressors.setdefault(numbers[name], []).append(number)
        order = TopologicalSorter(suppressors).static_order()
        self._steps = [(number, suppressors[number]) for number in order if number in suppressors]

    def apply(self, fired: Container[int]) -> dict[int, str]:
        """Return the suppressed rules of `fired`, each with the name of its first suppressor."""
        suppressed_by: dict[int, str] = {}
        for number, suppressors in self._steps:
            for other in suppressors if number in fired else ():
                if other in fired and other not in suppressed_by:
                    suppressed_by[number] = self._names[other]
                    break
        return suppressed_by
