"""Policies: rules as data, and the pure function from match groups to outcome.

`Policy` is read from TOML, strictly. Nothing here knows pixels, files of pictures or codes.
docs/policy.md says what every key means.
"""

from hashmatch.policy.conditions import CONDITIONS, Condition, Kind, Scope, When, conditions_for
from hashmatch.policy.policy import Policy
from hashmatch.policy.rules import MODES, ContentFacts, MatchGroup, OnError, Rule
from hashmatch.policy.suppression import Place, Sight, Sighting, Suppression, Suppressors

__all__ = [
    "CONDITIONS",
    "MODES",
    "Condition",
    "ContentFacts",
    "Kind",
    "MatchGroup",
    "OnError",
    "Place",
    "Policy",
    "Rule",
    "Scope",
    "Sight",
    "Sighting",
    "Suppression",
    "Suppressors",
    "When",
    "conditions_for",
]
