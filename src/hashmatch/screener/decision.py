"""The decision: the outcome of a policy for one upload, with everything that proves it."""

from __future__ import annotations

from hashmatch._version import __version__
from hashmatch.matching import MatchTable
from hashmatch.policy import Policy
from hashmatch.values import Decision, Fingerprints, RecordedHash
from hashmatch.views import AS_STORED, segment

_RECORDED_VIEWS = (AS_STORED, segment(1))


def decide(policy: Policy, fingerprints: Fingerprints, table: MatchTable) -> Decision:
    """Decide from all matches; if the content has an error, apply `on_error` as well.

    A pure function: it reads no index and no clock.
    """
    error = fingerprints.error
    outcome = policy.decide(table.groups, failed=error is not None)
    by_name = {fingerprint.algorithm: fingerprint for fingerprint in fingerprints}
    return Decision(
        content_id=fingerprints.content_id,
        sha256=fingerprints.sha256,
        hashes=tuple(
            RecordedHash(name, found.codes[0].tobytes().hex(), found.quality, found.decode)
            for name, found in sorted(by_name.items())
            if found.views[0] in _RECORDED_VIEWS
        ),
        n_matches=table.n_matches,
        n_entries=table.n_entries,
        matches=table.matches,
        rules=outcome.rules,
        rules_not_tried=policy.rules_not_about(by_name),
        rule=outcome.rule,
        action=outcome.action,
        would_action=outcome.would_action,
        queue=outcome.queue,
        priority=outcome.priority,
        mode=outcome.mode,
        policy=policy.ref,
        index=table.index,
        sampling_key=policy.sampling_key_digest,
        error=None if error is None else str(error),
        error_kind=None if error is None else str(error.kind),
        hashmatch_version=__version__,
    )
