"""Rules about digests, whose distance is 0 or nothing."""

from dataclasses import replace

import pytest

from hashmatch.errors import PolicyError
from hashmatch.policy import MatchGroup, Policy

HEAD = """
version = "1"
default = "allow"
on_error = { action = "review", queue = "undecodable", priority = "low" }
"""


def rule(when: str, name: str = "known", rest: str = 'action = "block"') -> str:
    return f'[[rules]]\nname = "{name}"\nwhen = {when}\n{rest}\n'


@pytest.mark.parametrize("algorithm", ["md5", "sha1", "sha256"])
def test_the_distance_of_a_digest_is_0(algorithm: str) -> None:
    for distance in ("", ", max_distance = 0"):
        text = HEAD + rule(f'{{ harm = "csam", algorithm = "{algorithm}"{distance} }}')
        policy = Policy.parse(text)
        assert policy.radius_bits(algorithm) == 0
        found = MatchGroup("l", "csam", None, algorithm, 0, None)
        assert policy.decide([found]).action == "block"
    text = HEAD + rule(f'{{ algorithm = "{algorithm}", max_distance = 3 }}')
    expected = (
        f'^policy:7: rules\\[0\\] "known".when.max_distance: 3, but {algorithm} is a digest, '
        "equal or not; write 0 or leave it out$"
    )
    with pytest.raises(PolicyError, match=expected):
        Policy.parse(text)


def test_the_distance_of_a_perceptual_hash_cannot_be_left_out() -> None:
    for algorithm in ("pdq", "phash", "no-digest"):
        with pytest.raises(PolicyError, match="max_distance: missing"):
            Policy.parse(HEAD + rule(f'{{ algorithm = "{algorithm}" }}'))


def test_an_error_and_a_digest_on_a_list() -> None:
    """The gravest action, the queue of the highest priority, and every rule that fired."""
    known = MatchGroup("l", "csam", None, "md5", 0, None, n_matches=2)
    text = HEAD + rule('{ harm = "csam", algorithm = "md5" }')
    outcome = Policy.parse(text).decide([known], failed=True)
    assert (outcome.action, outcome.rule) == ("block", "known")
    assert (outcome.queue, outcome.priority) == ("undecodable", "low")
    assert [(fired.name, fired.n_matches) for fired in outcome.rules] == [("known", 2)]

    log = HEAD + rule('{ algorithm = "md5" }', rest='action = "log"')
    outcome = Policy.parse(log).decide([known], failed=True)
    assert (outcome.action, outcome.rule, outcome.queue) == ("review", None, "undecodable")
    assert [fired.name for fired in outcome.rules] == ["known"]


def test_an_allow_list_does_not_set_an_error_aside() -> None:
    text = (
        HEAD
        + rule(
            '{ harm = "own", algorithm = "md5" }', "own", 'action = "allow"\nsuppresses = ["known"]'
        )
        + rule('{ harm = "csam", algorithm = "md5" }')
    )
    own, csam = (MatchGroup("l", harm, None, "md5", 0, None) for harm in ("own", "csam"))
    groups = [own, replace(csam, suppressed_by="own")]
    policy = Policy.parse(text)
    assert policy.decide(groups).action == "allow"
    outcome = policy.decide(groups, failed=True)
    assert (outcome.action, outcome.queue) == ("review", "undecodable")
    assert outcome.rules[1].suppressed_by == "own"


def test_shadow_orders_nothing_on_an_error_either() -> None:
    text = HEAD.replace("version", 'mode = "shadow"\nversion') + rule('{ algorithm = "md5" }')
    outcome = Policy.parse(text).decide(
        [MatchGroup("l", "csam", None, "md5", 0, None)], failed=True
    )
    assert (outcome.action, outcome.would_action, outcome.queue) == ("allow", "block", None)
