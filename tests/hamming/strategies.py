"""The native search strategies, under the names that tests use."""

from hashmatch import _core

Strategy = _core.Way
STRATEGIES = tuple(Strategy)
GROUPED = Strategy.grouped
