"""The rule index, which finds the first rule that fits a match.

A set of rules is an int whose bit i stands for rule i in file order: narrowing by one more
condition is one ``&``, and the first rule of the file is the lowest bit.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from typing import Any, NamedTuple

from hashmatch.policy.conditions import CONDITIONS, Condition, Kind, Scope
from hashmatch.policy.facts import ContentFacts, MatchGroup
from hashmatch.policy.rules import Rule

RuleSet = int


def first_of(rules: RuleSet) -> int:
    """Return the number of the first rule, in file order, of a set that is not empty."""
    return (rules & -rules).bit_length() - 1


class ValueMask:
    """For each value of a fact, the rules whose set has it.

    `sets` has one tuple of strings per rule, None where the rule admits every value.
    """

    __slots__ = ("_admitting", "_any_value")

    def __init__(self, sets: Sequence[tuple[str, ...] | None]) -> None:
        named: dict[str, RuleSet] = {}
        self._any_value: RuleSet = 0
        for number, values in enumerate(sets):
            if values is None:
                self._any_value |= 1 << number
                continue
            for value in values:
                named[value] = named.get(value, 0) | 1 << number
        self._admitting = {value: rules | self._any_value for value, rules in named.items()}

    def admitting(self, fact: Any) -> RuleSet:
        """Return the rules that admit a value of the fact; None stands for an unknown fact."""
        return self._admitting.get(fact, self._any_value)


class LimitMask:
    """For each value of a fact, the rules whose limit it meets.

    `limits` has one inclusive limit per rule, None where the rule has none.
    """

    __slots__ = ("_admitting", "_limits", "_sign", "_unknown")

    def __init__(self, limits: Sequence[float | None], kind: Kind, *, absent_fits: bool) -> None:
        self._sign = 1 if kind is Kind.AT_MOST else -1  # x is at least y if -x is at most -y
        upper = [math.inf if limit is None else self._sign * limit for limit in limits]
        self._limits = sorted(set(upper))
        self._admitting: list[RuleSet] = [
            sum(1 << number for number, limit in enumerate(upper) if limit >= lowest)
            for lowest in self._limits
        ]
        self._admitting.append(0)  # where the fact exceeds every limit
        self._unknown = sum(
            1 << number for number, limit in enumerate(limits) if absent_fits or limit is None
        )

    def admitting(self, fact: Any) -> RuleSet:
        """Return the rules that admit a value of the fact; None stands for an unknown fact."""
        if fact is None:
            return self._unknown
        return self._admitting[bisect_left(self._limits, self._sign * fact)]


class Column(NamedTuple):
    """One condition, and the rules that admit each value of its fact."""

    condition: Condition
    mask: ValueMask | LimitMask


class RuleIndex:
    """The conditions of rules (in file order), arranged by fact.

    Immutable; safe to share between threads. `conditions` are all that the rules may state.
    """

    __slots__ = ("_by_scope", "_every_rule", "columns")

    def __init__(self, rules: Sequence[Rule], conditions: Sequence[Condition] = CONDITIONS) -> None:
        self._every_rule: RuleSet = (1 << len(rules)) - 1
        self.columns = tuple(
            Column(condition, _mask(condition, [rule.when[condition.key] for rule in rules]))
            for condition in conditions
        )
        self._by_scope = {
            scope: [(c.fact, mask) for c, mask in self.columns if c.scope is scope]
            for scope in Scope
        }

    def of_content(self, facts: ContentFacts) -> RuleSet:
        """Return the rules whose conditions on the whole content hold."""
        rules = self._every_rule
        for fact, mask in self._by_scope[Scope.CONTENT]:
            rules &= mask.admitting(facts.values.get(fact))
        return rules

    def first(self, group: MatchGroup, rules: RuleSet) -> int | None:
        """Return the number of the first of `rules` that fits, None if none does.

        Costs one look-up for each condition, and for each view if the condition is about views.
        """
        for fact, mask in self._by_scope[Scope.MATCH]:
            rules &= mask.admitting(getattr(group, fact))
        fitting = 0
        for sighting in group.sightings if rules else ():
            admitted = rules
            for fact, mask in self._by_scope[Scope.VIEW]:
                admitted &= mask.admitting(getattr(sighting, fact))
            fitting |= admitted
        return first_of(fitting) if fitting else None


def _mask(condition: Condition, values: Sequence[Any]) -> ValueMask | LimitMask:
    if condition.kind is Kind.SET:
        return ValueMask(values)
    return LimitMask(values, condition.kind, absent_fits=condition.absent_fits)
