"""Which fired rules are set aside by which.

A rule that is itself set aside sets nobody aside. That has one answer only where the relation has
no cycle, so a policy with one is refused.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from graphlib import CycleError, TopologicalSorter

from hashmatch.policy.rules import Rule


class Suppression:
    """The relation "suppresses" between rules, ready to be applied to those that fired.

    Immutable once made; safe to share between threads.

    Parameters
    ----------
    rules : sequence of Rule
        In file order; every name in a `suppresses` must be that of a rule.

    Raises
    ------
    KeyError
        Where a rule suppresses a name that no rule has.
    graphlib.CycleError
        Where rules suppress each other in a circle.
    """

    __slots__ = ("_steps",)

    def __init__(self, rules: Sequence[Rule]) -> None:
        suppressors = _suppressors(rules)
        order = TopologicalSorter(suppressors).static_order()
        self._steps = [(number, suppressors[number]) for number in order if suppressors.get(number)]

    def apply(self, fired: Container[int]) -> dict[int, int]:
        """Return, for each fired rule that is set aside, the first in file order that does so."""
        suppressed_by: dict[int, int] = {}
        for number, suppressors in self._steps:
            if number not in fired:
                continue
            for other in suppressors:
                if other in fired and other not in suppressed_by:
                    suppressed_by[number] = other
                    break
        return suppressed_by


def find_cycle(rules: Sequence[Rule]) -> tuple[int, ...] | None:
    """Return rules of which each suppresses the next and the last the first, None without any.

    The circle begins with its first rule in file order.
    """
    try:
        TopologicalSorter(_suppressors(rules)).prepare()
    except CycleError as error:
        circle: list[int] = error.args[1][:-1]
        start = circle.index(min(circle))
        return tuple(circle[start:] + circle[:start])
    return None


def _suppressors(rules: Sequence[Rule]) -> dict[int, list[int]]:
    numbers = {rule.name: number for number, rule in enumerate(rules)}
    suppressors: dict[int, list[int]] = {}
    for number, rule in enumerate(rules):
        for name in rule.suppresses:
            suppressors.setdefault(numbers[name], []).append(number)
    return suppressors
