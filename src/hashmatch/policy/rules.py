"""The parts of a policy, and the evidence it is asked about: immutable values without behaviour."""

from __future__ import annotations

from dataclasses import dataclass

from hashmatch.values import ACTIONS

MODES = ("enforce", "shadow")
"""Whether the rules order what happens, or only record what they would have ordered."""

ERROR_ACTIONS = tuple(action for action in ACTIONS if action not in {"log", "allow"})
"""What may be ordered for a content that could not be read: never to let it pass."""

MAX_DISTANCE_BITS = 256
"""The widest radius a rule can ask for, inclusive."""

MAX_INTERVAL_S = 60
"""The longest time between two frames of a video that are looked at, inclusive."""

DEFAULT_INTERVAL_S = 1.0
DEFAULT_ALGORITHM = "pdq"
DEFAULT_MIN_QUALITY = 50
DEFAULT_PRIORITY = "medium"


@dataclass(frozen=True, slots=True)
class MatchGroup:
    """Matches of one content that no rule can tell apart, with their number.

    Parameters
    ----------
    list, harm : str
        Where the matched entries come from and what they show.
    classification : str or None
        The source's own grading of the entries, None where it gives none.
    algorithm : str
        Name of the hash algorithm that found the matches.
    distance : int
        In bits.
    quality : int or None
        Quality of the upload's view, 0..100; None where the algorithm has none.
    n_matches : int
        How many matches this stands for, at least 1.
    clearer : tuple of (int, int)
        Distance and quality of views that meet the same entries from farther off, but are of better
        quality, both rising; a rule fits a match that fits in any of its views.

    Raises
    ------
    ValueError
        For a negative distance, or fewer than one match.
    """

    list: str
    harm: str
    classification: str | None
    algorithm: str
    distance: int
    quality: int | None
    n_matches: int = 1
    clearer: tuple[tuple[int, int], ...] = ()

    def __post_init__(self) -> None:
        if self.distance < 0:
            raise ValueError(f"distance must be at least 0 bits, not {self.distance}")
        if self.n_matches < 1:
            raise ValueError(f"n_matches must be at least 1, not {self.n_matches}")


@dataclass(frozen=True, slots=True)
class Condition:
    """What a match must be like for a rule to fit it: the `when` of the rule, all of it together.

    `harm`, `list` and `classification` hold the values that fit, None where any does (a match
    without a classification included). `max_distance` is in bits and inclusive, `min_quality`
    0..100 and inclusive; a view without a quality passes.
    """

    max_distance: int
    harm: tuple[str, ...] | None = None
    list: tuple[str, ...] | None = None
    classification: tuple[str, ...] | None = None
    algorithm: str = DEFAULT_ALGORITHM
    min_quality: int = DEFAULT_MIN_QUALITY


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: a condition, what to do, who looks at it, and the rules it sets aside."""

    name: str
    when: Condition
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
