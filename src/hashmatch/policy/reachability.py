"""Whether a rule can ever take a match, given the rules before it.

A rule is dead where every match that fits it is taken by earlier rules, one alone or several
together. The test is exact. Distance and quality are monotone: an earlier rule that takes the
farthest match of the lowest quality that fits a rule takes, as far as these two go, all of them. So
only earlier rules at least as wide and as lenient count, and what is left is whether their products
of sets of values cover the product of the rule. A property on which the rule has no condition can
have a value that no rule mentions, and what takes that value takes every other.
"""

from __future__ import annotations

from collections.abc import Sequence

from hashmatch.policy.rule_index import RuleIndex, RuleSet, ValueMask, first_of
from hashmatch.policy.rules import Rule


def covering_rules(rules: Sequence[Rule], number: int, table: RuleIndex) -> tuple[int, ...] | None:
    """Return earlier rules that together take every match that fits a rule.

    Parameters
    ----------
    rules : sequence of Rule
        In file order.
    number : int
        The rule in question, counted from 0.
    table : RuleIndex
        Of the same rules.

    Returns
    -------
    tuple of int, or None
        In file order; None where the rule can take a match. Costs at worst one step per
        combination of the values the rule names, but values on which all earlier rules agree count
        as one.
    """
    candidates = _no_narrower(rules, number)
    when = rules[number].when
    # One member per combination of values so far: the rules able to take it.
    able: set[RuleSet] = {candidates}
    for column, values in (
        (table.harm, when.harm),
        (table.list, when.list),
        (table.classification, when.classification),
    ):
        choices = {candidates & admitting for admitting in _choices(column, values)}
        able = {left & choice for left in able for choice in choices}
        if 0 in able:
            return None
    takers = {first_of(rules_) for rules_ in able}
    return tuple(sorted(takers))


def _no_narrower(rules: Sequence[Rule], number: int) -> RuleSet:
    when = rules[number].when
    found = 0
    for earlier in range(number):
        other = rules[earlier].when
        if (
            other.algorithm == when.algorithm
            and other.max_distance >= when.max_distance
            and other.min_quality <= when.min_quality
        ):
            found |= 1 << earlier
    return found


def _choices(column: ValueMask, values: tuple[str, ...] | None) -> set[RuleSet]:
    if values is None:
        return {column.any_value}
    return {column.of(value) for value in values}
