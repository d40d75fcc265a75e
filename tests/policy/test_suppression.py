"""The order of suppression: rules in a circle are refused, chains are settled from their start."""

import itertools
from graphlib import CycleError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashmatch.policy import Place, Rule, Sight, Sighting, Suppression
from hashmatch.policy.rule_index import RuleIndex
from tests.policy.oracle import when

N_RULES = 6
Edges = set[tuple[int, int]]
HERE = Place(0, "")


def suppression_of(edges: Edges) -> Suppression:
    anything = when(max_distance=256)
    rules = [
        Rule(f"r{i}", anything, "log", suppresses=tuple(f"r{b}" for a, b in edges if a == i))
        for i in range(N_RULES)
    ]
    return Suppression(rules, RuleIndex(rules))


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
def test_sightings_that_stand_are_set_aside_by_none_that_stands(
    edges: Edges, taken: set[int]
) -> None:
    circular = any(start in reaches(edges, start) for start in range(N_RULES))
    if circular:
        with pytest.raises(CycleError) as caught:
            suppression_of(edges)
        circle = caught.value.args[1]
        assert circle[0] == circle[-1]
        assert len(set(circle)) == len(circle) - 1
        assert all(step in edges for step in itertools.pairwise(circle))
        return
    suppression = suppression_of(edges)
    suppressors = suppression.settle(Sighting(number, HERE, 0.0) for number in taken)
    by = {number: suppressors.of(Sighting(number, HERE, 0.0)) for number in taken}
    standing = {number for number in taken if by[number] is None}
    assert bool(standing) == bool(taken)
    # An acyclic relation has exactly one set with this property (its kernel).
    for number in taken:
        allowed = sorted(a for a, b in edges if b == number and a in standing)
        assert by[number] == (allowed[0] if allowed else None)


def test_an_unknown_name_is_refused() -> None:
    rules = [Rule("a", when(max_distance=1), "log", suppresses=("nobody",))]
    with pytest.raises(KeyError, match="nobody"):
        Suppression(rules, RuleIndex(rules))


WHITE, BLACK = (Place(0, "", ground) for ground in ("on_white", "on_black"))
UNDER = Place(0, "", "", Sight.HIDDEN)
NEGATIVE = Place(0, "", "", Sight.ALTERED)
TRIMMED = Place(0, "trimmed")
PART = Place(0, "segment_1")
FILE = Place(None, "sha256")


@pytest.mark.parametrize(
    ("allowed", "harmful", "is_aside"),
    [
        ([(HERE, 0.1)], (HERE, 0.1), True),
        ([(HERE, 0.1)], (HERE, 0.05), False),
        ([(HERE, 0.1)], (TRIMMED, 0.1), True),
        ([(TRIMMED, 0.0)], (HERE, 0.1), False),
        ([(HERE, 0.0)], (PART, 0.1), False),
        ([(PART, 0.0)], (PART, 0.1), True),
        ([(HERE, 0.0)], (Place(0, "trimmed/segment_1"), 0.1), False),
        ([(HERE, 0.0)], (Place(1, ""), 0.1), False),
        ([(HERE, 0.0)], (NEGATIVE, 0.1), True),
        ([(NEGATIVE, 0.0)], (NEGATIVE, 0.1), False),
        ([(UNDER, 0.0)], (UNDER, 0.1), False),
        ([(UNDER, 0.0)], (WHITE, 0.1), False),
        ([(WHITE, 0.1)], (BLACK, 0.1), False),
        ([(WHITE, 0.1)], (UNDER, 0.1), True),
        ([(WHITE, 0.2)], (UNDER, 0.1), False),
        ([(WHITE, 0.2), (UNDER, 0.1)], (UNDER, 0.1), True),
        ([(Place(0, "", "profiled"), 0.0)], (HERE, 0.1), False),
        ([(HERE, 0.0)], (FILE, 0.0), False),
        ([(FILE, 0.0)], (FILE, 0.0), True),
        ([(FILE, 0.0)], (Place(7, "segment_3", "on_black"), 0.0), True),
        ([(Place(None, "md5"), 0.0)], (FILE, 0.0), True),
        ([(Place(None, "md5"), 0.0)], (HERE, 0.1), False),
    ],
)
def test_only_what_shows_the_same_is_set_aside(
    allowed: list[tuple[Place, float]], harmful: tuple[Place, float], is_aside: bool
) -> None:
    suppression = suppression_of({(1, 0)})
    suppressors = suppression.settle(Sighting(1, *each) for each in allowed)
    assert suppressors.of(Sighting(0, *harmful)) == (1 if is_aside else None)


def test_one_part_inside_the_borders_does_not_speak_for_another() -> None:
    suppression = suppression_of({(0, 1)})
    first, second = Place(0, "trimmed 1"), Place(0, "trimmed 2")
    for allowed, there, by in (
        (first, first, 0),
        (first, second, None),
        (HERE, second, 0),
        (first, HERE, None),
    ):
        suppressors = suppression.settle([Sighting(0, allowed, 0.0), Sighting(1, there, 0.0)])
        assert suppressors.of(Sighting(1, there, 0.0)) == by
