"""Suppression against the definition: rules that stand are suppressed by none that stands."""

import itertools
from graphlib import CycleError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashmatch.policy.rules import Rule, Suppression
from tests.policy.oracle import when

N_RULES = 6
Edges = set[tuple[int, int]]


def rules_with(edges: Edges) -> list[Rule]:
    anything = when(max_distance=256)
    return [
        Rule(f"r{i}", anything, "log", suppresses=tuple(f"r{b}" for a, b in edges if a == i))
        for i in range(N_RULES)
    ]


EDGES = st.sets(
    st.tuples(st.integers(0, N_RULES - 1), st.integers(0, N_RULES - 1)).filter(
        lambda edge: edge[0] != edge[1]
    )
)


def reaches(edges: Edges, start: int) -> set[int]:
    """Return every rule that one step or more lead to."""
    found = {b for a, b in edges if a == start}
    while more := {b for a, b in edges if a in found} - found:
        found |= more
    return found


@given(EDGES, st.sets(st.integers(0, N_RULES - 1)))
def test_standing_rules_are_suppressed_by_no_standing_rule(edges: Edges, fired: set[int]) -> None:
    rules = rules_with(edges)
    circular = any(start in reaches(edges, start) for start in range(N_RULES))
    if circular:
        with pytest.raises(CycleError) as caught:
            Suppression(rules)
        circle = caught.value.args[1]
        assert circle[0] == circle[-1]
        assert len(set(circle)) == len(circle) - 1
        assert all(step in edges for step in itertools.pairwise(circle))
        return
    suppressed_by = Suppression(rules).apply(fired)
    standing = fired - suppressed_by.keys()
    assert suppressed_by.keys() <= fired
    assert bool(standing) == bool(fired)
    # An acyclic relation has exactly one set with this property (its kernel).
    for number in fired:
        by = sorted(a for a, b in edges if b == number and a in standing)
        assert suppressed_by.get(number) == (f"r{by[0]}" if by else None)


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(KeyError, match="nobody"):
        Suppression([Rule("a", when(max_distance=1), "log", suppresses=("nobody",))])
