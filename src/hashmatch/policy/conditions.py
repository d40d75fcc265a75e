"""The conditions that a rule may state in `when`, one descriptor each.

The parser, the rule index, the search for unreachable rules and the table in docs/policy.md follow
from the descriptors: to add a condition is to add one descriptor to `conditions_for`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Any

from hashmatch.strict_table import StrictTable
from hashmatch.values import DIGEST_BITS

Value = tuple[str, ...] | float
"""Strings that fit, or an inclusive limit; an int is a limit on a fact in whole numbers."""

Kind = Enum("Kind", ["SET", "AT_MOST", "AT_LEAST"])
"""The fact is one of the strings, or at most or at least the limit."""

Scope = Enum("Scope", ["MATCH", "VIEW", "CONTENT"])
"""Where the fact is: in `MatchGroup`, `Sighting` (of one view) or `ContentFacts`."""

MAX_DISTANCE_BITS = 256
"""The widest radius a rule can ask for, inclusive."""

DEFAULT_ALGORITHM = "pdq"


@dataclass(frozen=True, slots=True)
class Condition:
    """One key of `when`, and the fact that it tests, named in its scope.

    `parse` reads the key strictly from the table of `when`, and `text` is its meaning in Markdown.
    If the key is absent its value is `default` (None fits everything); if it is `required`, `parse`
    raises or finds a default. `absent_fits` says whether an unknown fact fits a rule that states
    the condition. If a fact has a widest value, the default of a limit must be that or stricter, or
    some unreachable rules are missed.
    """

    key: str
    kind: Kind
    scope: Scope
    fact: str
    parse: Callable[[StrictTable, str], Value]
    text: str
    default: Value | None = None
    required: bool = False
    absent_fits: bool = False

    def read(self, when: StrictTable) -> Value | None:
        """Return the value that a rule states or implies."""
        stated = self.required or self.key in when
        return self.parse(when, self.key) if stated else self.default

    def admits(self, value: Any, fact: Any) -> bool:
        """Return whether a fact, None if unknown, fits a rule that states `value`."""
        if value is None:
            return True
        if fact is None:
            return self.absent_fits
        if self.kind is Kind.SET:
            return fact in value
        return bool(fact <= value if self.kind is Kind.AT_MOST else fact >= value)

    def document(self) -> str:
        """Return the row of the documentation's table, in Markdown."""
        shown = f'"{self.default[0]}"' if isinstance(self.default, tuple) else self.default
        default = "any" if shown is None else f"`{shown}`"
        return f"| `{self.key}` | {'required' if self.required else default} | {self.text} |\n"


@dataclass(frozen=True, slots=True)
class When:
    """Values of the conditions of one rule, by key; None or an absent key fits everything."""

    values: tuple[tuple[str, Value | None], ...]

    def __getitem__(self, key: str) -> Value | None:
        return next((value for name, value in self.values if name == key), None)


def conditions_for(exact_only: Collection[str]) -> tuple[Condition, ...]:
    """Return the conditions of a policy; `exact_only` names algorithms that match only exactly."""
    return (
        _of_entry("harm"),
        _of_entry("list"),
        _of_entry("classification", "; an entry without one does not fit"),
        Condition(
            key="algorithm",
            kind=Kind.SET,
            scope=Scope.MATCH,
            fact="algorithm",
            parse=_parse_word,
            text="the algorithm of the hash is this one of [algorithms.md](algorithms.md)",
            default=(DEFAULT_ALGORITHM,),
        ),
        Condition(
            key="max_distance",
            kind=Kind.AT_MOST,
            scope=Scope.VIEW,
            fact="distance",
            parse=partial(_parse_distance, exact_only=exact_only),
            text=f"the distance is at most this: bits, 0 to {MAX_DISTANCE_BITS}, inclusive, and no "
            "more than the algorithm has; 0, and may be left out, if the algorithm is a digest",
            required=True,
        ),
        Condition(
            key="min_quality",
            kind=Kind.AT_LEAST,
            scope=Scope.VIEW,
            fact="quality",
            parse=partial(StrictTable.number, low=0, high=100),
            text="the quality of the upload's view is at least this: 0 to 100, inclusive; a view "
            "without a quality passes: only PDQ and plug-ins have one",
            default=50,
            absent_fits=True,
        ),
    )


def _of_entry(key: str, note: str = "") -> Condition:
    text = f"the {key} of the entry is this string, or one of this list{note}"
    return Condition(key, Kind.SET, Scope.MATCH, key, StrictTable.alternatives, text)


def _parse_word(when: StrictTable, key: str) -> tuple[str]:
    return (when.text(key),)


def _parse_distance(when: StrictTable, key: str, *, exact_only: Collection[str]) -> int:
    algorithm = when.optional_text("algorithm") or DEFAULT_ALGORITHM
    is_exact = algorithm in exact_only
    distance = when.number(key, 0, MAX_DISTANCE_BITS, 0 if is_exact else None)
    if is_exact and distance:
        problem = f"{distance}, but {algorithm} is a digest, equal or not; write 0 or leave it out"
        raise when.error(key, problem)
    return distance


CONDITIONS = conditions_for(tuple(DIGEST_BITS))
"""The conditions of a policy if the built-in digests are the only exact algorithms."""
