"""Worked examples of what a policy means; those drawn at random are in test_policy_oracle."""

import hashlib
import json
import pickle
import re
from dataclasses import FrozenInstanceError, replace
from pathlib import Path
from typing import Any

import pytest

from hashmatch.policy import MatchGroup, OnError, Policy
from hashmatch.values import FiredRule, Outcome, PolicyRef

DESIGN_POLICY = """\
version = "2026-11-22"
mode = "enforce"                # or "shadow": action is then the default, would_action what enforce would have given
default = "allow"
on_error = { action = "review", queue = "undecodable" }

[[rules]]                       # algorithm defaults to "pdq"; min_quality to 50 and speaks of the upload's view
name = "known-csam-near-exact"
when = { harm = "csam", max_distance = 10 }
action = "block"
queue = "minor-safety"
priority = "critical"
sla = "1h"
routes = ["ledger", "pager"]

[[rules]]
name = "known-csam-similar"
when = { harm = "csam", max_distance = 31 }
action = "review"
queue = "minor-safety"
priority = "high"
sla = "4h"
"""  # noqa: E501


def csam(
    distance: int, quality: int | None = 100, n_matches: int = 1, harm: str = "csam"
) -> MatchGroup:
    return MatchGroup("ncmec", harm, None, "pdq", distance, quality, n_matches)


def test_the_designs_policy_means_what_the_design_says() -> None:
    policy = Policy.parse(DESIGN_POLICY)
    assert policy.ref == PolicyRef("2026-11-22", hashlib.sha256(DESIGN_POLICY.encode()).hexdigest())
    assert (policy.mode, policy.default) == ("enforce", "allow")
    assert policy.on_error == OnError("review", "undecodable", "medium", None, ())
    assert policy.algorithms == ("pdq",)
    assert policy.radius_bits("pdq") == 31
    assert policy.radius_bits("phash") is None

    near = FiredRule(
        "known-csam-near-exact",
        "block",
        "minor-safety",
        "critical",
        "1h",
        ("ledger", "pager"),
        n_matches=5,
    )
    similar = FiredRule(
        "known-csam-similar", "review", "minor-safety", "high", "4h", (), n_matches=1
    )
    assert policy.decide([csam(11), csam(10, n_matches=2), csam(0, n_matches=3)]) == Outcome(
        action="block",
        would_action="block",
        rule="known-csam-near-exact",
        queue="minor-safety",
        priority="critical",
        rules=(near, similar),
        mode="enforce",
    )
    nothing = Outcome("allow", "allow", None, None, None, (), "enforce")
    assert policy.decide([]) == nothing
    assert policy.decide([csam(32), csam(0, quality=49), csam(0, harm="spam")]) == nothing
    assert policy.decide(failed=True) == Outcome(
        "review", "review", None, "undecodable", "medium", (), "enforce"
    )


@pytest.mark.parametrize(
    ("distance", "quality", "rule"),
    [
        (10, 50, "known-csam-near-exact"),
        (11, 50, "known-csam-similar"),
        (31, 50, "known-csam-similar"),
        (32, 50, None),
        (10, 49, None),
        (10, None, "known-csam-near-exact"),
    ],
)
def test_distance_and_quality_are_inclusive(
    distance: int, quality: int | None, rule: str | None
) -> None:
    assert Policy.parse(DESIGN_POLICY).decide([csam(distance, quality)]).rule == rule


def head(default: str = "allow") -> str:
    return f"""
version = "1"
default = "{default}"
on_error = {{ action = "block", queue = "undecodable", priority = "low" }}
"""


def rule(name: str, harm: str, action: str, **keys: Any) -> str:
    lines = [f"{key} = {json.dumps(value)}" for key, value in keys.items()]
    return f"""
[[rules]]
name = "{name}"
action = "{action}"
when = {{ harm = "{harm}", max_distance = 31 }}
""" + "\n".join(lines)


def test_a_spam_block_never_swallows_a_child_safety_review() -> None:
    policy = Policy.parse(
        head()
        + rule("spam", "spam", "block", queue="spam", priority="low")
        + rule("csam", "csam", "review", queue="minor-safety", priority="critical")
    )
    outcome = policy.decide([csam(0), csam(0, harm="spam")])
    assert (outcome.action, outcome.rule) == ("block", "spam")
    assert (outcome.queue, outcome.priority) == ("minor-safety", "critical")
    assert [fired.name for fired in outcome.rules] == ["spam", "csam"]


def test_an_urgent_rule_without_a_queue_leaves_the_queue_of_another() -> None:
    policy = Policy.parse(
        head()
        + rule("spam", "spam", "block", priority="critical")
        + rule("odd", "odd", "review", queue="odd", priority="low")
    )
    outcome = policy.decide([csam(0, harm="odd"), csam(0, harm="spam")])
    assert (outcome.action, outcome.queue, outcome.priority) == ("block", "odd", "low")
    outcome = policy.decide([csam(0, harm="spam")])
    assert (outcome.action, outcome.queue, outcome.priority) == ("block", None, None)


