"""What is to be done about a content, as data: rules, and the decision they lead to.

`Policy` is read from TOML and checked strictly; `Policy.decide` is a pure function of the evidence.
Nothing here knows pixels, files of pictures or codes. docs/policy.md says what every key means.
"""

from hashmatch.policy.policy import Policy
from hashmatch.policy.rules import MODES, Condition, MatchGroup, OnError, Rule

__all__ = ["MODES", "Condition", "MatchGroup", "OnError", "Policy", "Rule"]
