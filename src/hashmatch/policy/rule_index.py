"""The rule index, which finds the first rule that fits a match.

A set of rules is an int whose bit i stands for rule i in file order: narrowing by one more
condition is one ``&``, and the first rule of the file is the lowest bit.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import accumulate
from operator import attrgetter, or_
from typing import Any

from hashmatch.policy.conditions import CONDITIONS, Condition, Kind, Scope, Value
from hashmatch.policy.rules import MATCH_FACTS, VIEW_FACTS, ContentFacts, MatchGroup, Rule

RuleSet = int

_MAX_KEPT_VALUES = 4096


def first_of(rules: RuleSet) -> int:
    """Return the number of the first rule, in file order, in a non-empty set."""
    return (rules & -rules).bit_length() - 1


class ValueMask:
    """For one condition, the rules that admit each value of its fact; None is an unknown fact.

    `values` has the value that each rule states, in file order; `limits` has those of limits once
    each, in ascending order. Safe to share between threads. A look-up costs a bisection at most,
    whatever the number of rules.
    """

    def __init__(self, condition: Condition, values: Sequence[Value | None]) -> None:
        self.condition = condition
        self.limits: list[Any] = []
        every = (1 << len(values)) - 1
        stated: dict[Any, RuleSet] = {}
        unstated: RuleSet = 0
        for number, value in enumerate(values):
            if value is None:
                unstated |= 1 << number
                continue
            for each in value if isinstance(value, tuple) else (value,):
                stated[each] = stated.get(each, 0) | 1 << number
        self._unknown = every if condition.absent_fits else unstated
        if condition.kind is Kind.SET:
            self._named = {name: rules | unstated for name, rules in stated.items()}
            self._unnamed = unstated
            return
        self.limits = sorted(stated)
        rising = (stated[limit] for limit in self.limits)
        self._up_to = list(accumulate(rising, or_, initial=unstated))
        falling = (stated[limit] for limit in reversed(self.limits))
        self._from = list(accumulate(falling, or_, initial=unstated))[::-1]

    def __getitem__(self, fact: Any) -> RuleSet:
        if fact is None:
            return self._unknown
        kind = self.condition.kind
        if kind is Kind.SET:
            return self._named.get(fact, self._unnamed)
        if kind is Kind.AT_MOST:
            return self._from[bisect_left(self.limits, fact)]
        return self._up_to[bisect_right(self.limits, fact)]


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
        self.every_rule: RuleSet = (1 << len(rules)) - 1
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
        rules = self.every_rule
        for fact, mask in self._of_content:
            rules &= mask[facts.values.get(fact)]
        return rules

    def of_match(self, group: MatchGroup) -> RuleSet:
        """Return the rules whose conditions on the entry and the algorithm hold."""
        return self._of_match[_match_facts(group)]

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
