"""Which rule takes a match.

A set of rules is an int whose bit i stands for rule i in file order, so that narrowing by another
property of the match is one `&`, and the first rule of the file is the lowest bit.
"""

from __future__ import annotations

from collections.abc import Sequence

from hashmatch.policy.rules import MatchGroup, Rule

RuleSet = int


def first_of(rules: RuleSet) -> int:
    """Return the number of the first rule, in file order, of a set that is not empty."""
    return (rules & -rules).bit_length() - 1


class ValueMask:
    """For one property of a match: the rules that admit each of its values.

    Parameters
    ----------
    conditions : sequence of (tuple of str, or None)
        Per rule, the values it admits; None where it admits every value.
    """

    __slots__ = ("_admitting", "any_value")

    def __init__(self, conditions: Sequence[tuple[str, ...] | None]) -> None:
        self.any_value: RuleSet = 0
        named: dict[str, RuleSet] = {}
        for number, values in enumerate(conditions):
            if values is None:
                self.any_value |= 1 << number
                continue
            for value in values:
                named[value] = named.get(value, 0) | 1 << number
        self._admitting = {value: rules | self.any_value for value, rules in named.items()}

    def of(self, value: str | None) -> RuleSet:
        """Return the rules that admit a value; None stands for a value the match does not have."""
        if value is None:
            return self.any_value
        return self._admitting.get(value, self.any_value)


class RuleIndex:
    """The conditions of rules, arranged so that a match finds its rule quickly.

    Immutable once made; safe to share between threads.

    Parameters
    ----------
    rules : sequence of Rule
        In file order.
    """

    __slots__ = ("_limits", "algorithm", "classification", "harm", "list")

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.algorithm = ValueMask([(rule.when.algorithm,) for rule in rules])
        self.harm = ValueMask([rule.when.harm for rule in rules])
        self.list = ValueMask([rule.when.list for rule in rules])
        self.classification = ValueMask([rule.when.classification for rule in rules])
        self._limits = [(rule.when.max_distance, rule.when.min_quality) for rule in rules]

    def first(self, evidence: MatchGroup) -> int | None:
        """Return the number of the first rule that fits, None where no rule does.

        Costs four look-ups, and one comparison for each rule up to the answer that fits in
        everything but distance and quality.
        """
        rules = (
            self.harm.of(evidence.harm)
            & self.list.of(evidence.list)
            & self.classification.of(evidence.classification)
            & self.algorithm.of(evidence.algorithm)
        )
        sightings = ((evidence.distance, evidence.quality), *evidence.clearer)
        while rules:
            number = first_of(rules)
            max_distance, min_quality = self._limits[number]
            for distance, quality in sightings:
                if distance <= max_distance and (quality is None or quality >= min_quality):
                    return number
            rules ^= 1 << number
        return None
