"""The rule index, which finds the first rule that fits a match.

A set of rules is an int whose bit i stands for rule i in file order: narrowing by one more
condition is one ``&``, and the first rule of the file is the lowest bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Any

from hashmatch.policy.conditions import CONDITIONS, Condition, Scope, Value
from hashmatch.policy.rules import MATCH_FACTS, VIEW_FACTS, ContentFacts, MatchGroup, Rule

RuleSet = int

_MAX_KEPT_VALUES = 4096


def first_of(rules: RuleSet) -> int:
    """Return the number of the first rule, in file order, in a non-empty set."""
    return (rules & -rules).bit_length() - 1


class ValueMask(dict[Any, RuleSet]):
    """For one condition, the rules that admit each value of its fact; None is an unknown fact.

    `values` has the value that each rule states, in file order. Safe to share between threads. The
    first look-up of a fact costs a comparison for each rule, later ones a dict look-up.
    """

    def __init__(self, condition: Condition, values: Sequence[Value | None]) -> None:
        self.condition = condition
        self._values = tuple(values)

    def __missing__(self, fact: Any) -> RuleSet:
        admits = self.condition.admits
        rules = sum(1 << number for number, v in enumerate(self._values) if admits(v, fact))
        if len(self) < _MAX_KEPT_VALUES:
            self[fact] = rules
        return rules


class _ScopeMask(dict[tuple[Any, ...], RuleSet]):
    """For each tuple of some facts, the rules whose conditions on those facts all hold."""

    def __init__(self, facts: Sequence[str], masks: Sequence[ValueMask]) -> None:
        self._masks = [(facts.index(mask.condition.fact), mask) for mask in masks]

    def __missing__(self, facts: tuple[Any, ...]) -> RuleSet:
        rules = -1  # every bit is set
        for position, mask in self._masks:
            rules &= mask[facts[position]]
        if len(self) < _MAX_KEPT_VALUES:
            self[facts] = rules
        return rules


class RuleIndex:
    """The conditions of rules (in file order), with one mask each; safe to share between threads.

    `conditions` are all the conditions that the rules may state.
    """

    def __init__(self, rules: Sequence[Rule], conditions: Sequence[Condition] = CONDITIONS) -> None:
        self._every_rule: RuleSet = (1 << len(rules)) - 1
        self.masks = [
            ValueMask(each, [rule.when[each.key] for rule in rules]) for each in conditions
        ]
        of_scope = {
            scope: [mask for mask in self.masks if mask.condition.scope is scope] for scope in Scope
        }
        self._of_content = [(mask.condition.fact, mask) for mask in of_scope[Scope.CONTENT]]
        self._of_match = _ScopeMask(MATCH_FACTS, of_scope[Scope.MATCH])
        self._of_view = _ScopeMask(VIEW_FACTS, of_scope[Scope.VIEW])

    def of_content(self, facts: ContentFacts) -> RuleSet:
        """Return the rules whose conditions on the whole content hold."""
        rules = self._every_rule
        for fact, mask in self._of_content:
            rules &= mask[facts.values.get(fact)]
        return rules

    def first(self, group: MatchGroup, rules: RuleSet) -> int | None:
        """Return the number of the first of `rules` that fits, None if none does.

        Costs one look-up for the group and one for each of its views.
        """
        rules &= self._of_match[_match_facts(group)]
        fitting = self._of_view[group.distance, group.quality]
        for distance_and_quality in group.clearer:
            fitting |= self._of_view[distance_and_quality]
        rules &= fitting
        return first_of(rules) if rules else None


_match_facts = attrgetter(*MATCH_FACTS)
