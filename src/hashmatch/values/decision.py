"""Decisions: an outcome about one content, with the matches and rules that prove it."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any

ROW_VERSION = 1
"""Version of the layout of decision rows; raised when a key changes its meaning or goes."""

ACTIONS = ("block", "quarantine", "review", "log", "allow")
"""Actions that a decision can order, gravest first."""

PRIORITIES = ("critical", "high", "medium", "low")
"""Priorities of review, most urgent first."""

MAX_RECORDED_MATCHES = 100
"""Most matches that a decision records, the nearest; it counts all of them."""


@dataclass(frozen=True, slots=True)
class RecordedHash:
    """A hash in a decision; `decode` says how its pixels were obtained."""

    algorithm: str
    hex: str = field(repr=False)
    quality: int | None
    decode: str


@dataclass(frozen=True, slots=True)
class Match:
    """A list entry within the radius of a view of the content; one per entry and algorithm.

    `distance` and `radius` are in bits, both inclusive. `timestamp_s` is the time of the content's
    frame in seconds, None for a still picture and for the first frame of an animation; `quality` is
    that of the view as shown, 0..100, `stretched_quality` that of the view with its contrast
    stretched, if it is faint; None if the algorithm has none, or if the policy does not ask for
    ``stretched`` views. `entry_timestamp_s` is the time of the
    entry's frame in seconds, None if its list states none.
    """

    list: str
    list_version: str
    entry_id: str
    harm: str
    algorithm: str
    distance: int
    radius: int
    view: str
    timestamp_s: float | None = None
    quality: int | None = None
    stretched_quality: int | None = None
    entry_timestamp_s: float | None = None


@dataclass(frozen=True, slots=True)
class FiredRule:
    """A rule that was the first to apply to at least one match.

    `n_matches` counts those matches; `suppressed_by` names the first rule that suppressed them all,
    None if one stands.
    """

    name: str
    action: str
    queue: str | None
    priority: str | None
    sla: str | None
    routes: tuple[str, ...]
    n_matches: int
    suppressed_by: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of a policy for one content.

    `action` is what to do; `would_action` is what the same policy orders in "enforce" mode, which
    differs only in "shadow" mode. `rule` names the rule that set `would_action`, None if the
    default or `on_error` did. `queue` and `priority` come from the fired rule with the highest
    priority and are None in "shadow" mode, so that nothing is routed.
    """

    action: str
    would_action: str
    rule: str | None
    queue: str | None
    priority: str | None
    rules: tuple[FiredRule, ...]
    mode: str


@dataclass(frozen=True, slots=True)
class PolicyRef:
    """Identity of a policy: its version and the SHA-256 of its bytes."""

    version: str
    digest: str


@dataclass(frozen=True, slots=True)
class IndexRef:
    """Identity of an index: its name, generation number and the digest of its contents."""

    name: str
    generation: int
    digest: str


@dataclass(frozen=True, slots=True)
class Decision:
    """An outcome about one content, with everything that proves it.

    A function of content, index generation and policy: no clock, no random id. `n_matches` counts
    matches, one per entry and algorithm; `n_entries` counts distinct entries; `matches` holds the
    nearest 100, ordered by (distance, list, entry_id, algorithm). `rules_not_tried` names the rules
    about algorithms that the content has no hash of. `sampling_key` is the SHA-256 of the policy's
    key for sampling videos, None if it has none. `error` is the reason why part of the content
    could not be read, decoded or hashed, or None; `error_kind` is the `hashmatch.errors.ErrorKind`
    of that error.
    """

    content_id: str
    sha256: str | None
    hashes: tuple[RecordedHash, ...]
    n_matches: int
    n_entries: int
    matches: tuple[Match, ...]
    rules: tuple[FiredRule, ...]
    rules_not_tried: tuple[str, ...]
    rule: str | None
    action: str
    would_action: str
    queue: str | None
    priority: str | None
    mode: str
    policy: PolicyRef
    index: IndexRef
    sampling_key: str | None
    error: str | None
    error_kind: str | None
    hashmatch_version: str

    def to_dict(self) -> dict[str, Any]:
        """Return the decision row as plain dicts, lists, strings and numbers, ready for JSON."""
        return {"row_version": ROW_VERSION, **_plain(self)}


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    return [_plain(item) for item in value] if isinstance(value, tuple) else value
