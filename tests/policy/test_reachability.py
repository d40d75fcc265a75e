"""Dead rules: worked cases; the comparison with brute force is in test_policy_oracle."""

import time
from typing import Any

import pytest

from hashmatch.policy import Rule, When
from hashmatch.policy.reachability import covering_rules
from hashmatch.policy.rule_index import RuleIndex
from tests.policy.oracle import when


def covering(*whens: When) -> tuple[int, ...] | None:
    """Return the rules that cover the last one."""
    rules = [Rule(f"r{i}", each, "block") for i, each in enumerate(whens)]
    return covering_rules(rules, len(rules) - 1, RuleIndex(rules))


def h(max_distance: int, **values: Any) -> When:
    return when(max_distance=max_distance, **values)


@pytest.mark.parametrize(
    ("whens", "expected"),
    [
        pytest.param([h(31)], None, id="alone"),
        pytest.param([h(31), h(31)], (0,), id="the same"),
        pytest.param([h(31), h(10)], (0,), id="wide before narrow"),
        pytest.param([h(10), h(31)], None, id="narrow before wide"),
        pytest.param([h(31), h(10, algorithm=("phash",))], None, id="another algorithm"),
        pytest.param([h(31, min_quality=50), h(31, min_quality=49)], None, id="stricter first"),
        pytest.param([h(31, min_quality=49), h(31, min_quality=50)], (0,), id="laxer first"),
        pytest.param(
            [h(31, harm=("a",)), h(31, harm=("b",)), h(31, harm=("a", "b"))], (0, 1), id="split"
        ),
        pytest.param(
            [h(31, harm=("a",)), h(31, harm=("b",)), h(31, harm=("a", "b", "c"))], None, id="gap"
        ),
        pytest.param(
            [h(31, harm=("a",)), h(31, harm=("b",)), h(31)], None, id="a value not mentioned"
        ),
        pytest.param(
            [h(31, classification=("a",)), h(31, classification=("b",)), h(31)],
            None,
            id="no classification",
        ),
        pytest.param(
            [
                h(31, harm=("a",), list=("x",)),
                h(31, harm=("a",), list=("y",)),
                h(31, harm=("b",)),
                h(31, harm=("a", "b"), list=("x", "y")),
            ],
            (0, 1, 2),
            id="boxes that meet",
        ),
        pytest.param(
            [
                h(31, harm=("a",), list=("x",)),
                h(31, harm=("b",), list=("y",)),
                h(31, harm=("a", "b"), list=("x", "y")),
            ],
            None,
            id="a diagonal leaves corners",
        ),
        pytest.param(
            [h(40, harm=("a",)), h(20, harm=("b",)), h(31, harm=("a", "b"))],
            None,
            id="one of two is too narrow",
        ),
        pytest.param(
            [h(1, harm=("z",)), h(31, list=("x",)), h(31), h(5, harm=("a",), list=("x",))],
            (1,),
            id="names the first that takes it",
        ),
    ],
)
def test_covering_rules(whens: list[When], expected: tuple[int, ...] | None) -> None:
    assert covering(*whens) == expected


def test_two_hundred_rules_with_many_values_take_no_time() -> None:
    # Every rule is reached by a harm of its own, last in the list, past 199 earlier rules that
    # share its other values.
    shared = tuple(f"h{i}" for i in range(50))
    lists = tuple(f"l{i}" for i in range(20))
    rules = [
        Rule(f"r{n}", h(31, harm=(*shared, f"own{n}"), list=lists), "block") for n in range(200)
    ]
    started = time.process_time()
    table = RuleIndex(rules)
    assert [covering_rules(rules, n, table) for n in range(200)] == [None] * 200
    assert time.process_time() - started < 1.0
