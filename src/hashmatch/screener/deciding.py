"""From what a content matches to the decision about it, and all that proves it."""

from __future__ import annotations

from hashmatch._version import __version__
from hashmatch.policy import MatchGroup
from hashmatch.screener.matching import match_order
from hashmatch.screener.search import Content
from hashmatch.screener.state import State
from hashmatch.values import (
    MAX_RECORDED_MATCHES,
    Decision,
    Match,
    Outcome,
    RecordedHash,
)


def decision_of(state: State, content: Content) -> Decision:
    """Decide by all that a content matches; an error has its say besides."""
    index, policy = state.index, state.policy
    evidence: list[MatchGroup] = []
    matches: list[Match] = []
    for found in content.found:
        made = content.fingerprints[found.algorithm]
        evidence += found.evidence(index)
        matches += found.nearest(index, made.views, made.timestamps_s, MAX_RECORDED_MATCHES)
    matches.sort(key=match_order)
    decide = policy.decide if content.error is None else policy.decide_error
    return _row(state, content, decide(evidence), matches[:MAX_RECORDED_MATCHES])


def _row(state: State, content: Content, outcome: Outcome, matches: list[Match]) -> Decision:
    return Decision(
        content_id=content.content_id,
        sha256=content.sha256,
        hashes=tuple(
            RecordedHash(algorithm, made.codes[0].tobytes().hex(), made.quality, made.decode)
            for algorithm in state.algorithms
            if (made := content.fingerprints.get(algorithm)) is not None
        ),
        n_matches=sum(map(len, content.found)),
        matches=tuple(matches),
        rules=outcome.rules,
        rule=outcome.rule,
        action=outcome.action,
        would_action=outcome.would_action,
        queue=outcome.queue,
        priority=outcome.priority,
        mode=outcome.mode,
        policy=state.policy.ref,
        index=state.index.ref,
        error=content.error,
        hashmatch_version=__version__,
    )