def test_ties_go_to_the_first_rule_of_the_file() -> None:
    policy = Policy.parse(
        head()
        + rule("late-urgency", "a", "block", queue="qa", priority="low")
        + rule("first", "b", "block", queue="qb", priority="high")
        + rule("second", "c", "block", queue="qc", priority="high")
    )
    outcome = policy.decide([csam(0, harm=harm) for harm in "cba"])
    assert (outcome.rule, outcome.queue) == ("first", "qb")


def test_the_default_plays_no_part_once_a_rule_fired() -> None:
    policy = Policy.parse(head(default="block") + rule("fine", "fine", "allow"))
    assert policy.decide([csam(0, harm="fine")]).action == "allow"
    assert policy.decide([]).action == "block"


def test_a_rule_is_suppressed_if_all_its_matches_are() -> None:
    policy = Policy.parse(
        head()
        + rule("harm", "h", "block", queue="q")
        + rule("one", "1", "allow", suppresses=["harm"])
        + rule("two", "2", "allow", suppresses=["harm"])
    )

    def fired(*suppressors: str | None) -> tuple[str, str | None, int]:
        matches = [replace(csam(0, harm="h"), suppressed_by=name) for name in suppressors]
        outcome = policy.decide([csam(0, harm="1"), csam(0, harm="2"), *matches])
        return outcome.action, outcome.rules[0].suppressed_by, outcome.rules[0].n_matches

    assert fired("two", "one", "two") == ("allow", "one", 3)
    assert fired("two") == ("allow", "two", 1)
    assert fired("two", None) == ("block", None, 2)
    assert fired(None, "two") == ("block", None, 2)
    assert policy.decide([replace(csam(0, harm="h"), suppressed_by="one")]).queue is None


def test_in_shadow_mode_nothing_is_routed() -> None:
    policy = Policy.parse(DESIGN_POLICY.replace('mode = "enforce"', 'mode = "shadow"'))
    outcome = policy.decide([csam(3)])
    assert (outcome.action, outcome.would_action) == ("allow", "block")
    assert (outcome.queue, outcome.priority) == (None, None)
    assert outcome.rule == "known-csam-near-exact"
    assert outcome.rules[0].queue == "minor-safety"
    assert policy.decide(failed=True) == Outcome("allow", "review", None, None, None, (), "shadow")


def test_a_policy_without_rules_gives_the_default() -> None:
    policy = Policy.parse(head(default="log"))
    assert policy.decide([csam(0)]).action == "log"
    assert policy.algorithms == ()


def test_load_takes_the_digest_of_the_bytes_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    data = DESIGN_POLICY.replace("\n", "\r\n").replace("minor-safety", "kinderschutz-ü").encode()
    path.write_bytes(data)
    for given_path in (path, str(path)):
        policy = Policy.load(given_path)
        assert policy.ref.digest == hashlib.sha256(data).hexdigest()
        assert policy.rules[0].queue == "kinderschutz-ü"
        assert policy == Policy.parse(data.decode())


def test_a_policy_cannot_be_changed() -> None:
    policy = Policy.parse(DESIGN_POLICY)
    parts: list[tuple[object, str]] = [
        (policy, "mode"),
        (policy.rules[0], "action"),
        (policy.rules[0].when, "values"),
        (policy.on_error, "action"),
        (csam(0), "distance"),
    ]
    for part, name in parts:
        with pytest.raises(FrozenInstanceError):
            setattr(part, name, getattr(part, name))


def test_a_pickled_policy_decides_the_same() -> None:
    policy = Policy.parse(DESIGN_POLICY)
    copy = pickle.loads(pickle.dumps(policy))
    assert copy == policy
    assert hash(copy) == hash(policy)
    assert copy.decide([csam(3), csam(20)]) == policy.decide([csam(3), csam(20)])
    assert copy.radius_bits("pdq") == 31


def test_a_group_without_matches_is_refused() -> None:
    with pytest.raises(ValueError, match="n_matches must be at least 1, not 0"):
        csam(0, n_matches=0)
    with pytest.raises(ValueError, match="distance must be at least 0 bits, not -1"):
        csam(-1)


def test_the_example_of_the_documentation_is_a_policy() -> None:
    page = Path(__file__).parents[2].joinpath("docs", "policy.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"^```toml\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    policy = Policy.parse(example)
    assert policy.algorithms == ("md5", "pdq", "phash")
    assert (policy.radius_bits("pdq"), policy.radius_bits("phash")) == (31, 6)
    spam = MatchGroup("spam-2026", "spam", None, "pdq", 12, 90)
    own = MatchGroup("own-artwork", "none", None, "pdq", 3, 90)
    assert policy.decide([spam]).action == "block"
    outcome = policy.decide([replace(spam, suppressed_by="our-own-artwork"), own])
    assert (outcome.action, outcome.rule) == ("allow", "our-own-artwork")
    assert outcome.rules[1].suppressed_by == "our-own-artwork"
    assert policy.decide(failed=True).queue == "undecodable"
