from graphlib import CycleError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashmatch.policy.rules import Condition, Rule
from hashmatch.policy.suppression import Suppression, find_cycle

N_RULES = 6


def rules_with(edges):
    return [
        Rule(f"r{i}", Condition(i), "log", suppresses=tuple(f"r{b}" for a, b in edges if a == i))
        for i in range(N_RULES)
    ]


EDGES = st.sets(
    st.tuples(st.integers(0, N_RULES - 1), st.integers(0, N_RULES - 1)).filter(
        lambda edge: edge[0] != edge[1]
    )
)


def reaches(edges, start):
    """Return every rule that can be come to from a rule by one step or more."""
    found = {b for a, b in edges if a == start}
    while more := {b for a, b in edges if a in found} - found:
        found |= more
    return found


@given(EDGES, st.sets(st.integers(0, N_RULES - 1)))
def test_what_stands_is_suppressed_by_nothing_that_stands(edges, fired):
    rules = rules_with(edges)
    circular = any(start in reaches(edges, start) for start in range(N_RULES))
    circle = find_cycle(rules)
    assert (circle is not None) == circular
    if circle is not None:
        assert circle[0] == min(circle)
        assert len(set(circle)) == len(circle)
        assert all(step in edges for step in zip(circle, (*circle[1:], circle[0]), strict=True))
        with pytest.raises(CycleError):
            Suppression(rules)
        return
    suppressed_by = Suppression(rules).apply(fired)
    standing = fired - suppressed_by.keys()
    assert suppressed_by.keys() <= fired
    assert bool(standing) == bool(fired)
    # An acyclic relation has exactly one set with this property (its kernel).
    for number in fired:
        by = sorted(a for a, b in edges if b == number and a in standing)
        assert suppressed_by.get(number) == (by[0] if by else None)


def test_an_unknown_name_is_refused():
    with pytest.raises(KeyError, match="nobody"):
        Suppression([Rule("a", Condition(1), "log", suppresses=("nobody",))])
