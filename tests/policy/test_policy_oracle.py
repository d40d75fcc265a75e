"""Policies and evidence drawn at random, against an oracle of plain dicts and brute force."""

import itertools
import json
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashmatch.errors import PolicyError
from hashmatch.policy import MatchGroup, Policy

GRAVEST_FIRST = ["block", "quarantine", "review", "log", "allow"]
URGENT_FIRST = ["critical", "high", "medium", "low"]


def as_list(value):
    return value if isinstance(value, list) else [value]


def fits(when, match):
    for key in ("harm", "list", "classification"):
        if key in when and match[key] not in as_list(when[key]):
            return False
    if when.get("algorithm", "pdq") != match["algorithm"]:
        return False
    sightings = [(match["distance"], match["quality"]), *match["clearer"]]
    return any(
        distance <= when["max_distance"]
        and (quality is None or quality >= when.get("min_quality", 50))
        for distance, quality in sightings
    )


def taker(rules, match):
    for rule in rules:
        if fits(rule["when"], match):
            return rule["name"]
    return None


def oracle(document, matches, *, failed=False):
    """Say what happens: a dict with the fields of a outcome, rules as (name, n, suppressed_by).

    Where the content `failed`, on_error stands behind the last rule.
    """
    rules = document.get("rules", [])
    takers = [taker(rules, match) for match in matches]
    fired = [rule for rule in rules if rule["name"] in takers]

    def suppressor(rule):
        for other in fired:
            if rule["name"] in other.get("suppresses", []) and suppressor(other) is None:
                return other["name"]
        return None

    left = [rule for rule in fired if suppressor(rule) is None]
    if failed:
        left.append(document["on_error"] | {"name": None})

    def urgency(rule):
        return URGENT_FIRST.index(rule.get("priority", "medium"))

    said = {"would_action": document["default"], "rule": None, "queue": None, "priority": None}
    if left:
        by_gravity = sorted(left, key=lambda r: (GRAVEST_FIRST.index(r["action"]), urgency(r)))
        said["would_action"], said["rule"] = by_gravity[0]["action"], by_gravity[0]["name"]
        queued = sorted((rule for rule in left if "queue" in rule), key=urgency)
        if queued:
            said["queue"] = queued[0]["queue"]
            said["priority"] = queued[0].get("priority", "medium")
    said["action"] = said["would_action"]
    if document.get("mode") == "shadow":
        said |= {"action": document["default"], "queue": None, "priority": None}
    said["fired"] = [(r["name"], takers.count(r["name"]), suppressor(r)) for r in fired]
    return said


DISTANCES = (0, 1, 2)
QUALITIES = (0, 1, None)
HARMS = ("h1", "h2", "h3")
LISTS = ("l1", "l2")
CLASSES = ("c1", "c2", None)
ALGORITHMS = ("pdq", "phash")

# Every match that rules drawn below can tell apart: "h3", the unnamed list and the missing
# classification stand for values that rules do not mention.
GRID = [
    {
        "distance": distance,
        "quality": quality,
        "harm": harm,
        "list": list_,
        "classification": classification,
        "algorithm": algorithm,
        "clearer": clearer,
    }
    for distance, quality, harm, list_, classification, algorithm in itertools.product(
        DISTANCES, QUALITIES, HARMS, (*LISTS, "unnamed"), CLASSES, ALGORITHMS
    )
    for clearer in [(), *(((far, 1),) for far in DISTANCES if quality == 0 and far > distance)]
]


def some_of(*values):
    return st.one_of(
        st.sampled_from(values),
        st.lists(st.sampled_from(values), min_size=1, max_size=len(values), unique=True),
    )


WHEN = st.fixed_dictionaries(
    {"max_distance": st.sampled_from(DISTANCES), "min_quality": st.sampled_from((0, 1))},
    optional={
        "harm": some_of("h1", "h2"),
        "list": some_of(*LISTS),
        "classification": some_of("c1", "c2"),
        "algorithm": st.sampled_from(ALGORITHMS),
    },
)


@st.composite
def documents(draw, *, with_dead_rules):
    whens = draw(st.lists(WHEN, max_size=7))
    rules = [{"name": f"r{i}", "when": when} for i, when in enumerate(whens)]
    if not with_dead_rules:
        alive = {taker(rules, match) for match in GRID}
        rules = [rule for rule in rules if rule["name"] in alive]
    rank = draw(st.permutations([rule["name"] for rule in rules]))  # suppression runs along it
    for rule in rules:
        rule["action"] = draw(st.sampled_from(GRAVEST_FIRST))
        if rule["action"] == "review" or draw(st.booleans()):
            rule["queue"] = draw(st.sampled_from(("q1", "q2", "q3")))
        if draw(st.booleans()):
            rule["priority"] = draw(st.sampled_from(URGENT_FIRST))
        if draw(st.booleans()):
            rule["sla"] = draw(st.sampled_from(("30m", "4h")))
            rule["routes"] = ["ledger", "pager"]
        later = rank[rank.index(rule["name"]) + 1 :]
        if later and draw(st.booleans()):
            rule["suppresses"] = draw(st.lists(st.sampled_from(later), unique=True))
    return {
        "version": "v1",
        "mode": draw(st.sampled_from(("enforce", "shadow"))),
        "default": draw(st.sampled_from(GRAVEST_FIRST)),
        "on_error": {
            "action": draw(st.sampled_from(("block", "quarantine", "review"))),
            "queue": "undecodable",
            "priority": draw(st.sampled_from(URGENT_FIRST)),
        },
        "rules": rules,
    }


