"""Options of the benchmarks."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options that set the sizes."""
    group = parser.getgroup("hashmatch")
    group.addoption("--codes", type=int, default=1_000_000, help="codes in the index")
    group.addoption("--queries", type=int, default=1_000, help="queries in a batch")
