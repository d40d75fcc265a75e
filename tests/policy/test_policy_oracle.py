"""Laws of policies drawn at random, against the oracle."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from hashmatch.policy import Policy
from tests.policy.oracle import (
    ALGORITHMS,
    GRAVEST_FIRST,
    GRID,
    MATCHES,
    Plain,
    check_dead_rules,
    documents,
    group_of,
    oracle,
    said,
    suppressed,
    taker,
    toml,
)


@given(documents(with_dead_rules=False), MATCHES, st.data())
def test_decide_equals_the_oracle(
    document: Plain, matches: list[Plain], data: st.DataObject
) -> None:
    matches = suppressed(data.draw, document, matches)
    policy = Policy.parse(toml(document))
    outcome = policy.decide([group_of(match) for match in matches])
    assert said(outcome) == oracle(document, matches)
    assert outcome.mode == document["mode"]
    by_name = {rule["name"]: rule for rule in document["rules"]}
    for fired in outcome.rules:
        rule = by_name[fired.name]
        assert fired.action == rule["action"]
        assert fired.queue == rule.get("queue")
        assert fired.priority == rule.get("priority", "medium")
        assert fired.sla == rule.get("sla")
        assert fired.routes == tuple(rule.get("routes", ()))


@given(documents(with_dead_rules=False), MATCHES, st.data())
def test_an_error_swallows_no_rule_and_no_rule_an_error(
    document: Plain, matches: list[Plain], data: st.DataObject
) -> None:
    matches = suppressed(data.draw, document, matches)
    policy = Policy.parse(toml(document))
    outcome = policy.decide([group_of(match) for match in matches], failed=True)
    assert said(outcome) == oracle(document, matches, failed=True)
    gravity = GRAVEST_FIRST.index
    assert gravity(outcome.would_action) <= gravity(document["on_error"]["action"])
    standing = [r.action for r in outcome.rules if r.suppressed_by is None]
    assert all(gravity(outcome.would_action) <= gravity(action) for action in standing)


@given(documents(with_dead_rules=False), MATCHES, st.data())
def test_decide_is_independent_of_order_and_of_how_matches_are_counted(
    document: Plain, matches: list[Plain], data: st.DataObject
) -> None:
    matches = suppressed(data.draw, document, matches)
    policy = Policy.parse(toml(document))
    single = [group_of(match) for match in matches]
    shuffled = data.draw(st.permutations(single))
    counts = {item: single.count(item) for item in shuffled}
    merged = (replace(item, n_matches=n) for item, n in counts.items())
    outcome = policy.decide(single)
    assert policy.decide(shuffled) == outcome
    assert policy.decide(merged) == outcome
    assert policy.decide(single) == outcome


@given(documents(with_dead_rules=False), MATCHES)
def test_shadow_records_what_enforce_orders(document: Plain, matches: list[Plain]) -> None:
    groups = [group_of(match) for match in matches]
    enforce = Policy.parse(toml(document | {"mode": "enforce"}))
    shadow = Policy.parse(toml(document | {"mode": "shadow"}))
    for ordered, recorded in (
        (enforce.decide(groups), shadow.decide(groups)),
        (enforce.decide(failed=True), shadow.decide(failed=True)),
    ):
        assert ordered.action == ordered.would_action
        assert recorded == replace(
            ordered, action=document["default"], queue=None, priority=None, mode="shadow"
        )


@given(documents(with_dead_rules=True))
def test_parse_refuses_exactly_the_rules_that_no_match_can_reach(document: Plain) -> None:
    check_dead_rules(document, Policy.parse)


@given(documents(with_dead_rules=False))
def test_the_radius_is_the_least_that_loses_no_match(document: Plain) -> None:
    policy = Policy.parse(toml(document))
    for algorithm in ALGORITHMS:
        distances = [
            match["distance"]
            for match in GRID
            if match["algorithm"] == algorithm and taker(document["rules"], match)
        ]
        assert policy.radius_bits(algorithm) == (max(distances) if distances else None)
        assert (algorithm in policy.algorithms) == bool(distances)
