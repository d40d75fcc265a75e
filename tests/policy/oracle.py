"""An oracle of policies: plain dicts and brute force, and policies drawn at random."""

import itertools
import json
import re
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import strategies as st

from hashmatch.errors import PolicyError
from hashmatch.policy import CONDITIONS, Condition, MatchGroup, Policy, When
from hashmatch.policy.conditions import Value
from hashmatch.values import Outcome

Plain = dict[str, Any]
NOTHING: Plain = {}

GRAVEST_FIRST = ["block", "quarantine", "review", "log", "allow"]
URGENT_FIRST = ["critical", "high", "medium", "low"]


def when(conditions: Sequence[Condition] = CONDITIONS, /, **values: Value) -> When:
    """Return conditions of a rule; those not stated have their defaults."""
    return When(tuple((each.key, values.get(each.key, each.default)) for each in conditions))


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def fits(stated: Plain, match: Plain, content: Plain = NOTHING) -> bool:
    """Say whether a match fits; `uploader`, `min_lists` and `max_quality` are extra conditions."""
    for key in ("harm", "list", "classification"):
        if key in stated and match[key] not in as_list(stated[key]):
            return False
    if stated.get("algorithm", "pdq") != match["algorithm"]:
        return False
    if "uploader" in stated and content.get("uploader") not in as_list(stated["uploader"]):
        return False
    if "min_lists" in stated and not content.get("agreeing_lists", -1) >= stated["min_lists"]:
        return False
    sightings = [(match["distance"], match["quality"]), *match.get("clearer", ())]
    return any(
        distance <= stated["max_distance"]
        and (quality is None or quality >= stated.get("min_quality", 50))
        and (quality is None or quality <= stated.get("max_quality", 100))
        for distance, quality in sightings
    )


def taker(rules: Sequence[Plain], match: Plain, content: Plain = NOTHING) -> str | None:
    for rule in rules:
        if fits(rule["when"], match, content):
            return str(rule["name"])
    return None


def oracle(
    document: Plain, matches: Sequence[Plain], content: Plain = NOTHING, *, failed: bool = False
) -> dict[str, Any]:
    """Say what happens: a dict with the fields of an outcome, rules as (name, n, suppressed_by).

    If the content `failed`, on_error stands behind the last rule.
    """
    rules = document.get("rules", [])
    takers = [taker(rules, match, content) for match in matches]
    fired = [rule for rule in rules if rule["name"] in takers]

    def suppressor(rule: Plain) -> str | None:
        """Return the first rule that suppresses all matches of a rule, None if one stands."""
        own = [match for match, name in zip(matches, takers, strict=True) if name == rule["name"]]
        names = [match.get("suppressed_by") for match in own]
        in_order = [each["name"] for each in rules if each["name"] in names]
        return None if None in names else str(in_order[0])

    left = [rule for rule in fired if suppressor(rule) is None]
    if failed:
        left.append(document["on_error"] | {"name": None})

    def urgency(rule: Plain) -> int:
        return URGENT_FIRST.index(rule.get("priority", "medium"))

    expected: dict[str, Any] = {
        "would_action": document["default"],
        "rule": None,
        "queue": None,
        "priority": None,
    }
    if left:
        by_gravity = sorted(left, key=lambda r: (GRAVEST_FIRST.index(r["action"]), urgency(r)))
        expected["would_action"], expected["rule"] = by_gravity[0]["action"], by_gravity[0]["name"]
        queued = sorted((rule for rule in left if "queue" in rule), key=urgency)
        if queued:
            expected["queue"] = queued[0]["queue"]
            expected["priority"] = queued[0].get("priority", "medium")
    expected["action"] = expected["would_action"]
    if document.get("mode") == "shadow":
        expected |= {"action": document["default"], "queue": None, "priority": None}
    expected["fired"] = [(r["name"], takers.count(r["name"]), suppressor(r)) for r in fired]
    return expected


Sighting = dict[str, Any]
"""An entry as seen by one view: its facts, `entry`, distance, `bits` of the algorithm, quality; and
of the view `picture` (None: a digest), `region`, `appearance`, `sight` (seen, hidden, altered)."""


def suppressors_of(rules: Sequence[Plain], sightings: Sequence[Sighting]) -> list[str | None]:
    """Return the first rule that sets each sighting aside, by the words of docs/policy.md alone."""
    takers = [taker(rules, sighting) for sighting in sightings]
    found: dict[int, str | None] = {}

    def standing(name: str) -> list[Sighting]:
        return [
            one
            for number, one in enumerate(sightings)
            if takers[number] == name and one["sight"] != "altered" and of(number) is None
        ]

    def covers(others: list[Sighting], one: Sighting) -> bool:
        digests = [other for other in others if other["picture"] is None]
        if one["picture"] is None:
            return bool(digests)
        if any(digest["algorithm"] == "sha256" for digest in digests):
            return True
        for region in {one["region"], "" if one["region"] == "trimmed" else one["region"]}:
            place = one["picture"], region
            there = [other for other in others if (other["picture"], other["region"]) == place]
            near = [
                other
                for other in there
                if other["distance"] * one["bits"] <= one["distance"] * other["bits"]
            ]
            seen = [other for other in there if other["sight"] == "seen"]
            if any(other["appearance"] == one["appearance"] for other in near if other in seen):
                return True
            if one["sight"] != "seen" and one["appearance"] == "" and seen and near:
                return True
        return False

    def of(number: int) -> str | None:
        if number not in found:
            name = takers[number]
            by = [rule["name"] for rule in rules if name in rule.get("suppresses", [])]
            names = (each for each in by if covers(standing(each), sightings[number]))
            found[number] = next(names, None)
        return found[number]

    return [of(number) for number in range(len(sightings))]


