"""The parts of a policy: immutable values without behaviour."""

from __future__ import annotations

from dataclasses import dataclass

from hashmatch.policy.conditions import When

MODES = ("enforce", "shadow")
"""Whether rules order what happens, or only record what they would have ordered."""

DEFAULT_PRIORITY = "medium"
DEFAULT_INTERVAL_S = 1.0

MAX_INTERVAL_S = 60
"""The longest time between two frames of a video that are looked at, inclusive."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: the matches it fits, what to do, who looks at it, and which rules it suppresses."""

    name: str
    when: When
    action: str
    queue: str | None = None
    priority: str = DEFAULT_PRIORITY
    sla: str | None = None
    routes: tuple[str, ...] = ()
    suppresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OnError:
    """What happens to a content that could not be read or decoded."""

    action: str
    queue: str
    priority: str = DEFAULT_PRIORITY
    sla: str | None = None
    routes: tuple[str, ...] = ()
