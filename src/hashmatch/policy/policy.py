"""`Policy`: rules as data, and the pure function from match groups to outcome."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from graphlib import CycleError
from hashlib import sha256
from typing import Any

from hashmatch.errors import HashmatchError, PolicyError
from hashmatch.policy import parser
from hashmatch.policy.conditions import CONDITIONS, Condition
from hashmatch.policy.rule_index import RuleIndex
from hashmatch.policy.rules import MODES, ContentFacts, MatchGroup, OnError, Rule
from hashmatch.policy.suppression import Suppression
from hashmatch.strict_table import Place, StrictTable, did_you_mean, quote
from hashmatch.values import ACTIONS, PRIORITIES, FiredRule, Outcome, PolicyRef
from hashmatch.views import VIEW_KINDS

_INTERVAL_S = 1.0
_MAX_INTERVAL_S = 60.0
_NO_FACTS = ContentFacts()
_Conditions = tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """Rules as data: what to do about an upload, given what it matches.

    `load` and `parse` check a policy strictly; the constructor does not look for unreachable rules
    or impossible values, and raises only the errors of `Suppression`. Immutable, safe to share
    between threads and after a fork, and picklable.

    `ref` has version and SHA-256 of the text. `mode` is ``"enforce"``, or ``"shadow"`` to order
    only `default`, the action if no rule fires, and record what would have been ordered. `rules`
    are in file order and may state `conditions`. `views` are the kinds of views to hash in addition
    to the content as stored; `video_interval_s` is the number of seconds between the samples of a
    video, 0 for every frame; `sampling_key` is the secret that says when the first is taken, None
    if the SHA-256 of the content alone says it. `document` is the text, which errors refer to.
    """

    ref: PolicyRef
    mode: str
    default: str
    on_error: OnError
    rules: tuple[Rule, ...]
    views: tuple[str, ...] = VIEW_KINDS
    video_interval_s: float = _INTERVAL_S
    sampling_key: str | None = field(default=None, repr=False)
    conditions: _Conditions = field(default=CONDITIONS, repr=False, compare=False)
    document: Place | None = field(default=None, repr=False, compare=False)
    _index: RuleIndex = field(init=False, repr=False, compare=False)
    _suppression: Suppression = field(init=False, repr=False, compare=False)
    _radius_bits: dict[str, int] = field(init=False, repr=False, compare=False)
    _algorithms: dict[str, frozenset[str]] = field(init=False, repr=False, compare=False)
    _default_outcome: Outcome = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        set_frozen = partial(object.__setattr__, self)
        radius_bits: dict[str, int] = {}
        algorithms: dict[str, Any] = {rule.name: rule.when["algorithm"] for rule in self.rules}
        for rule in self.rules:
            radius: Any = rule.when["max_distance"]
            names = algorithms[rule.name]
            radius_bits |= {name: max(radius, radius_bits.get(name, 0)) for name in names}
        set_frozen("_index", RuleIndex(self.rules, self.conditions))
        set_frozen("_suppression", Suppression(self.rules, self._index))
        set_frozen("_radius_bits", radius_bits)
        set_frozen("_algorithms", {name: frozenset(each) for name, each in algorithms.items()})
        set_frozen("_default_outcome", self._outcome_of({}, {}, None))

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, conditions: _Conditions = CONDITIONS) -> Policy:
        """Read a policy from a TOML file, whose rules may state `conditions`.

        PolicyError if it cannot be read or is malformed: one line with file, line and key.
        """
        return cls._read(Place.load(path, PolicyError), conditions)

    @classmethod
    def parse(
        cls, text: str, *, source: str = "policy", conditions: _Conditions = CONDITIONS
    ) -> Policy:
        """Read a policy from TOML text; errors are as for `load`, and call the text `source`."""
        return cls._read(Place.parse(text, source, PolicyError), conditions)

    @classmethod
    def _read(cls, document: Place, conditions: _Conditions) -> Policy:
        try:
            digest = sha256(document.text.encode("utf-8")).hexdigest()
        except UnicodeEncodeError:
            raise document.error("has a character that UTF-8 cannot hold") from None
        table = StrictTable(document, parser.POLICY_KEYS)
        ref = PolicyRef(version=table.text("version"), digest=digest)
        mode = table.choice("mode", MODES, "enforce")
        default = table.choice("default", ACTIONS)
        on_error = parser.read_on_error(table)
        views = table.choices("views", VIEW_KINDS)
        interval_s = table.number("video_interval_s", 0.0, _MAX_INTERVAL_S, _INTERVAL_S)
        sampling_key = parser.read_sampling_key(table)
        rules = parser.read_rules(table, conditions)
        try:
            policy = cls(
                *(ref, mode, default, on_error, rules),
                views=views,
                video_interval_s=interval_s,
                sampling_key=sampling_key,
                conditions=conditions,
                document=document,
            )
        except CycleError as error:
            raise parser.cycle_error(table, rules, error) from None
        parser.check_reachable(table, rules, policy._index)
        return policy

    @property
    def suppression(self) -> Suppression | None:
        """The relation "suppresses" of the rules; None if no rule suppresses another."""
        return self._suppression if self._suppression.suppressing else None

    @property
    def sampling_key_digest(self) -> str | None:
        """SHA-256 of `sampling_key` in hex, None if there is none."""
        return self.sampling_key and sha256(self.sampling_key.encode("utf-8")).hexdigest()

    @property
    def algorithms(self) -> tuple[str, ...]:
        """Names of the algorithms that rules ask about, sorted."""
        return tuple(sorted(self._radius_bits))

    def radius_bits(self, algorithm: str) -> int | None:
        """Return the widest `max_distance` of the rules that name the algorithm, None if none does.

        A search within that radius, inclusive, finds every match that can fire a rule.
        """
        return self._radius_bits.get(algorithm)

    def rules_not_about(self, algorithms: Iterable[str]) -> tuple[str, ...]:
        """Return the names of the rules that apply to none of the given algorithms."""
        return tuple(n for n, named in self._algorithms.items() if named.isdisjoint(algorithms))

    def check_names(self, names: Mapping[str, Collection[str]], where: str) -> None:
        """Check that a list exists for every name that rules ask about.

        `names` has all that exist, by key of `when`. Rules that `may_be_absent` are left out.
        PolicyError for the first other name: one line with file, line, key and a suggestion;
        `where` is what lacks it.
        """
        for number, rule in enumerate(self.rules):
            for key, known in () if rule.may_be_absent else names.items():
                stated: Any = rule.when[key]
                for name in stated or ():
                    if name not in known:
                        raise self._name_error(number, key, name, known, where)

    def _name_error(
        self, number: int, key: str, name: str, known: Collection[str], where: str
    ) -> HashmatchError:
        hint = did_you_mean(name, sorted(known))
        remedy = f"{hint} Or" if hint else "; add a list that has it, or"
        problem = f"{where} has no {key} {quote(name)}{remedy} give the rule may_be_absent = true"
        rule = self.rules[number]
        if self.document is None:
            return PolicyError(f"rule {quote(rule.name)}, when.{key}: {problem}")
        return self.document.at("rules", number, "when", key).error(problem)

    def has_rule_for(self, match: MatchGroup) -> bool:
        """Return whether some rule takes a match, whatever the facts about its content."""
        return self._index.first(match, self._index.every_rule) is not None

    def decide(
        self,
        groups: Iterable[MatchGroup] = (),
        facts: ContentFacts = _NO_FACTS,
        *,
        failed: bool = False,
    ) -> Outcome:
        """Return what to do about one upload, with every rule that fired, in file order.

        Each match takes the first rule that fits it. Pure: the outcome depends only on the policy,
        the matches and the facts, not on the order of the groups or on how matches are grouped.

        Parameters
        ----------
        groups : iterable of MatchGroup
            Everything that the content matches, read once. A rule whose matches are all suppressed
            fires without effect.
        facts : ContentFacts
            Facts about the content as a whole.
        failed : bool
            Some or all of the content could not be read, decoded or hashed. `on_error` then acts as
            one more rule, ordered last, that always fires and cannot be suppressed; the others
            still fire on what was matched, such as a digest.
        """
        first, rules = self._index.first, self._index.of_content(facts)
        n_matches: dict[int, int] = {}  # number of a rule that fires: how many matches it takes
        suppressed_by: dict[int, str | None] = {}  # None if a match stands
        for group in groups:
            number = first(group, rules)
            if number is not None:
                n_matches[number] = n_matches.get(number, 0) + group.n_matches
                both = suppressed_by.get(number, group.suppressed_by), group.suppressed_by
                suppressed_by[number] = None if None in both else min(both, key=self._place_of)
        if not n_matches and not failed:
            return self._default_outcome
        by = {number: name for number, name in suppressed_by.items() if name is not None}
        return self._outcome_of(n_matches, by, self.on_error if failed else None)

    def _place_of(self, name: str | None) -> int:
        return self._suppression.names.index(name or "")

    def _outcome_of(
        self,
        n_matches: Mapping[int, int],
        suppressed_by: Mapping[int, str],
        on_error: OnError | None,
    ) -> Outcome:
        fired = [(number, self.rules[number]) for number in sorted(n_matches)]
        standing: list[Rule | OnError] = [rule for n, rule in fired if n not in suppressed_by]
        if on_error is not None:
            standing.append(on_error)
        # min() keeps the first of equals, and `standing` is in file order.
        gravest = min(standing, key=_gravity, default=None)
        queues = [each for each in standing if each.queue is not None]
        queued = min(queues, key=_urgency, default=None)
        would_action = gravest.action if gravest else self.default
        shadow = self.mode == "shadow"
        return Outcome(
            action=self.default if shadow else would_action,
            would_action=would_action,
            rule=gravest.name if isinstance(gravest, Rule) else None,
            queue=queued.queue if queued and not shadow else None,
            priority=queued.priority if queued and not shadow else None,
            rules=tuple(
                FiredRule(
                    name=rule.name,
                    action=rule.action,
                    queue=rule.queue,
                    priority=rule.priority,
                    sla=rule.sla,
                    routes=rule.routes,
                    n_matches=n_matches[number],
                    suppressed_by=suppressed_by.get(number),
                )
                for number, rule in fired
            ),
            mode=self.mode,
        )


def _urgency(rule: Rule | OnError) -> int:
    return PRIORITIES.index(rule.priority)


def _gravity(rule: Rule | OnError) -> tuple[int, int]:
    return ACTIONS.index(rule.action), _urgency(rule)