def fired_by_sightings(
    rules: Sequence[Plain], sightings: Sequence[Sighting]
) -> dict[str, tuple[int, bool]]:
    """Return, for each rule that fires, its number of matches, and whether it stands."""
    by = suppressors_of(rules, sightings)
    order = [rule["name"] for rule in rules]
    fired: dict[str, tuple[int, bool]] = {}
    for match in {(one["entry"], one["algorithm"]) for one in sightings}:
        own = [n for n, one in enumerate(sightings) if (one["entry"], one["algorithm"]) == match]
        takers = {n: taker(rules, sightings[n]) for n in own}
        taken = [name for n, name in takers.items() if name and by[n] is None]
        aside = [name for n, name in takers.items() if name and by[n] is not None]
        if taken or aside:
            name = min(taken or aside, key=order.index)
            n_matches, stands = fired.get(name, (0, False))
            fired[name] = n_matches + 1, stands or bool(taken)
    return fired


DISTANCES = (0, 1, 2)
QUALITIES = (0, 1, None)
HARMS = ("h1", "h2", "h3")
LISTS = ("l1", "l2")
CLASSES = ("c1", "c2", None)
ALGORITHMS = ("pdq", "phash")

# Every match that rules drawn below can tell apart: "h3", the unnamed list and the missing
# classification stand for values that rules do not mention.
GRID: list[Plain] = [
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


def some_of(*values: Any) -> st.SearchStrategy[Any]:
    return st.one_of(
        st.sampled_from(values),
        st.lists(st.sampled_from(values), min_size=1, max_size=len(values), unique=True),
    )


WHEN: st.SearchStrategy[Plain] = st.fixed_dictionaries(
    {"max_distance": st.sampled_from(DISTANCES), "min_quality": st.sampled_from((0, 1))},
    optional={
        "harm": some_of("h1", "h2"),
        "list": some_of(*LISTS),
        "classification": some_of("c1", "c2"),
        "algorithm": st.sampled_from(ALGORITHMS),
    },
)


Cases = Sequence[tuple[Plain, Plain]]
"""Matches, each with the facts of its content."""

CASES: Cases = [(match, NOTHING) for match in GRID]


def reached(rules: Sequence[Plain], cases: Cases = CASES) -> set[str | None]:
    """Return the names of the rules that take one of the cases."""
    return {taker(rules, match, content) for match, content in cases}


def check_dead_rules(document: Plain, parse: Callable[[str], Policy], cases: Cases = CASES) -> None:
    """Check that `parse` refuses a policy if a rule is dead, and names rules that cover it."""
    rules = document["rules"]
    alive = reached(rules, cases)
    dead = [rule for rule in rules if rule["name"] not in alive]
    if not dead:
        assert len(parse(toml(document)).rules) == len(rules)
        return
    with pytest.raises(PolicyError) as caught:
        parse(toml(document))
    message, number = str(caught.value), rules.index(dead[0])
    assert message.startswith(f'policy:5: rules[{number}] "{dead[0]["name"]}".when: unreachable, ')
    named = set(re.findall(r'"(r\d+)"', message.partition("(")[2]))
    covering = [rule for rule in rules[:number] if rule["name"] in named]
    assert len(covering) == len(named)
    assert not [
        match
        for match, content in cases
        if fits(dead[0]["when"], match, content)
        and not any(fits(rule["when"], match, content) for rule in covering)
    ]


def said(outcome: Outcome) -> dict[str, Any]:
    """Return an outcome in the words of the oracle."""
    names = ("action", "would_action", "rule", "queue", "priority")
    return {name: getattr(outcome, name) for name in names} | {
        "fired": [(rule.name, rule.n_matches, rule.suppressed_by) for rule in outcome.rules]
    }


@st.composite
def documents(
    draw: st.DrawFn,
    *,
    with_dead_rules: bool,
    whens: st.SearchStrategy[Plain] = WHEN,
    cases: Cases = CASES,
) -> Plain:
    drawn = draw(st.lists(whens, max_size=7))
    rules: list[dict[str, Any]] = [{"name": f"r{i}", "when": when} for i, when in enumerate(drawn)]
    if not with_dead_rules:
        alive = reached(rules, cases)
        rules = [rule for rule in rules if rule["name"] in alive]
    rank: list[str] = draw(
        st.permutations([rule["name"] for rule in rules])
    )  # suppression runs along it
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
        if draw(st.booleans()) and later:
            suppressed: list[str] = draw(st.lists(st.sampled_from(later), unique=True))
            rule["suppresses"] = suppressed
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


def toml_value(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{k} = {toml_value(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(toml_value(item) for item in value) + "]"
    return json.dumps(value)


def toml(document: Plain) -> str:
    return "".join(f"{key} = {toml_value(value)}\n" for key, value in document.items())


def group_of(match: Plain, n_matches: int = 1) -> MatchGroup:
    return MatchGroup(n_matches=n_matches, **match)


MATCHES = st.lists(st.sampled_from(GRID), max_size=8)


def suppressed(
    draw: Callable[[st.SearchStrategy[str | None]], str | None],
    document: Plain,
    matches: Sequence[Plain],
) -> list[Plain]:
    """Return the matches, some of them set aside by a rule that suppresses the one they take."""
    rules = document["rules"]
    found = []
    for match in matches:
        name = taker(rules, match)
        by = [rule["name"] for rule in rules if name in rule.get("suppresses", [])]
        found.append(match | {"suppressed_by": draw(st.sampled_from([None, *by]))})
    return found
