"""The demo's uploads, and a screener for them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hashmatch.screener import Screener


@pytest.fixture(scope="session")
def uploads(demo: Path) -> list[Path]:
    """Every upload of the demo, in order."""
    return sorted(path for path in (demo / "uploads").rglob("*") if path.is_file())


@pytest.fixture(scope="session")
def opened(demo: Path) -> Callable[..., Screener]:
    """Open the demo's index and policy, with the options given."""

    def open_demo(**options: Any) -> Screener:
        return Screener.open(demo, policy=demo / "policy.toml", **options)

    return open_demo
