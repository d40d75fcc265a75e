"""Fixtures of the cases: a copy of a case's folder, and a scan of its files."""

import json
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from hashmatch.cli import main
from hashmatch.index import build_index
from tests.conftest import CASES_VARIABLE

Row = dict[str, Any]
Scan = Callable[..., list[Row]]


@pytest.fixture
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Return a copy of the folder that the marker `case` names; built if it holds a recipe."""
    marker = request.node.get_closest_marker("case")
    assert marker is not None
    (name,) = marker.args
    folder = tmp_path / str(name)
    shutil.copytree(Path(os.environ[CASES_VARIABLE]) / name, folder)
    if (folder / "recipe.toml").exists() and marker.kwargs.get("build", True):
        build_index(folder)
    return folder


@pytest.fixture
def demo_copy(demo: Path, tmp_path: Path) -> Path:
    """Return a built copy of the demo that the test may change."""
    return Path(shutil.copytree(demo, tmp_path / "demo-copy"))


@pytest.fixture
def scan(demo: Path, tmp_path: Path) -> Scan:
    """Return a function that scans files by the command line and returns their rows, in order."""

    def run(
        files: Sequence[Path], *options: str, index: Path = demo, policy: Path | None = None
    ) -> list[Row]:
        rows = tmp_path / "rows.jsonl"
        policy = policy or index / "policy.toml"
        arguments = [*map(str, files), "--index", str(index), "--policy", str(policy)]
        assert main(["scan", *arguments, "-o", str(rows), *options]) == 0
        lines = rows.read_text(encoding="utf-8").splitlines()
        found = {row["content_id"]: row for row in map(json.loads, lines)}
        return [found[str(file)] for file in files]

    return run