def toml_value(value):
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{k} = {toml_value(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(toml_value(item) for item in value) + "]"
    return json.dumps(value)


def toml(document):
    return "".join(f"{key} = {toml_value(value)}\n" for key, value in document.items())


def evidence_of(match, n_matches=1):
    return MatchGroup(n_matches=n_matches, **match)


MATCHES = st.lists(st.sampled_from(GRID), max_size=8)


@given(documents(with_dead_rules=False), MATCHES)
def test_decide_equals_the_oracle(document, matches):
    policy = Policy.parse(toml(document))
    outcome = policy.decide([evidence_of(match) for match in matches])
    expected = oracle(document, matches)
    assert {name: getattr(outcome, name) for name in expected if name != "fired"} == {
        name: value for name, value in expected.items() if name != "fired"
    }
    assert [(r.name, r.n_matches, r.suppressed_by) for r in outcome.rules] == expected["fired"]
    assert outcome.mode == document["mode"]
    by_name = {rule["name"]: rule for rule in document["rules"]}
    for fired in outcome.rules:
        rule = by_name[fired.name]
        assert fired.action == rule["action"]
        assert fired.queue == rule.get("queue")
        assert fired.priority == rule.get("priority", "medium")
        assert fired.sla == rule.get("sla")
        assert fired.routes == tuple(rule.get("routes", ()))


@given(documents(with_dead_rules=False), MATCHES)
def test_an_error_swallows_no_rule_and_no_rule_an_error(document, matches):
    policy = Policy.parse(toml(document))
    outcome = policy.decide_error([evidence_of(match) for match in matches])
    expected = oracle(document, matches, failed=True)
    assert [(r.name, r.n_matches, r.suppressed_by) for r in outcome.rules] == expected.pop("fired")
    assert {name: getattr(outcome, name) for name in expected} == expected
    gravity = GRAVEST_FIRST.index
    assert gravity(outcome.would_action) <= gravity(document["on_error"]["action"])
    standing = [r.action for r in outcome.rules if r.suppressed_by is None]
    assert all(gravity(outcome.would_action) <= gravity(action) for action in standing)


@given(documents(with_dead_rules=False), MATCHES, st.data())
def test_decide_is_independent_of_order_and_of_how_matches_are_counted(document, matches, data):
    policy = Policy.parse(toml(document))
    single = [evidence_of(match) for match in matches]
    shuffled = data.draw(st.permutations(single))
    counts = {item: single.count(item) for item in shuffled}
    merged = (replace(item, n_matches=n) for item, n in counts.items())
    outcome = policy.decide(single)
    assert policy.decide(shuffled) == outcome
    assert policy.decide(merged) == outcome
    assert policy.decide(single) == outcome


@given(documents(with_dead_rules=False), MATCHES)
def test_shadow_records_what_enforce_orders(document, matches):
    evidence = [evidence_of(match) for match in matches]
    enforce = Policy.parse(toml(document | {"mode": "enforce"}))
    shadow = Policy.parse(toml(document | {"mode": "shadow"}))
    for ordered, recorded in (
        (enforce.decide(evidence), shadow.decide(evidence)),
        (enforce.decide_error(), shadow.decide_error()),
    ):
        assert ordered.action == ordered.would_action
        assert recorded == replace(
            ordered, action=document["default"], queue=None, priority=None, mode="shadow"
        )


@given(documents(with_dead_rules=True))
def test_parse_refuses_exactly_the_rules_that_no_match_can_reach(document):
    rules = document["rules"]
    alive = {taker(rules, match) for match in GRID}
    dead = [rule for rule in rules if rule["name"] not in alive]
    if not dead:
        assert len(Policy.parse(toml(document)).rules) == len(rules)
        return
    with pytest.raises(PolicyError) as caught:
        Policy.parse(toml(document))
    message = str(caught.value)
    assert message.startswith(f'policy: rules[{rules.index(dead[0])}] "{dead[0]["name"]}".when: ')
    named = set(re.findall(r'"(r\d+)"', message.split("(", 1)[1]))
    covering = [rule for rule in rules[: rules.index(dead[0])] if rule["name"] in named]
    assert len(covering) == len(named)
    assert not [
        match
        for match in GRID
        if fits(dead[0]["when"], match) and not any(fits(r["when"], match) for r in covering)
    ]


@given(documents(with_dead_rules=False))
def test_the_radius_is_the_least_that_loses_no_match(document):
    policy = Policy.parse(toml(document))
    for algorithm in ALGORITHMS:
        distances = [
            match["distance"]
            for match in GRID
            if match["algorithm"] == algorithm and taker(document["rules"], match)
        ]
        assert policy.radius_bits(algorithm) == (max(distances) if distances else None)
        assert (algorithm in policy.algorithms) == bool(distances)
