"""The search for rules that no match can reach.

A rule is dead if every match that fits it is taken by earlier rules, by one or by several together.
The test is exact if facts do not depend on each other: then a rule fits the product of the values
that each fact may have, and the question is whether the products of earlier rules cover it. For
each fact, only the values that the fewest earlier rules admit are tried:

- for a set, the values that it names; without a set, one value that no rule mentions;
- for a limit, the limit;
- for limits on both sides, the upper one, the values just below the lower limits of other rules,
  and the unknown value if it fits.

Matches found by several views need no special care: a rule fits them by one view that meets all its
conditions, and the rule that takes that view takes the match.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from hashmatch.policy.conditions import Kind, When
from hashmatch.policy.rule_index import RuleIndex, RuleSet, ValueMask, first_of
from hashmatch.policy.rules import Rule


def covering_rules(rules: Sequence[Rule], number: int, index: RuleIndex) -> tuple[int, ...] | None:
    """Return earlier rules that together take every match that fits a rule.

    `rules` and their `index` are in file order, `number` counts from 0. None if the rule can take a
    match, empty if nothing can fit it. Costs at worst one step per combination of the values the
    rule names, but values on which all earlier rules agree count as one.
    """
    earlier = (1 << number) - 1
    facts: dict[object, list[ValueMask]] = {}
    for mask in index.masks:
        facts.setdefault((mask.condition.scope, mask.condition.fact), []).append(mask)
    choices: list[set[RuleSet]] = []
    for masks in facts.values():
        choices.append(set())
        for value in _hardest_values(masks, rules[number].when):
            admitted = earlier
            for mask in masks:
                admitted &= mask[value]
            choices[-1].add(admitted)
    able = {earlier}  # one member per combination of values: the rules that admit it
    for choice in sorted(choices, key=len):  # an empty one, of a contradiction, comes first
        able = {left & admitted for left in able for admitted in choice}
        if 0 in able:
            return None
    return tuple(sorted({first_of(admitted) for admitted in able}))


def _hardest_values(masks: Sequence[ValueMask], when: When) -> set[Any]:
    """Return values of a fact that fit `when`, including all that the fewest rules admit.

    None is an unknown value or, for a set, one that no rule mentions.
    """
    conditions = [mask.condition for mask in masks]
    stated = [each for each in conditions if when[each.key] is not None]
    if conditions[0].kind is Kind.SET:
        sets: list[Any] = [when[each.key] for each in stated]
        return set.intersection(*map(set, sets)) if sets else {None}
    at_most = [mask for mask in masks if mask.condition.kind is Kind.AT_MOST]
    at_least = [mask for mask in masks if mask.condition.kind is Kind.AT_LEAST]
    high = min(_limits(at_most, when), default=math.inf)
    low = max(_limits(at_least, when), default=-math.inf)
    unknown = {None} if all(each.absent_fits for each in stated) else set()
    if low > high:
        return unknown
    if not at_least or not at_most:
        return {high if at_most else low}
    below = [_just_below(limit) for mask in at_least for limit in mask.limits]
    return {high, *(value for value in below if low <= value < high), *unknown}


def _limits(masks: Sequence[ValueMask], when: When) -> list[Any]:
    return [limit for mask in masks if (limit := when[mask.condition.key]) is not None]


def _just_below(limit: float) -> float:
    return limit - 1 if isinstance(limit, int) else math.nextafter(limit, -math.inf)
