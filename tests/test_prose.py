"""Plain English: the words that CONTRIBUTING bans stand nowhere, and docstrings begin well."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SUFFIXES = {".py", ".pyi", ".md", ".cpp", ".h", ".toml", ".sh"}
FOLDERS = ("src", "csrc", "docs", "tests", "benchmarks", "indexes")
TABLE_ROW = re.compile(r"^\| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)
RIDDLE = re.compile(r"(What|Which|Whether|How)\b")
WORD_LISTS = {Path("CONTRIBUTING.md"), Path("tests/test_prose.py")}


def banned_words(page: str) -> list[str]:
    """Return the left column of the word list in CONTRIBUTING."""
    _, _, table = page.partition("| not | but |\n")
    rows = TABLE_ROW.findall(table.partition("\n\n")[0])
    return [word.strip() for left, _ in rows for word in left.split(", ") if "--" not in word]


def files() -> Iterator[Path]:
    yield from sorted(ROOT.glob("*.md"))
    for folder in FOLDERS:
        yield from sorted(
            path
            for path in (ROOT / folder).rglob("*")
            if path.suffix in SUFFIXES and "built" not in path.parts
        )


def bad_words(text: str, banned: list[str]) -> list[str]:
    pattern = re.compile(rf"\b({'|'.join(map(re.escape, banned))})\b", re.IGNORECASE)
    # A phrase may break at the end of a line of prose or of a comment.
    joined = re.sub(r"\s*\n\s*(#|//)?\s*", " ", text)
    return [found.group() for found in pattern.finditer(joined)]


def riddles(source: str) -> list[str]:
    """Return the docstrings that begin with a noun clause instead of saying what is there."""
    kinds = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, kinds)]
    return [text for node in nodes if RIDDLE.match(text := ast.get_docstring(node) or "")]


BANNED = banned_words((ROOT / "CONTRIBUTING.md").read_text())


def test_the_word_list_is_read() -> None:
    assert {"amid", "befall", "in its stead", "has its say", "to be had"} <= set(BANNED)


def test_no_banned_word_stands_anywhere() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {word}"
        for path in files()
        if path.relative_to(ROOT) not in WORD_LISTS
        for word in bad_words(path.read_text(encoding="utf-8"), BANNED)
    ]
    assert found == []


def test_no_docstring_is_a_riddle() -> None:
    sources = [path for path in files() if path.suffix == ".py"]
    found = [
        f"{path.relative_to(ROOT)}: {text.splitlines()[0]}"
        for path in sources
        for text in riddles(path.read_text(encoding="utf-8"))
    ]
    assert found == []


@pytest.mark.parametrize(
    ("text", "n_found"),
    [
        ("a quotation mark amid a field", 1),
        ("# an error has\n    # its say", 1),
        ("// to be\n// had", 1),
        ("a camid", 0),
        ("Amid", 1),
    ],
)
def test_a_banned_word_is_found(text: str, n_found: int) -> None:
    assert len(bad_words(text, BANNED)) == n_found


@pytest.mark.parametrize(
    ("source", "n_found"),
    [
        ('"""What a scan came to."""', 1),
        ('def f():\n    """Whether it is."""', 1),
        ('class A:\n    """Totals of a scan."""', 0),
        ('def f():\n    """Return whether it is."""', 0),
    ],
)
def test_a_riddle_is_found(source: str, n_found: int) -> None:
    assert len(riddles(source)) == n_found
