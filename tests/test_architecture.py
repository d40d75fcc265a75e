"""ARCHITECTURE.md is true: what it names exists, and its walks name each file once."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "ARCHITECTURE.md").read_text()
PACKAGE = ROOT / "src/hashmatch"
WALKS = ("One upload", "One list row")


def section(title: str) -> str:
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def python_files(text: str) -> list[str]:
    """Return the modules that a text names, without the folder of the package."""
    named = re.findall(r"`(?:src/hashmatch/)?([\w/]+\.py)`", text)
    return [name for name in named if not name.startswith("tests/")]


def test_every_path_exists() -> None:
    paths = re.findall(r"`((?:src/hashmatch|csrc|tests|indexes|docs)/[\w/.*-]+)`", PAGE)
    assert len(paths) > 40
    assert [path for path in paths if not any(ROOT.glob(path.rstrip("/")))] == []


def test_every_module_exists() -> None:
    whole = [name for name in python_files(PAGE) if "/" in name]
    assert len(whole) > 30
    assert [name for name in whole if not (PACKAGE / name).is_file()] == []


def test_every_floor_is_there() -> None:
    drawn = section("Floors").partition("```\n")[2].partition("```")[0]
    modules = {path.name.removesuffix(".py") for path in PACKAGE.iterdir()}
    packages = {name for name in modules if not name.startswith("_")}
    assert packages - {"py.typed"} <= set(re.findall(r"\w+", drawn))


@pytest.mark.parametrize("walk", WALKS)
def test_a_walk_names_each_file_once(walk: str) -> None:
    steps = re.findall(r"^\d\. .*(?:\n   .*)*", section(walk), re.MULTILINE)
    named = python_files("\n".join(steps))
    assert len(named) >= 8
    assert len(set(named)) == len(named)
