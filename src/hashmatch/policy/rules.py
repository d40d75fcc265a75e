"""The parts of a policy and the facts that its rules ask about: immutable values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hashmatch.policy.conditions import When

MODES = ("enforce", "shadow")
"""Whether rules take effect, or only record what they would have ordered."""

DEFAULT_PRIORITY = "medium"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: the matches it fits, what to do, who looks at it, and which rules it suppresses.

    `may_be_absent` admits an index that lacks a list, harm or classification that `when` names.
    """

    name: str
    when: When
    action: str
    queue: str | None = None
    priority: str = DEFAULT_PRIORITY
    sla: str | None = None
    routes: tuple[str, ...] = ()
    suppresses: tuple[str, ...] = ()
    may_be_absent: bool = False


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
    of them, None if it gives none. `distance` in bits is that of the nearest view; `quality`, as
    rules read it, is the better of its quality as shown and with its contrast stretched: 0..100,
    None if the algorithm has none. `clearer` has the distance and quality, both rising, of views
    that are farther from the same entries but of higher quality (None is the highest): a rule fits
    a match if one view meets all its conditions. `suppressed_by` is None if the match stands; else
    it names the rule that set aside every sighting that a rule takes, and the views are those.
    ValueError for a negative distance, or if there is no match.
    """

    list: str
    harm: str
    classification: str | None
    algorithm: str
    distance: int
    quality: int | None
    n_matches: int = 1
    clearer: tuple[tuple[int, int | None], ...] = ()
    suppressed_by: str | None = None

    def __post_init__(self) -> None:
        if self.distance < 0:
            raise ValueError(f"distance must be at least 0 bits, not {self.distance}")
        if self.n_matches < 1:
            raise ValueError(f"n_matches must be at least 1, not {self.n_matches}")


@dataclass(frozen=True, slots=True)
class ContentFacts:
    """Facts about an upload as a whole, by name: strings and numbers; absent if unknown."""

    values: Mapping[str, str | float] = field(default_factory=dict)
