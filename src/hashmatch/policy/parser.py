"""The parser of policies, which reads strictly and raises `PolicyError` for the first fault."""

from __future__ import annotations

from collections.abc import Sequence
from graphlib import CycleError

from hashmatch.errors import HashmatchError
from hashmatch.policy.conditions import Condition, When
from hashmatch.policy.reachability import covering_rules
from hashmatch.policy.rule_index import RuleIndex
from hashmatch.policy.rules import DEFAULT_PRIORITY, OnError, Rule
from hashmatch.strict_table import StrictTable, did_you_mean, quote
from hashmatch.values import ACTIONS, PRIORITIES

POLICY_KEYS = (
    *("version", "mode", "default", "on_error"),
    *("views", "video_interval_s", "sampling_key", "rules"),
)

_ON_ERROR_KEYS = ("action", "queue", "priority", "sla", "routes")
_RULE_KEYS = (
    *("name", "when", "action", "queue", "priority", "sla", "routes", "suppresses"),
    "may_be_absent",
)
_NOT_OF_WHEN = {key: "beside when, not inside it" for key in _RULE_KEYS if key != "when"}
_ERROR_ACTIONS = tuple(action for action in ACTIONS if action not in {"log", "allow"})
_NAMED_COVERING_RULES = 8
_LEAST_KEY_CHARACTERS = 16


def read_on_error(policy: StrictTable) -> OnError:
    """Read `on_error`, which must not let an upload pass."""
    example = '{ action = "review", queue = "undecodable" }'
    table = policy.table("on_error", _ON_ERROR_KEYS, example)
    return OnError(
        action=table.choice("action", _ERROR_ACTIONS),
        queue=table.text("queue"),
        priority=table.choice("priority", PRIORITIES, DEFAULT_PRIORITY),
        sla=table.optional_duration("sla"),
        routes=table.texts("routes"),
    )


def read_sampling_key(policy: StrictTable) -> str | None:
    """Read `sampling_key`, which is long enough not to be guessed from its digest."""
    key = policy.optional_text("sampling_key")
    if key is not None and len(key) < _LEAST_KEY_CHARACTERS:
        problem = f"too short to be secret; take at least {_LEAST_KEY_CHARACTERS} characters"
        raise policy.error("sampling_key", problem)
    return key


def read_rules(policy: StrictTable, conditions: Sequence[Condition]) -> tuple[Rule, ...]:
    """Read `rules`, whose names are unique and which suppress only each other."""
    misplaced = {condition.key: "in when" for condition in conditions}
    misplaced |= {key: "above the first [[rules]]" for key in POLICY_KEYS if key != "rules"}
    tables = policy.tables("rules", _RULE_KEYS, misplaced)
    rules: list[Rule] = []
    numbers: dict[str, int] = {}
    for number, table in enumerate(tables):
        rule = _read_rule(table, conditions)
        earlier = numbers.setdefault(rule.name, number)
        if earlier != number:
            raise table.error("name", f"rules[{earlier}] has the same name")
        rules.append(rule)
    for rule, table in zip(rules, tables, strict=True):
        for number, name in enumerate(rule.suppresses):
            place = table.place.at("suppresses", number)
            if name == rule.name:
                raise place.error("a rule cannot suppress itself")
            if name not in numbers:
                raise place.error(f"no rule is named {quote(name)}{did_you_mean(name, numbers)}")
    return tuple(rules)


def _read_rule(table: StrictTable, conditions: Sequence[Condition]) -> Rule:
    name = table.text("name")
    keys, example = tuple(each.key for each in conditions), '{ harm = "spam", max_distance = 31 }'
    when = table.table("when", keys, example, _NOT_OF_WHEN)
    values = tuple((each.key, each.read(when)) for each in conditions)
    action = table.choice("action", ACTIONS)
    if action == "review" and "queue" not in table:
        raise table.error("queue", "missing; a review without a queue would never be done")
    return Rule(
        name=name,
        when=When(values),
        action=action,
        queue=table.optional_text("queue"),
        priority=table.choice("priority", PRIORITIES, DEFAULT_PRIORITY),
        sla=table.optional_duration("sla"),
        routes=table.texts("routes"),
        suppresses=table.texts("suppresses"),
        may_be_absent=table.flag("may_be_absent"),
    )


def cycle_error(policy: StrictTable, rules: Sequence[Rule], cycle: CycleError) -> HashmatchError:
    """Return the error for rules that suppress each other, beginning with the first of them."""
    numbers: list[int] = cycle.args[1][:-1]
    start = numbers.index(min(numbers))
    numbers = numbers[start:] + numbers[: start + 1]
    chain = " -> ".join(quote(rules[number].name) for number in numbers)
    problem = f"rules suppress each other in a circle, {chain}; remove one of them"
    return policy.place.at("rules", numbers[0], "suppresses").error(problem)


def check_reachable(policy: StrictTable, rules: Sequence[Rule], index: RuleIndex) -> None:
    """Raise `PolicyError` for the first rule that no match can reach."""
    for number in range(len(rules)):
        covering = covering_rules(rules, number, index)
        if covering is None:
            continue
        place = policy.place.at("rules", number, "when")
        if not covering:
            raise place.error("unreachable, since no match can meet all of its conditions")
        names = [quote(rules[earlier].name) for earlier in covering[:_NAMED_COVERING_RULES]]
        if len(covering) > len(names):
            names.append(f"{len(covering) - len(names)} more")
        raise place.error(
            "unreachable, since every match that fits is taken by earlier rules "
            f"({', '.join(names)}); move this rule before them or remove it"
        )
