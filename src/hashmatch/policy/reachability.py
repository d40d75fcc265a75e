"""The search for rules that no match can reach.

A rule is dead if every match that fits it is taken by earlier rules, one alone or several together.
The test is exact if facts do not depend on each other: then a rule fits the product of the values
that each fact may have, and the question is whether the products of earlier rules cover it. Of each
fact only those values are tried that the fewest earlier rules admit:

- of a set, the values that it names; without a set, one value that no rule mentions;
- of a limit, the limit;
- of limits from both sides, the upper one, the values just below the lower limits of earlier rules,
  and the unknown value if it fits.

Matches met by several views need no care: a rule fits them by one view that meets all of its
conditions, and the rule that takes that view takes the match.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from hashmatch.policy.conditions import Kind, When
from hashmatch.policy.rule_index import Column, RuleIndex, RuleSet, first_of
from hashmatch.policy.rules import Rule


def covering_rules(rules: Sequence[Rule], number: int, index: RuleIndex) -> tuple[int, ...] | None:
    """Return earlier rules that together take every match that fits a rule.

    Parameters
    ----------
    rules : sequence of Rule
        In file order.
    number : int
        The rule in question, counted from 0.
    index : RuleIndex
        Of the same rules.

    Returns
    -------
    tuple of int, or None
        In file order; None if the rule can take a match, empty if nothing can fit it. Costs at
        worst one step per combination of the values the rule names, but values on which all
        earlier rules agree count as one.
    """
    earlier = (1 << number) - 1
    facts: dict[object, list[Column]] = {}
    for column in index.columns:
        facts.setdefault((column.condition.scope, column.condition.fact), []).append(column)
    choices = []
    for columns in facts.values():
        values = _hardest_values(columns, rules[number].when, rules[:number])
        choices.append({_admitting(columns, value) & earlier for value in values})
    able: set[RuleSet] = {earlier}  # one member per combination of values: the rules that admit it
    for admitted in sorted(choices, key=len):  # an empty one, of a contradiction, comes first
        able = {left & choice for left in able for choice in admitted}
        if 0 in able:
            return None
    return tuple(sorted({first_of(admitted) for admitted in able}))


def _admitting(columns: Iterable[Column], value: object) -> RuleSet:
    rules = -1
    for column in columns:
        rules &= column.mask.admitting(value)
    return rules


def _hardest_values(columns: Sequence[Column], when: When, earlier: Sequence[Rule]) -> set[Any]:
    """Return values of one fact that fit `when`, those that the fewest earlier rules admit first.

    None is an unknown value or, of a set, one that no rule mentions.
    """
    stated: list[Any] = [value for c, _ in columns if (value := when[c.key]) is not None]
    if columns[0].condition.kind is Kind.SET:
        return set.intersection(*map(set, stated)) if stated else {None}
    at_most = _keys(columns, Kind.AT_MOST)
    at_least = _keys(columns, Kind.AT_LEAST)
    high = min(_limits(at_most, [when]), default=math.inf)
    low = max(_limits(at_least, [when]), default=-math.inf)
    unknown_fits = all(c.absent_fits for c, _ in columns if when[c.key] is not None)
    unknown = {None} if unknown_fits else set()
    if low > high:
        return unknown
    if not at_least or not at_most:
        return {high if at_most else low}
    below = map(_just_below, _limits(at_least, [rule.when for rule in earlier]))
    return {high, *(value for value in below if low <= value < high), *unknown}


def _keys(columns: Iterable[Column], kind: Kind) -> list[str]:
    return [condition.key for condition, _ in columns if condition.kind is kind]


def _limits(keys: Iterable[str], whens: Sequence[When]) -> list[Any]:
    return [limit for key in keys for when in whens if (limit := when[key]) is not None]


def _just_below(limit: float) -> float:
    return limit - 1 if isinstance(limit, int) else math.nextafter(limit, -math.inf)
