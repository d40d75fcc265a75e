"""From the text of a policy to its parts, strictly: the first thing wrong is a `PolicyError`."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from hashmatch.policy.reachability import covering_rules
from hashmatch.policy.rule_index import RuleIndex
from hashmatch.policy.rules import (
    DEFAULT_ALGORITHM,
    DEFAULT_INTERVAL_S,
    DEFAULT_MIN_QUALITY,
    DEFAULT_PRIORITY,
    ERROR_ACTIONS,
    MAX_DISTANCE_BITS,
    MAX_INTERVAL_S,
    MODES,
    Condition,
    OnError,
    Rule,
)
from hashmatch.policy.suppression import find_cycle
from hashmatch.strict_table import (
    Place,
    StrictTable,
    did_you_mean,
    policy_error,
    quoted,
)
from hashmatch.values import ACTIONS, DIGEST_BITS, PRIORITIES, VIEW_KINDS

MAX_POLICY_BYTES = 4 * 2**20
"""More than this is not a policy; reading it would only take long to say so."""

_POLICY_KEYS = ("version", "mode", "default", "on_error", "views", "video_interval_s", "rules")
_ON_ERROR_KEYS = ("action", "queue", "priority", "sla", "routes")
_RULE_KEYS = ("name", "when", "action", "queue", "priority", "sla", "routes", "suppresses")
_WHEN_KEYS = ("harm", "list", "classification", "algorithm", "max_distance", "min_quality")
_NOT_OF_A_RULE = dict.fromkeys(_WHEN_KEYS, "in when") | dict.fromkeys(
    (key for key in _POLICY_KEYS if key != "rules"), "above the first [[rules]]"
)
_NOT_OF_WHEN = dict.fromkeys(
    (key for key in _RULE_KEYS if key != "when"), "beside when, not inside it"
)
_NAMED_COVERING_RULES = 8


class PolicyParts(NamedTuple):
    """What the text of a policy says."""

    version: str
    mode: str
    default: str
    on_error: OnError
    views: tuple[str, ...]
    video_interval_s: float
    rules: tuple[Rule, ...]


def read_text(path: str | os.PathLike[str]) -> str:
    """Return the text of a policy file, its bytes unchanged but for their decoding from UTF-8.

    Raises
    ------
    PolicyError
        Where there is no such file, it cannot be read, is too large or is not UTF-8.
    """
    source = os.fspath(path)
    try:
        with Path(path).open("rb") as file:
            data = file.read(MAX_POLICY_BYTES + 1)
    except OSError as error:
        raise policy_error(source, f"cannot be read: {error.strerror or error}") from None
    if len(data) > MAX_POLICY_BYTES:
        raise policy_error(source, f"larger than the {MAX_POLICY_BYTES} bytes a policy may have")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise policy_error(source, f"not UTF-8 (at line {line}); save it as UTF-8") from None


def read_policy(text: str, source: str) -> PolicyParts:
    """Return the parts of a policy.

    Parameters
    ----------
    text : str
        TOML.
    source : str
        What errors call the text, such as the path of its file.

    Raises
    ------
    PolicyError
        For the first thing that is wrong, with its key, or its line where it is not TOML.
    """
    root = Place(source)
    table = StrictTable(_toml(text, source), root, _POLICY_KEYS)
    version = table.text("version")
    mode = table.choice("mode", MODES, "enforce")
    default = table.choice("default", ACTIONS)
    on_error = _on_error(table)
    views = table.choices("views", VIEW_KINDS)
    interval_s = table.number("video_interval_s", 0, MAX_INTERVAL_S, DEFAULT_INTERVAL_S)
    rules = _rules(table)
    return PolicyParts(version, mode, default, on_error, views, interval_s, rules)


def _toml(text: str, source: str) -> dict[str, Any]:
    if text.startswith("\ufeff"):
        raise policy_error(source, "begins with a byte order mark; save it as UTF-8 without one")
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        last_line = text.rstrip().count("\n") + 1
        problem = str(error).replace("(at end of document)", f"(at the end, line {last_line})")
        raise policy_error(source, f"not TOML: {problem}") from None
    except ValueError:  # Python's own limit on the digits of an int
        raise policy_error(source, "not a policy: a number has too many digits") from None
    except RecursionError:
        raise policy_error(source, "not a policy: lists or tables are nested too deep") from None


def _on_error(table: StrictTable) -> OnError:
    raw = table.raw("on_error", 'a table such as { action = "review", queue = "undecodable" }')
    inner = StrictTable(raw, table.place.key("on_error"), _ON_ERROR_KEYS)
    return OnError(
        action=inner.choice("action", ERROR_ACTIONS),
        queue=inner.text("queue"),
        priority=inner.choice("priority", PRIORITIES, DEFAULT_PRIORITY),
        sla=inner.optional_duration("sla"),
        routes=inner.texts("routes"),
    )


def _rules(table: StrictTable) -> tuple[Rule, ...]:
    if "rules" not in table:
        return ()
    raw, place = table.raw("rules", "tables headed [[rules]]"), table.place.key("rules")
    if not isinstance(raw, list):
        raise place.wrong_kind("tables headed [[rules]]", raw)
    places = [_rule_place(place, raw, number) for number in range(len(raw))]
    rules: list[Rule] = []
    numbers: dict[str, int] = {}
    for number, item in enumerate(raw):
        rule = _rule(item, places[number])
        earlier = numbers.setdefault(rule.name, number)
        if earlier != number:
            raise places[number].key("name").error(f"rules[{earlier}] has the same name")
        rules.append(rule)
    _check_suppression(rules, places)
    _check_reachable(rules, places)
    return tuple(rules)


def _rule_place(rules: Place, raw: Sequence[object], number: int) -> Place:
    rule, place = raw[number], rules.item(number)
    name = rule.get("name") if isinstance(rule, dict) else None
    if isinstance(name, str) and name.strip():
        return Place(place.source, f"{place.path} {quoted(name)}")
    return Place(place.source, f"{place.path} (rule {number + 1} of {len(raw)})")


def _rule(raw: object, place: Place) -> Rule:
    table = StrictTable(raw, place, _RULE_KEYS, misplaced=_NOT_OF_A_RULE)
    name = table.text("name")
    when = _condition(table)
    action = table.choice("action", ACTIONS)
    if action == "review" and "queue" not in table:
        raise place.key("queue").error("missing; a review without a queue would never be done")
    return Rule(
        name=name,
        when=when,
        action=action,
        queue=table.optional_text("queue"),
        priority=table.choice("priority", PRIORITIES, DEFAULT_PRIORITY),
        sla=table.optional_duration("sla"),
        routes=table.texts("routes"),
        suppresses=table.texts("suppresses"),
    )


def _condition(rule: StrictTable) -> Condition:
    raw = rule.raw("when", 'a table such as { harm = "spam", max_distance = 31 }')
    when = StrictTable(raw, rule.place.key("when"), _WHEN_KEYS, misplaced=_NOT_OF_WHEN)
    algorithm = when.optional_text("algorithm") or DEFAULT_ALGORITHM
    return Condition(
        harm=when.alternatives("harm"),
        list=when.alternatives("list"),
        classification=when.alternatives("classification"),
        algorithm=algorithm,
        max_distance=_max_distance(when, algorithm),
        min_quality=when.whole_number("min_quality", 0, 100, DEFAULT_MIN_QUALITY),
    )


def _max_distance(when: StrictTable, algorithm: str) -> int:
    if algorithm not in DIGEST_BITS:
        return when.whole_number("max_distance", 0, MAX_DISTANCE_BITS)
    distance = when.whole_number("max_distance", 0, MAX_DISTANCE_BITS, 0)
    if distance:
        raise when.place.key("max_distance").error(
            f"{distance}, but {algorithm} is a digest, equal or not; write 0 or leave it out"
        )
    return distance


def _check_suppression(rules: Sequence[Rule], places: Sequence[Place]) -> None:
    names = [rule.name for rule in rules]
    known = set(names)
    for rule, place in zip(rules, places, strict=True):
        for number, name in enumerate(rule.suppresses):
            item = place.key("suppresses").item(number)
            if name == rule.name:
                raise item.error("a rule cannot suppress itself")
            if name not in known:
                raise item.error(f"no rule is named {quoted(name)}{did_you_mean(name, names)}")
    circle = find_cycle(rules)
    if circle is not None:
        chain = " -> ".join(quoted(names[number]) for number in (*circle, circle[0]))
        raise (
            places[circle[0]]
            .key("suppresses")
            .error(f"rules suppress each other in a circle, {chain}; take one of them out")
        )


def _check_reachable(rules: Sequence[Rule], places: Sequence[Place]) -> None:
    table = RuleIndex(rules)
    for number, place in enumerate(places):
        covering = covering_rules(rules, number, table)
        if covering is None:
            continue
        named = [quoted(rules[earlier].name) for earlier in covering[:_NAMED_COVERING_RULES]]
        if len(covering) > len(named):
            named.append(f"{len(covering) - len(named)} more")
        raise place.key("when").error(
            "unreachable, since every match that fits is taken by earlier rules "
            f"({', '.join(named)}); move this rule before them or remove it"
        )
