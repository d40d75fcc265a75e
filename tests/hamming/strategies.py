"""The native search strategies, under the names that tests use."""

from hashmatch import _core

Strategy = _core.Strategy
STRATEGIES = tuple(Strategy)
BATCH_PROBE = Strategy.batch_probe
