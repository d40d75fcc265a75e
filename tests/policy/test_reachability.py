"""Dead rules: worked cases; the comparison with brute force is in test_policy."""

import time

import pytest

from hashmatch.policy.reachability import covering_rules
from hashmatch.policy.rule_index import RuleIndex
from hashmatch.policy.rules import Condition, Rule


def covering(*conditions):
    """Return what covers the last of the conditions."""
    rules = [Rule(f"r{i}", when, "block") for i, when in enumerate(conditions)]
    return covering_rules(rules, len(rules) - 1, RuleIndex(rules))


H = Condition


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        pytest.param([H(31)], None, id="alone"),
        pytest.param([H(31), H(31)], (0,), id="the same"),
        pytest.param([H(31), H(10)], (0,), id="wide before narrow"),
        pytest.param([H(10), H(31)], None, id="narrow before wide"),
        pytest.param([H(31), H(10, algorithm="phash")], None, id="another algorithm"),
        pytest.param([H(31, min_quality=50), H(31, min_quality=49)], None, id="stricter first"),
        pytest.param([H(31, min_quality=49), H(31, min_quality=50)], (0,), id="laxer first"),
        pytest.param(
            [H(31, harm=("a",)), H(31, harm=("b",)), H(31, harm=("a", "b"))], (0, 1), id="split"
        ),
        pytest.param(
            [H(31, harm=("a",)), H(31, harm=("b",)), H(31, harm=("a", "b", "c"))], None, id="gap"
        ),
        pytest.param(
            [H(31, harm=("a",)), H(31, harm=("b",)), H(31)], None, id="a value not mentioned"
        ),
        pytest.param(
            [H(31, classification=("a",)), H(31, classification=("b",)), H(31)],
            None,
            id="no classification",
        ),
        pytest.param(
            [
                H(31, harm=("a",), list=("x",)),
                H(31, harm=("a",), list=("y",)),
                H(31, harm=("b",)),
                H(31, harm=("a", "b"), list=("x", "y")),
            ],
            (0, 1, 2),
            id="boxes that meet",
        ),
        pytest.param(
            [
                H(31, harm=("a",), list=("x",)),
                H(31, harm=("b",), list=("y",)),
                H(31, harm=("a", "b"), list=("x", "y")),
            ],
            None,
            id="a diagonal leaves corners",
        ),
        pytest.param(
            [H(40, harm=("a",)), H(20, harm=("b",)), H(31, harm=("a", "b"))],
            None,
            id="one of two is too narrow",
        ),
        pytest.param(
            [H(1, harm=("z",)), H(31, list=("x",)), H(31), H(5, harm=("a",), list=("x",))],
            (1,),
            id="names the first that takes it",
        ),
    ],
)
def test_covering_rules(conditions, expected):
    assert covering(*conditions) == expected


def test_two_hundred_rules_with_many_values_take_no_time():
    # Every rule is reached by a harm of its own, last in the list, past 199 earlier rules that
    # share its other values.
    shared = tuple(f"h{i}" for i in range(50))
    lists = tuple(f"l{i}" for i in range(20))
    rules = [
        Rule(f"r{n}", Condition(31, harm=(*shared, f"own{n}"), list=lists), "block")
        for n in range(200)
    ]
    started = time.process_time()
    table = RuleIndex(rules)
    assert [covering_rules(rules, n, table) for n in range(200)] == [None] * 200
    assert time.process_time() - started < 1.0
