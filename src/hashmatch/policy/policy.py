"""`Policy`: rules as data, and the pure function from evidence to outcome."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256

from hashmatch.policy.parser import read_policy, read_text
from hashmatch.policy.rule_index import RuleIndex
from hashmatch.policy.rules import DEFAULT_INTERVAL_S, MatchGroup, OnError, Rule
from hashmatch.policy.suppression import Suppression
from hashmatch.strict_table import policy_error
from hashmatch.values import ACTIONS, PRIORITIES, VIEW_KINDS, FiredRule, Outcome, PolicyRef

_GRAVITY = {action: rank for rank, action in enumerate(ACTIONS)}
_URGENCY = {priority: rank for rank, priority in enumerate(PRIORITIES)}


@dataclass(frozen=True, slots=True)
class Policy:
    """Rules as data: what is to be done about a content, given what it matches.

    Made by `load` or `parse`, which check it strictly; made by hand, it is not checked for
    unreachable rules or impossible values. Immutable, safe to share between threads and after a
    fork, and can be pickled.

    Parameters
    ----------
    ref : PolicyRef
        Version and SHA-256 of the text.
    mode : str
        ``"enforce"``, or ``"shadow"`` to record what would have been ordered and order only the
        default.
    default : str
        The action where no rule fires.
    on_error : OnError
        What happens to a content that could not be read or decoded.
    rules : tuple of Rule
        In file order.
    views : tuple of str
        Which kinds of views of a content are looked at, beside the picture as stored.
    video_interval_s : float
        Seconds from one frame of a video that is looked at to the next; 0: every frame.
    """

    ref: PolicyRef
    mode: str
    default: str
    on_error: OnError
    rules: tuple[Rule, ...]
    views: tuple[str, ...] = VIEW_KINDS
    video_interval_s: float = DEFAULT_INTERVAL_S
    _table: RuleIndex = field(init=False, repr=False, compare=False)
    _suppression: Suppression = field(init=False, repr=False, compare=False)
    _radius_bits: dict[str, int] = field(init=False, repr=False, compare=False)
    _nothing: Outcome = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        radius_bits: dict[str, int] = {}
        for rule in self.rules:
            when = rule.when
            radius_bits[when.algorithm] = max(when.max_distance, radius_bits.get(when.algorithm, 0))
        for name, value in (
            ("_table", RuleIndex(self.rules)),
            ("_suppression", Suppression(self.rules)),
            ("_radius_bits", radius_bits),
            ("_nothing", self._outcome(self.default, None, None, None, ())),
        ):
            object.__setattr__(self, name, value)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Policy:
        """Read a policy from a TOML file.

        Raises
        ------
        PolicyError
            Where the file cannot be read or the policy is malformed: one line with the file and
            the key, or the line where it is not TOML.
        """
        return cls.parse(read_text(path), source=os.fspath(path))

    @classmethod
    def parse(cls, text: str, *, source: str = "policy") -> Policy:
        """Read a policy from TOML text; `source` is what errors call it.

        Raises
        ------
        PolicyError
            Where the policy is malformed: one line with the source and the key, or the line where
            it is not TOML.
        """
        try:
            digest = sha256(text.encode("utf-8")).hexdigest()
        except UnicodeEncodeError:
            raise policy_error(source, "has a character that UTF-8 cannot hold") from None
        parts = read_policy(text, source)
        return cls(
            ref=PolicyRef(version=parts.version, digest=digest),
            mode=parts.mode,
            default=parts.default,
            on_error=parts.on_error,
            views=parts.views,
            video_interval_s=parts.video_interval_s,
            rules=parts.rules,
        )

    @property
    def algorithms(self) -> tuple[str, ...]:
        """Names of the algorithms that rules ask about, sorted."""
        return tuple(sorted(self._radius_bits))

    def radius_bits(self, algorithm: str) -> int | None:
        """Return the widest inclusive radius any rule can use, None where none names the algorithm.

        A search within it finds every match that can fire a rule.
        """
        return self._radius_bits.get(algorithm)

    def decide(self, evidence: Iterable[MatchGroup]) -> Outcome:
        """Return what is to be done about one content.

        Each match takes the first rule that fits it. Pure: the outcome depends on the policy and
        the evidence only, and neither on the order of the evidence nor on how equal matches are
        counted together.

        Parameters
        ----------
        evidence : iterable of MatchGroup
            Everything the content matches, read once; empty where it matches nothing.

        Returns
        -------
        Outcome
            With every rule that fired, in file order.
        """
        n_matches = self._taken(evidence)
        if not n_matches:
            return self._nothing
        return self._decided(n_matches, None)

    def decide_error(self, evidence: Iterable[MatchGroup] = ()) -> Outcome:
        """Return what is to be done about a content that could not be read, decoded or hashed.

        Rules fire on whatever it matches all the same, by a digest say, and `on_error` has its say
        as a rule after the last would that fires and that nothing suppresses: the action is the
        gravest of all, the queue that of the highest priority.

        Parameters
        ----------
        evidence : iterable of MatchGroup
            As for `decide`.
        """
        return self._decided(self._taken(evidence), self.on_error)

    def _taken(self, evidence: Iterable[MatchGroup]) -> dict[int, int]:
        """Return the numbers of the rules that take evidence, and how many matches each takes."""
        n_matches: dict[int, int] = {}
        first = self._table.first
        for item in evidence:
            number = first(item)
            if number is not None:
                n_matches[number] = n_matches.get(number, 0) + item.n_matches
        return n_matches

    def _decided(self, n_matches: Mapping[int, int], on_error: OnError | None) -> Outcome:
        suppressed_by = self._suppression.apply(n_matches)
        standing: list[Rule | OnError] = [
            self.rules[number] for number in sorted(n_matches) if number not in suppressed_by
        ]
        if on_error is not None:
            standing.append(on_error)
        # min() keeps the first of equals, and `standing` is in file order.
        gravest = min(standing, key=lambda rule: (_GRAVITY[rule.action], _URGENCY[rule.priority]))
        queued = min(
            (rule for rule in standing if rule.queue is not None),
            key=lambda rule: _URGENCY[rule.priority],
            default=None,
        )
        return self._outcome(
            gravest.action,
            gravest.name if isinstance(gravest, Rule) else None,
            queued.queue if queued else None,
            queued.priority if queued else None,
            self._fired(n_matches, suppressed_by),
        )

    def _fired(
        self, n_matches: Mapping[int, int], suppressed_by: Mapping[int, int]
    ) -> tuple[FiredRule, ...]:
        fired = []
        for number in sorted(n_matches):
            rule, suppressor = self.rules[number], suppressed_by.get(number)
            fired.append(
                FiredRule(
                    name=rule.name,
                    action=rule.action,
                    queue=rule.queue,
                    priority=rule.priority,
                    sla=rule.sla,
                    routes=rule.routes,
                    n_matches=n_matches[number],
                    suppressed_by=None if suppressor is None else self.rules[suppressor].name,
                )
            )
        return tuple(fired)

    def _outcome(
        self,
        would_action: str,
        rule: str | None,
        queue: str | None,
        priority: str | None,
        fired: tuple[FiredRule, ...],
    ) -> Outcome:
        shadow = self.mode == "shadow"
        return Outcome(
            action=self.default if shadow else would_action,
            would_action=would_action,
            rule=rule,
            queue=None if shadow else queue,
            priority=None if shadow else priority,
            rules=fired,
            mode=self.mode,
        )
