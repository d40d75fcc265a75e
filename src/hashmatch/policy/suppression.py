"""Suppression of fired rules by other fired rules.

A rule that is itself suppressed suppresses nothing. That has one answer only if the relation has no
cycle, so a policy with one is refused.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from graphlib import TopologicalSorter

from hashmatch.policy.rules import Rule


class Suppression:
    """The relation "suppresses" between rules in file order; safe to share between threads.

    Raises
    ------
    KeyError
        A rule suppresses a name that no rule has.
    graphlib.CycleError
        Rules suppress each other in a circle: ``args[1]`` has their numbers, each suppressing the
        next, the first one again at the end.
    """

    __slots__ = ("_names", "_steps")

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
            standing = [each for each in suppressors if each in fired and each not in suppressed_by]
            if number in fired and standing:
                suppressed_by[number] = self._names[standing[0]]
        return suppressed_by
