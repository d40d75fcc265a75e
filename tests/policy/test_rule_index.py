"""The rule index: masks of values, and the first rule that fits."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashmatch.policy import Condition, ContentFacts, Kind, MatchGroup, Rule, Scope
from hashmatch.policy.rule_index import RuleIndex, ValueMask, first_of
from hashmatch.strict_table import StrictTable
from tests.policy.oracle import when

SETS = st.lists(
    st.one_of(st.none(), st.lists(st.sampled_from("abc"), min_size=1, unique=True).map(tuple)),
    max_size=100,
)
LIMITS = st.lists(st.one_of(st.none(), st.integers(-3, 3), st.floats(-3, 3)), max_size=100)


def condition(kind: Kind, **more: Any) -> Condition:
    return Condition("key", kind, Scope.MATCH, "fact", StrictTable.alternatives, "", **more)


def numbers(rules: int) -> list[int]:
    return [number for number in range(rules.bit_length()) if rules >> number & 1]


@given(SETS, st.lists(st.sampled_from(["a", "b", "c", "unnamed", None])))
def test_a_value_is_admitted_by_the_sets_that_have_it(
    sets: list[tuple[str, ...] | None], facts: list[str | None]
) -> None:
    mask = ValueMask(condition(Kind.SET), sets)
    for fact in facts:
        expected = [i for i, values in enumerate(sets) if values is None or fact in values]
        admitted = mask[fact]
        assert numbers(admitted) == expected
        if expected:
            assert first_of(admitted) == expected[0]


@pytest.mark.parametrize("kind", [Kind.AT_MOST, Kind.AT_LEAST])
@given(
    limits=LIMITS,
    fact=st.one_of(st.none(), st.integers(-4, 4), st.floats(-4, 4)),
    absent_fits=st.booleans(),
)
def test_a_limit_is_inclusive(
    kind: Kind, limits: list[float | None], fact: float | None, absent_fits: bool
) -> None:
    def meets(limit: float | None) -> bool:
        if limit is None:
            return True
        if fact is None:
            return absent_fits
        return fact <= limit if kind is Kind.AT_MOST else fact >= limit

    expected = [number for number, limit in enumerate(limits) if meets(limit)]
    mask = ValueMask(condition(kind, absent_fits=absent_fits), limits)
    assert numbers(mask[fact]) == expected


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), max_size=80), st.data())
def test_the_first_rule_within_both_limits_is_taken(
    limits: list[tuple[int, int]], data: st.DataObject
) -> None:
    index = RuleIndex(
        [
            Rule(f"r{i}", when(max_distance=d, min_quality=q), "log")
            for i, (d, q) in enumerate(limits)
        ]
    )
    distance = data.draw(st.integers(0, 21))
    quality = data.draw(st.one_of(st.none(), st.integers(0, 20)))
    expected = None
    for number, (max_distance, min_quality) in enumerate(limits):
        if distance <= max_distance and (quality is None or min_quality <= quality):
            expected = number
            break
    group = MatchGroup("l", "h", None, "pdq", distance, quality)
    assert index.first(group, index.of_content(ContentFacts())) == expected
