"""Plug-ins for one test, installed as pip would: a module and its metadata on sys.path."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"

Install = Callable[[str, str, str, Mapping[str, str]], Path]
"""(distribution, module, source of the module, entry points) -> folder on sys.path."""


@contextmanager
def installing(
    folder: Path, monkeypatch: pytest.MonkeyPatch, group: str, forget: Callable[[str], None]
) -> Iterator[Install]:
    """Install distributions in a folder; forget their modules and plug-ins at the end."""
    monkeypatch.syspath_prepend(folder)
    before = set(sys.modules)
    names: set[str] = set()

    def install(distribution: str, module: str, source: str, points: Mapping[str, str]) -> Path:
        (folder / f"{module}.py").write_text(source)
        info = folder / f"{distribution.replace('-', '_')}-1.2.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.2\n"
        )
        lines = "".join(f"{name} = {value}\n" for name, value in points.items())
        (info / "entry_points.txt").write_text(f"[{group}]\n{lines}")
        importlib.invalidate_caches()
        names.update(points)
        return folder

    yield install
    for name in names:
        forget(name)
    for module in set(sys.modules) - before:
        if str(folder) in str(getattr(sys.modules[module], "__file__", "")):
            del sys.modules[module]


def example_of_the_docs(page: str, group: str) -> tuple[str, str, str, str]:
    """Return source and module of the example on a page, and its entry point: name, value."""
    text = (DOCS / page).read_text()
    ((module, source),) = re.findall(r"```python\n# (\w+)\.py\n(.*?)```", text, re.DOTALL)
    (table,) = re.findall(rf'\[project\.entry-points\."{group}"\]\n(.*?)```', text, re.DOTALL)
    ((name, value),) = re.findall(r'([\w-]+) = "(.+)"', table)
    return source, module, name, value
